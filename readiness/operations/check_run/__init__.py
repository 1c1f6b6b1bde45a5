"""A run of checks in a child process, and what follows from its verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.operations.check_run import acting
    from readiness.operations.check_run.arguments import CheckArguments
    from readiness.operations.check_run.run import check
else:
    __all__, __getattr__ = front_door(__name__, __file__)
