"""The rollback's faults as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.faults.rollback import FAULTS, PARTS
from tests.faults.rollback.model import EXIT, TOLD

if TYPE_CHECKING:
    from tests.faults.rollback.model import RollbackFault

HEAD: Final = f"""# The rollback's faults

Written by `python -m tests.faults rollback > docs/proof/rollback-faults.md` from the data in `tests/faults/rollback/`; a test asserts
that it is current. Each of the {len(FAULTS)} is a deploy that went wrong, with something wrong around its rollback: judged, planned and
acted upon as `readiness check` in mode `auto` does it, unless it says otherwise. Asserted of each: the exit status, the words, which
actions ran and how often, what people are told and how severe it is said to be, and that nothing is left open.

SIGKILL is no row here: it is sent before each of the 12 steps of a rollback and the 17 of one with two actions, and before each of
the 19 steps of a restoration and the 33 of one that is undone; a test asserts that these are all. On the embedded and the real hub
the commonest of these are run once more, by real processes (`tests/operations/rollback/test_run.py`, `tests/real/test_real_rollback.py`).

| what comes of it | meaning | exit | people are told |
|---|---|---|---|
| held | nothing is done by itself | 1, the verdict's | the verdict, by `readiness check` |
| refused | it was planned, and is not carried out | 1 | why it was refused, critical |
| verified | ROLLED_BACK_VERIFIED | 1 | that it begins; the outcome, high |
| unverified | ROLLED_BACK_UNVERIFIED | 13 | that it begins; the outcome, critical |
| failed | ROLLBACK_FAILED | 14 | that it begins; the outcome, critical |
"""


def markdown() -> str:
    """The whole page."""
    lines = [HEAD]
    for title, faults in PARTS:
        lines += [
            f"## {title}",
            "",
            "| fault | what happens | what comes of it | in these words |",
            "|---|---|---|---|",
        ]
        lines += [_row(fault) for fault in faults]
        lines.append("")
    return "\n".join(lines)


def _row(fault: RollbackFault) -> str:
    told = "" if fault.told in {None, TOLD[fault.expected]} else f"; told: {', '.join(fault.told or ())}"
    words = "; ".join(word.replace("|", "\\|") for word in fault.words)
    return f"| {fault.name} | {fault.sentence} | {fault.expected}, {EXIT[fault.expected]}{told} | {words} |"
