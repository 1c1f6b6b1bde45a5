"""What git knows about a release tree, asked through the git command: nothing is written, nothing of it is executed.

The caller's GIT_* variables and the user's and the system's settings do not count, so that the same tree gives the same
answer everywhere; no program that the repository's settings name is run; a tree of another owner is read nevertheless.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Final

from readiness.support import Unreadable, child_process, git

if TYPE_CHECKING:
    from pathlib import Path

SECONDS: Final = 10.0
"""Seconds for one question to git; the status of a tree of 100,000 files takes two."""
_LIMIT: Final = 16 * 1024 * 1024
_GITLINK: Final = "160000 "
"""How git's index notes a submodule."""
_MOST_SUBMODULES: Final = 50
_SIGNATURES: Final = (
    "-----BEGIN PGP SIGNATURE-----",
    "-----BEGIN SSH SIGNATURE-----",
    "-----BEGIN SIGNED MESSAGE-----",
)
REVIEWERS: Final = ("reviewed-by", "approved-by")
"""Trailers of a commit message that attest a review."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GitChange:
    """One line of `git status`: two letters, and the path relative to the repository."""

    code: str
    path: str

    @property
    def untracked(self) -> bool:
        """Whether git does not know the file."""
        return self.code == "??"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """A tag that points at the release's commit."""

    name: str
    signed: bool
    verified: bool | None
    """None: the signer's key is not known here."""


class GitTimeouts:
    """Trees for which git timed out in this run; later questions about them fail at once."""

    def __init__(self) -> None:
        self._kept: dict[str, float] = {}

    def note(self, root: Path, seconds: float) -> None:
        """Remember that git was waited for, `seconds` long."""
        self._kept[str(root)] = seconds

    def refuse(self, root: Path) -> None:
        """Raise Unreadable where git has timed out for this tree before."""
        seconds = self._kept.get(str(root))
        if seconds is not None:
            raise _silent(root, seconds, ", asked once before")


def _silent(root: Path, seconds: float, when: str = "") -> Unreadable:
    return Unreadable(
        f"could not look: git did not answer about {root} in {seconds:g} s{when}; see what `git -C {root} status` waits for",
        "silent",
        root,
    )


class Git:
    """The repository that tracks a release tree; each question asks git again, but for where the repository is.

    What asks in the same run shares one `silence`, so that a git that hangs is waited for once.
    """

    def __init__(self, root: Path, silence: GitTimeouts | None = None) -> None:
        self.root = root
        self.silence = silence or GitTimeouts()

    @functools.cached_property
    def top(self) -> str:
        """The repository's folder. Raises Unreadable where the tree is in none, or in one that tracks none of it."""
        done = self._ask("rev-parse", "--show-toplevel")
        if not done.ok:
            if "not a git repository" in done.err or "must be run in a work tree" in done.err:
                raise Unreadable(
                    f"{self.root} is no git working tree; if that is meant, declare [expect] git as not expected",
                    "untold",
                    self.root,
                )
            raise Unreadable(f"git cannot read {self.root}: {done.last_words()}", "broken", self.root)
        if not self._ask("ls-files", "--", ".").out:
            raise Unreadable(
                f"the repository {done.out.strip()} tracks nothing of {self.root}; if that is meant, declare "
                "[expect] git as not expected",
                "untold",
                self.root,
            )
        return done.out.rstrip("\n")

    @property
    def commit(self) -> str:
        """The commit that is checked out, 40 hex digits. Raises Unreadable."""
        return self._line("rev-parse", "--verify", "HEAD^{commit}")

    @property
    def shallow(self) -> bool:
        """Whether history was cut off when it was fetched."""
        return self._line("rev-parse", "--is-shallow-repository") == "true"

    def changes(self) -> list[GitChange]:
        """What differs from the commit in the release tree; ignored files do not count. Raises Unreadable."""
        out = self._text("status", "--porcelain=v1", "-z", "--untracked-files=normal", *self._submodules, "--", ".")
        found, parts = [], iter(out.split("\0"))
        for part in parts:
            if len(part) > 3:  # noqa: PLR2004 - two letters, a space, a path
                found.append(GitChange(code=part[:2], path=part[3:]))
                if part[0] in "RC":
                    next(parts, None)
        return found

    def branches(self, name: str) -> list[str]:
        """The refs that `name` may mean: the local branch, and each remote's. Raises Unreadable."""
        patterns = (f"refs/heads/{name}", f"refs/remotes/*/{name}")
        return self._text("for-each-ref", "--format=%(refname)", *patterns).split()

    def contains(self, ref: str, commit: str) -> bool:
        """Whether `commit` is in the history of `ref`. Raises Unreadable."""
        self.top  # noqa: B018 - raises where there is no repository
        done = self._ask("merge-base", "--is-ancestor", commit, ref)
        if done.code not in {0, 1}:
            raise Unreadable(f"git cannot compare {commit[:12]} and {ref}: {done.last_words()}", "broken", self.root)
        return done.code == 0

    def has(self, commit: str) -> bool:
        """Whether the repository holds `commit`, with everything that checking it out needs named. Raises Unreadable."""
        self.top  # noqa: B018 - raises where there is no repository
        return self._ask("cat-file", "-e", f"{commit}^{{commit}}").ok

    def tracked(self, *patterns: str) -> list[str]:
        """Paths below the release that git tracks and that match. Raises Unreadable."""
        return [path for path in self._text("ls-files", "-z", "--", *(patterns or (".",))).split("\0") if path]

    def not_ignored(self, *paths: str) -> list[str]:
        """Those of `paths` that git neither tracks nor ignores: the next `git add` takes them. Raises Unreadable."""
        out = self._text("ls-files", "-z", "--others", "--exclude-standard", "--", *paths)
        return [path for path in out.split("\0") if path]

    def was_tracked(self, path: str) -> str:
        """The last commit that touched `path`, or an empty text where history knows no such file. Raises Unreadable."""
        return self._text("log", "--all", "-1", "--format=%H", "--", path).strip()

    def parents(self) -> list[str]:
        """The parents of the release's commit: two or more make it a merge. Raises Unreadable."""
        return self._line("rev-list", "--parents", "-1", "HEAD").split()[1:]

    def author(self) -> str:
        """The e-mail address of the commit's author. Raises Unreadable."""
        return self._line("log", "-1", "--format=%ae", "HEAD")

    def reviewers(self) -> list[str]:
        """Who attests a review in the commit's trailers. Raises Unreadable."""
        out = self._text("log", "-1", "--format=%(trailers:only,unfold)", "HEAD")
        pairs = (line.partition(":") for line in out.splitlines())
        return [value.strip() for key, _, value in pairs if key.strip().lower() in REVIEWERS and value.strip()]

    def tags(self) -> list[Tag]:
        """The tags that point at the commit. Raises Unreadable."""
        names = self._text("tag", "--points-at", "HEAD").split()
        return [self._tag(name) for name in names[:20]]

    def _tag(self, name: str) -> Tag:
        body = self._ask("cat-file", "tag", name)
        signed = body.ok and any(mark in body.out for mark in _SIGNATURES)
        if not signed:
            return Tag(name=name, signed=False, verified=None)
        checked = self._ask("verify-tag", "--raw", name)
        output = checked.err + checked.out
        if "BADSIG" in output or "incorrect signature" in output.lower():
            return Tag(name=name, signed=True, verified=False)
        return Tag(name=name, signed=True, verified=True if checked.ok else None)

    def _line(self, *arguments: str) -> str:
        return self._text(*arguments).strip()

    def _text(self, *arguments: str) -> str:
        self.top  # noqa: B018 - raises where there is no repository
        done = self._ask(*arguments)
        if not done.ok:
            raise Unreadable(f"git {arguments[0]} in {self.root} {done.ending}: {done.last_words()}", "broken")
        return done.out

    def _ask(self, *arguments: str) -> child_process.FinishedProcess:
        argv = [child_process.find("git"), *git.READING, "-C", str(self.root), *arguments]
        self.silence.refuse(self.root)
        filters = () if arguments == git.FILTERS else self._filters
        done = child_process.run(argv, timeout=SECONDS, env=git.environment(filters), limit=_LIMIT)
        if done.timed_out:
            self.silence.note(self.root, SECONDS)
            raise _silent(self.root, SECONDS)
        return done

    @functools.cached_property
    def _submodules(self) -> tuple[str, ...]:
        """How `status` has to look at submodules: into their files only where their filters are known, and so stay off."""
        entries = self._ask("ls-files", "--stage", "-z", "--", ".")
        paths = [entry.partition("\t")[2] for entry in entries.out.split("\0") if entry.startswith(_GITLINK)]
        if not entries.ok or len(paths) > _MOST_SUBMODULES or len(entries.out) >= _LIMIT:
            return ("--ignore-submodules=dirty",)
        for path in paths:
            below = Git(self.root / path, self.silence)
            if below._ask("rev-parse", "--show-prefix").out.strip():
                continue  # nothing was fetched for it: what answers is the repository around it
            if below._submodules:
                return below._submodules
            self._filters += below._filters
        return ()

    @functools.cached_property
    def _filters(self) -> tuple[str, ...]:
        """The filters that the repository's own settings name, which would run what they say."""
        return tuple(name for name in self._ask(*git.FILTERS).out.split("\0") if name)
