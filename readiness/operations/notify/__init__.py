"""Telling people what happened, once, on the right channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.operations.notify import after, change, incident, people
    from readiness.operations.notify.after import Announcement, find, told_lines
    from readiness.operations.notify.channels import every_channel, unreachable
    from readiness.operations.notify.check import event_of
    from readiness.operations.notify.delivery import deliver
    from readiness.operations.notify.events import Event, Notified, Pacing
    from readiness.operations.notify.incident import escaped
    from readiness.operations.notify.people import People, tell
    from readiness.operations.notify.thread import hub_of
else:
    __all__, __getattr__ = front_door(__name__, __file__)
