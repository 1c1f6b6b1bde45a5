"""`readiness demo --release`: a bad release deployed to a site by the real `readiness release`, caught, rolled back, verified."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.demo.release.maker import VERSION
from readiness.demo.site import BAD, NEW, Site, make

if TYPE_CHECKING:
    from collections.abc import Mapping

SECONDS: Final = 300.0
"""Seconds that the whole release may take before it is ended."""
REPORTS: Final = Path("reports") / "bad-deploy"
"""Where the reports are kept when the site goes, from the working directory."""
WIDTH: Final = 100
_LINE: Final = 2_000
_AFTER: Final = ("deploy", "ready", "verify", "rollback")
"""The phases from the deploy to the proven rollback."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What came of it: `wrong` says what did not go as it must, a sentence each."""

    document: Mapping[str, Any]
    wrong: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Seconds from the deploy to the proven rollback."""
        return float(sum(p["seconds"] for p in self.document.get("phases", ()) if p["name"] in _AFTER))


def main(kind: str) -> int:
    """Show it on the terminal; exit status 0 where the bad deploy was caught and its rollback verified, 1 where not.

    Raises DemoError where the site cannot be made.
    """
    _say(
        f"A bad deploy, for real: a site is made with release {VERSION} running under a supervisor, and release {NEW}",
        f"is deployed to it, of which {BAD[kind].sentence}.",
    )
    with make(kind) as site:
        _say(
            f"  {site.root}/",
            f"    current -> releases/{site.deployed}   its hub answers on {site.url}",
            "    readiness.toml            [rollback] mode = auto: the sample's own rollback script, then health and e2e",
            "",
            f"$ readiness release -- {_command(site, relative=True)}",
        )
        code = _released(site)
        shown = judge(site, code)
        _conclude(shown, _kept(site))
    return 1 if shown.wrong else 0


def _command(site: Site, *, relative: bool) -> str:
    script = site.script("deploy-mcp-hub")
    return f"{script.relative_to(site.root) if relative else script} {NEW}"


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


# --- doing it -------------------------------------------------------------------------------------------------------------


def _released(site: Site) -> int:
    """Run `readiness release` and show each line with the seconds since its begin; its exit status."""
    command = [sys.executable, "-P", "-m", "readiness", "release", "--", *_command(site, relative=True).split()]
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - this program itself
        command,
        cwd=site.root,
        env=site.environment() | {"PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    guard = threading.Timer(SECONDS, _end, (process,))
    guard.start()
    try:
        assert process.stdout is not None
        while line := process.stdout.readline(_LINE):
            _show(line.rstrip(), time.monotonic() - began)
        return process.wait(10)
    finally:
        guard.cancel()
        if process.poll() is None:
            _end(process)


def _show(line: str, seconds: float) -> None:
    indent = " " * (9 + len(line) - len(line.lstrip()))
    _say(*textwrap.wrap(line, WIDTH, initial_indent=f"{seconds:5.1f} s  ", subsequent_indent=indent) or [""])


def _end(process: subprocess.Popen[str]) -> None:
    """Ask it to end, with all it started, and end it where it does not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return


# --- what came of it ------------------------------------------------------------------------------------------------------


def judge(site: Site, code: int) -> Shown:
    """Hold what the release says, and what answers now, against what must come of a bad deploy."""
    document: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        document = json.loads((site.reports / "release.json").read_text(encoding="utf-8"))
    wrong = []
    if document.get("outcome") != "ROLLED_BACK_VERIFIED":
        wrong.append(f"the release ended {document.get('outcome', 'without a word')}: {document.get('because', '')}")
    elif code != 1:
        wrong.append(f"the release ended with status {code}, and a verified rollback is 1")
    if site.deployed != VERSION:
        wrong.append(f"release {site.deployed} is in place, and not {VERSION}")
    return Shown(document=document, wrong=(*wrong, *_answering(site)))


def _answering(site: Site) -> list[str]:
    """What is wrong with the hub that answers now: asked here once more, by nobody's word."""
    try:
        with urllib.request.urlopen(f"{site.url}/api/health", timeout=5) as answer:  # noqa: S310 - loopback
            health = json.load(answer)
    except (OSError, ValueError) as error:
        return [f"the hub does not answer: {error}"]
    found = [] if health["version"] == VERSION else [f"version {health['version']} answers, and not {VERSION}"]
    down = [one["name"] for one in health["servers"] if one["status"] != "connected"]
    return found + ([f"not connected: {', '.join(down)}"] if down else [])


def _kept(site: Site) -> Path | None:
    """The site's reports, kept beside the others; None where they cannot be."""
    folder = Path.cwd() / REPORTS
    try:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(site.reports, folder, symlinks=True)
    except OSError:
        return None
    return folder


def _conclude(shown: Shown, folder: Path | None) -> None:
    _say("")
    if shown.wrong:
        _say("this did NOT go as it must:", *(f"  {text}" for text in shown.wrong))
    else:
        times = ", ".join(f"{p['name']} {p['seconds']:.1f} s" for p in shown.document["phases"] if p["name"] in _AFTER)
        _say(
            f"BAD DEPLOY CAUGHT, ROLLED BACK, VERIFIED: {shown.seconds:.1f} s from the deploy to the proven rollback",
            f"  {times}",
            f"  {VERSION} answers again, with every server connected; {NEW} is in quarantine",
        )
    if folder is not None:
        pages = sorted(folder.glob("incident-*.md"))
        _say(f"what people are told: {pages[-1]}" if pages else f"reports: {folder}")
