"""The sample's git history, written in three calls of git: the release before, the change, and its reviewed merge."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

from readiness.demo.faults.fault import DemoError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Files = Mapping[str, tuple[int, bytes]]

BRANCH: Final = "main"
TIMEOUT: Final = 30.0
"""Seconds a call of git may take."""
AUTHOR: Final = "Ada Engineer <ada@example.com>"
REVIEWER: Final = "Grace Reviewer <grace@example.com>"
_DAY: Final = 86_400


def write(release: Path, files: Files, before: Files, day: dt.datetime) -> None:
    """Make `release` a repository whose HEAD is `files`; nothing where git is not installed.

    `before` holds the files that differed in the release before. Raises DemoError where git refuses.
    """
    git = shutil.which("git")
    if git is None:
        return
    _run([git, "init", "--quiet", f"--initial-branch={BRANCH}", "--template=", str(release)], b"", release)
    stream = b"".join(_stream(files, before, int(day.timestamp())))
    _run([git, "-C", str(release), "fast-import", "--quiet", "--date-format=raw"], stream, release)
    _run([git, "-C", str(release), "read-tree", BRANCH], b"", release)


def head(release: Path) -> str | None:
    """The commit at the head of the sample's branch; None where it has no history."""
    try:
        return (release / ".git" / "refs" / "heads" / BRANCH).read_text(encoding="ascii").strip()
    except OSError:
        return None


def _stream(files: Files, before: Files, now: int) -> Iterator[bytes]:
    yield from _commit("refs/heads/main", 1, f"{AUTHOR} {now - 60 * _DAY} +0000", "4.2.1", [])
    yield from _contents({**files, **before})
    yield from _commit("refs/heads/prompts", 2, f"{AUTHOR} {now - 3 * _DAY} +0000", "Choose tools by prompt", [1])
    yield from _contents({name: files[name] for name in before})
    message = f"Merge branch 'prompts': 4.3.0\n\nReviewed-by: {REVIEWER}\n"
    yield from _commit("refs/heads/main", 3, f"{REVIEWER} {now - 2 * _DAY} +0000", message, [1, 2])
    yield from _contents({name: files[name] for name in before})
    yield b"reset refs/remotes/origin/main\nfrom :3\n\n"
    yield b"reset refs/heads/prompts\nfrom 0000000000000000000000000000000000000000\n\ndone\n"


def _commit(ref: str, mark: int, who: str, message: str, parents: list[int]) -> Iterator[bytes]:
    text = message.encode()
    yield f"commit {ref}\nmark :{mark}\nauthor {who}\ncommitter {who}\n".encode()
    yield f"data {len(text)}\n".encode() + text + b"\n"
    for word, parent in zip(("from", "merge"), parents, strict=False):
        yield f"{word} :{parent}\n".encode()


def _contents(files: Files) -> Iterator[bytes]:
    for path, (mode, content) in files.items():
        kind = "100755" if mode & 0o100 else "100644"
        yield f"M {kind} inline {path}\ndata {len(content)}\n".encode() + content + b"\n"
    yield b"\n"


def _run(argv: list[str], given: bytes, release: Path) -> None:
    # without the user's own settings: a signing key or a hook must not change what the sample looks like
    quiet = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(release), "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603 - git, found on the path, with arguments of our own
            argv,
            input=given,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
            env={"PATH": os.environ.get("PATH", os.defpath)} | quiet,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DemoError(f"the sample's history cannot be written: {error}") from None
    if done.returncode:
        raise DemoError(f"the sample's history cannot be written: {done.stderr.decode(errors='replace')[-300:]}")
