"""`readiness demo --release`: a bad release deployed to a site by the real `readiness release`, caught, rolled back, verified."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
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
from readiness.demo.site.layout import BAD, NEW
from readiness.demo.site.site import DemoSite, make

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

SECONDS: Final = 300.0
"""Seconds that the whole release may take before it is ended."""
REPORTS: Final = Path("reports") / "bad-deploy"
"""Where the reports are kept when the site goes, from the working directory."""
WIDTH: Final = 110
"""Columns at most, on a terminal that is wide enough."""
_COLOURS: Final = {"passed": "32", "failed": "31", "unknown": "33"}
_STATUS: Final = re.compile(r"(?<=: )(passed|failed|unknown)(?= after )")
BEGUN: Final = " …"
"""The end of a line that says that something has begun."""
_LINE: Final = 2_000
_AFTER: Final = ("deploy", "ready", "verify", "rollback")
"""The phases from the deploy to the proven rollback."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BadDeployOutcome:
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
    before = signal.signal(signal.SIGTERM, _as_interrupt)
    try:
        return _main(kind)
    except KeyboardInterrupt:
        _say("", "stopped; the site is removed")
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)


def _as_interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _main(kind: str) -> int:
    introduction = (
        f"A BAD DEPLOY, for real: release {VERSION} of the embedded hub runs under a supervisor. Release {NEW} is deployed "
        f"over it by the release's own script, and in it {BAD[kind].sentence}."
    )
    _say(*textwrap.wrap(introduction, _width()))
    with make(kind) as site:
        _say(
            f"  {site.root}/current -> releases/{site.deployed}, a hub on {site.url}",
            f"  {site.config.name}: [rollback] mode = auto, by the release's own rollback script",
            *(f"  {name} is not installed: a small stand-in serves the scripts" for name in site.standins),
            "",
            f"$ readiness release -- {_command(site)}",
        )
        code = _released(site)
        shown = judge(site, code)
        _conclude(shown, _kept(site))
    return 1 if shown.wrong else 0


def _command(site: DemoSite) -> str:
    return f"{site.script('deploy-mcp-hub').relative_to(site.root)} {NEW}"


def _say(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


# --- doing it -------------------------------------------------------------------------------------------------------------


def _released(site: DemoSite) -> int:
    """Run `readiness release` and show each line with the seconds since its begin; its exit status."""
    command = [sys.executable, "-P", "-m", "readiness", "release", "--", *_command(site).split()]
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
        screen = Screen(str(site.root), terminal=sys.stdout.isatty())
        while line := process.stdout.readline(_LINE):
            screen.show(line.rstrip(), time.monotonic() - began)
        return process.wait(10)
    finally:
        guard.cancel()
        if process.poll() is None:
            _end(process)


def _width() -> int:
    return min(WIDTH, shutil.get_terminal_size((WIDTH, 0)).columns)


class Screen:
    """Shows what the release says, with the seconds since its begin. What goes on shows only until it is over."""

    def __init__(self, root: str, *, terminal: bool) -> None:
        """`root` is left away from paths. `terminal`: a line can be taken back."""
        self.root, self.terminal, self.passing = root, terminal, False
        self.colours = terminal and "NO_COLOR" not in os.environ

    def show(self, line: str, seconds: float) -> None:
        """One line."""
        line = line.replace(f"{self.root}/", "")
        if self.passing:
            sys.stdout.write("\r\x1b[2K")
        self.passing = line.endswith(BEGUN) and self.terminal
        if self.passing:
            sys.stdout.write(f"{seconds:5.1f} s  {line}")
            sys.stdout.flush()
        elif not line.endswith(BEGUN):
            indent = " " * (9 + len(line) - len(line.lstrip()))
            wrapped = textwrap.wrap(
                line,
                _width(),
                initial_indent=f"{seconds:5.1f} s  ",
                subsequent_indent=indent,
                break_on_hyphens=False,
                break_long_words=False,
            )
            if self.colours and wrapped:
                wrapped[0] = _STATUS.sub(lambda found: f"\x1b[{_COLOURS[found[0]]}m{found[0]}\x1b[0m", wrapped[0])
            _say(*wrapped or [""])


def _end(process: subprocess.Popen[str]) -> None:
    """Ask it to end, with all it started, and end it where it does not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
            return


# --- what came of it ------------------------------------------------------------------------------------------------------


def judge(site: DemoSite, code: int) -> BadDeployOutcome:
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
    quarantine = site.reports / "quarantine.json"
    if not quarantine.is_file() or NEW not in quarantine.read_text(encoding="utf-8"):
        wrong.append(f"{NEW} is not in quarantine")
    return BadDeployOutcome(document=document, wrong=(*wrong, *_answering(site)))


def _answering(site: DemoSite) -> list[str]:
    """What is wrong with the hub that answers now: asked here directly, without trusting the report."""
    try:
        with urllib.request.urlopen(f"{site.url}/api/health", timeout=5) as answer:  # noqa: S310 - loopback
            health = json.load(answer)
    except (OSError, ValueError) as error:
        return [f"the hub does not answer: {error}"]
    problems = [] if health["version"] == VERSION else [f"version {health['version']} answers, and not {VERSION}"]
    down = [one["name"] for one in health["servers"] if one["status"] != "connected"]
    return problems + ([f"not connected: {', '.join(down)}"] if down else [])


def _kept(site: DemoSite) -> Path | None:
    """The site's reports, kept beside the others; None where they cannot be."""
    folder = Path.cwd() / REPORTS
    try:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(site.reports, folder, symlinks=True)
    except OSError:
        return None
    return folder


def _conclude(shown: BadDeployOutcome, folder: Path | None) -> None:
    _say("")
    if shown.wrong:
        _say("this did NOT go as it must:", *(f"  {text}" for text in shown.wrong))
    else:
        phases = [phase for phase in shown.document["phases"] if phase["name"] in _AFTER]
        times = ", ".join(f"{phase['name']} {phase['seconds']:.1f} s" for phase in phases)
        caught = next(phase["detail"] for phase in phases if phase["status"] == "failed")
        _say(
            f"CAUGHT, ROLLED BACK AND VERIFIED: {shown.seconds:.1f} s from the bad deploy to the proven rollback",
            f"  times:   {times}",
            f"  caught:  {caught}",
            f"  now:     {VERSION} answers, and every server is connected; {NEW} is in quarantine",
        )
    if folder is None:
        return
    page = folder / "readiness.html"
    _say(f"  report:  {page if page.is_file() else folder}")
    _say(*(f"  told:    {incident}" for incident in sorted(folder.glob("incident-*.md"))))
