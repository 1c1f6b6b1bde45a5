"""Commits that a backup names: whether git still has them, and will keep them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from readiness.errors import Unknown
from readiness.facts.backup.script_made import COMMIT
from readiness.facts.release import Git
from readiness.support import Unreadable

if TYPE_CHECKING:
    from pathlib import Path

Standing = Literal["reachable", "dangling", "missing"]
_UNTOLD: Final = "untold"


class Commits(Git):
    """The commits of the repository that tracks a release."""

    def standing(self, commit: str) -> Standing:
        """Whether `commit` is there, and whether HEAD, a branch or a tag keeps it there.

        Raises Unreadable where there is no repository, Unknown for what is no commit's name.
        """
        if not COMMIT.fullmatch(commit):
            raise Unknown("what the manifest names is no commit")
        if not self.has(commit):
            return "missing"
        if self.contains("HEAD", commit):
            return "reachable"
        kept = self._text("for-each-ref", "--count=1", "--contains", commit, "--format=%(refname)")
        return "reachable" if kept.strip() else "dangling"


def head_commit(release: Path) -> str | None:
    """The commit that `release` is a checkout of; None where no repository tracks it. Raises Unreadable."""
    try:
        return Git(release).commit
    except Unreadable as error:
        if error.why == _UNTOLD:
            return None
        raise
