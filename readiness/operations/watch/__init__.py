"""The live view: one look after another, as words, rows and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.operations.watch import wording
    from readiness.operations.watch.bench import Bench
    from readiness.operations.watch.document import to_json
    from readiness.operations.watch.look import Watcher, WatchLook
    from readiness.operations.watch.target import duration, interval, target_options, watched
    from readiness.operations.watch.view import View
    from readiness.operations.watch.wording import changes, line_of, plain_lines
else:
    __all__, __getattr__ = front_door(__name__, __file__)
