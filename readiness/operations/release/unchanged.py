"""A deploy that changed nothing to be seen: aborted where what passed before passes still, else for a person.

Process, release and settings are not all that a command can touch: it may have removed what a server is started from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.operations.release import bookkeeping as release_record
from readiness.operations.release.before import EXPRESSION
from readiness.operations.release.model import Outcome, Step, end
from readiness.operations.rollback.verify import compared_with
from readiness.support.environment import EXPECTED_VERSION

if TYPE_CHECKING:
    from readiness.operations.release.after import After
    from readiness.operations.release.ports import Checked

THE_SAME = "process, release and settings are the same"


def judged(release: After, words: str) -> Step | None:
    """How a release ends whose command (`words`) changed nothing; None where something has changed meanwhile."""
    told = f"{words} and changed nothing: {THE_SAME}; nothing to roll back"
    if not release.before_answered:
        return Step(status="failed", detail=words, end=end(Outcome.ABORTED, told))
    before = release.note.running.version
    found = release.world.checks(release.config, EXPRESSION, {} if before is None else {EXPECTED_VERSION: before})
    if release.changes(release.look()):
        return None
    data = {"run": found.run_id, "status": found.status}
    bad, unproven = _worse(release, found)
    if bad:
        # nothing was deployed, so there is nothing to go back from: what was broken is for a person to find
        why = f"{words}; {THE_SAME}, and what passed before fails now: {bad[0]}"
        release.tell_people(found.run_id, found.status)
        return Step(status="failed", detail=words, end=end(Outcome.HELD, why, found.exit), data=data)
    if unproven:
        told += f"; not all that passed before could be proven again: {unproven[0]}"
    return Step(status="failed", detail=words, end=end(Outcome.ABORTED, told), data=data)


def not_restored(release: After, changes: list[str]) -> str:
    """What is to be said of a hub that was ended or started anew with the release from before in place; else nothing."""
    if set(changes) - {release_record.THE_PROCESS}:
        return ""
    seen = release.look()
    state = f"{seen.process} is {seen.state}" if seen.answers else f"the hub does not answer ({seen.trouble})"
    return f"; release and settings are the ones from before, and {state}: see to it that it runs"


def _worse(release: After, found: Checked) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if found.document is None:
        return (), (found.words,)
    proof = compared_with(found.document, release.note.passed)
    return proof.bad, proof.unproven
