"""The rollback's faults as data: what is wrong around one rollback, and what must come of it."""

from __future__ import annotations

from typing import Final

from tests.faults.rollback.acting import COMMANDS, PROOFS, RESTORING
from tests.faults.rollback.planning import HOLD, MODES, TOGETHER
from tests.faults.rollback.refusals import BACKUPS, CHANGES, OTHERS, TARGETS

PARTS: Final = (
    ("The deploy is not to blame, or going back would not help", HOLD),
    ("Who decides", MODES),
    ("Many at once", TOGETHER),
    ("The release to return to", TARGETS),
    ("What changed between the plan and the act", CHANGES),
    ("Somebody else is at it, or was, and the disk", OTHERS),
    ("The backup", BACKUPS),
    ("The action", COMMANDS),
    ("What comes back", PROOFS),
    ("The built-in action", RESTORING),
)
FAULTS: Final = tuple(fault for _, faults in PARTS for fault in faults)
