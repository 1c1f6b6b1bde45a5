"""How many tests ran, as the runner's own summary says: vitest, jest, node:test, bun, mocha, ava, tap, pytest, unittest."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_COLOURS: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_NUMBERED: Final = re.compile(r"(\d+) ([a-z]+)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Tests that passed, failed and were skipped."""

    runner: str
    passed: int
    failed: int = 0
    skipped: int = 0

    @property
    def ran(self) -> int:
        """Tests that were executed."""
        return self.passed + self.failed

    def __str__(self) -> str:
        parts = [f"{self.passed} passed", f"{self.failed} failed" * bool(self.failed)]
        return ", ".join(part for part in [*parts, f"{self.skipped} skipped" * bool(self.skipped)] if part)


def read(output: str) -> Counts | None:
    """The counts of the last summary in `output`; several runners in one output are added up. None: there is none."""
    text = _COLOURS.sub("", output).replace("\r\n", "\n")
    all_counts = [counts for reader in _READERS for counts in (reader(text),) if counts is not None]
    if not all_counts:
        return None
    return Counts(
        runner=" and ".join(one.runner for one in all_counts),
        passed=sum(one.passed for one in all_counts),
        failed=sum(one.failed for one in all_counts),
        skipped=sum(one.skipped for one in all_counts),
    )


def _last(pattern: str, text: str) -> re.Match[str] | None:
    return next(iter(reversed(list(re.finditer(pattern, text, re.MULTILINE)))), None)


def _words(text: str) -> dict[str, int]:
    return {name: int(number) for number, name in _NUMBERED.findall(text)}


def _vitest(text: str) -> Counts | None:
    if re.search(r"^\s*No test (?:suite|files?) found", text, re.MULTILINE):
        return Counts(runner="vitest", passed=0)
    match = _last(r"^\s*Tests\s{2,}(?!:)(.*\d+ (?:passed|failed|skipped|todo).*|no tests)$", text)
    if match is None:
        return None
    words = _words(match[1])
    skipped = words.get("skipped", 0) + words.get("todo", 0)
    return Counts(runner="vitest", passed=words.get("passed", 0), failed=words.get("failed", 0), skipped=skipped)


def _jest(text: str) -> Counts | None:
    match = _last(r"^Tests:\s+(.*\d+ total.*)$", text)
    if match is None:
        return Counts(runner="jest", passed=0) if re.search(r"^No tests found", text, re.MULTILINE) else None
    words = _words(match[1])
    skipped = words.get("skipped", 0) + words.get("todo", 0)
    return Counts(runner="jest", passed=words.get("passed", 0), failed=words.get("failed", 0), skipped=skipped)


def _node(text: str) -> Counts | None:
    numbers = {}
    for name in ("tests", "pass", "fail", "skipped", "todo", "cancelled"):
        match = _last(rf"^(?:\u2139|#) {name} (\d+)$", text)
        numbers[name] = int(match[1]) if match else None
    if numbers["tests"] is None or numbers["pass"] is None:
        return None
    failed = (numbers["fail"] or 0) + (numbers["cancelled"] or 0)
    skipped = (numbers["skipped"] or 0) + (numbers["todo"] or 0)
    return Counts(runner="node:test", passed=numbers["pass"], failed=failed, skipped=skipped)


def _bun(text: str) -> Counts | None:
    ran = _last(r"^Ran (\d+) tests? across \d+ files?", text)
    if ran is None:
        return Counts(runner="bun", passed=0) if re.search(r"^(?:error: )?0 test files", text, re.MULTILINE) else None
    numbers = {name: _last(rf"^\s*(\d+) {name}$", text) for name in ("pass", "fail", "skip", "todo")}
    counted = {name: int(match[1]) if match else 0 for name, match in numbers.items()}
    skipped = counted["skip"] + counted["todo"]
    return Counts(runner="bun", passed=counted["pass"], failed=counted["fail"], skipped=skipped)


def _mocha(text: str) -> Counts | None:
    passing = _last(r"^\s+(\d+) passing \(", text)
    if passing is None:
        return None
    failing, pending = _last(r"^\s+(\d+) failing$", text), _last(r"^\s+(\d+) pending$", text)
    failed, skipped = int(failing[1]) if failing else 0, int(pending[1]) if pending else 0
    return Counts(runner="mocha", passed=int(passing[1]), failed=failed, skipped=skipped)


def _ava(text: str) -> Counts | None:
    passed, failed = _last(r"^\s+(\d+) tests? passed$", text), _last(r"^\s+(\d+) tests? failed$", text)
    if passed is None and failed is None:
        return None
    return Counts(runner="ava", passed=int(passed[1]) if passed else 0, failed=int(failed[1]) if failed else 0)


def _pytest(text: str) -> Counts | None:
    match = _last(r"^(?:=+ )?((?:\d+ [a-z]+, )*(?:\d+ [a-z]+|no tests ran)) in [\d.:]+s?.*$", text)
    if match is None:
        return None
    words = _words(match[1])
    failed = words.get("failed", 0) + words.get("error", 0) + words.get("errors", 0)
    return Counts(runner="pytest", passed=words.get("passed", 0), failed=failed, skipped=words.get("skipped", 0))


def _unittest(text: str) -> Counts | None:
    ran = _last(r"^Ran (\d+) tests? in [\d.]+s$", text)
    if ran is None:
        return None
    closing_line = _last(r"^(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$", text)
    parts = dict(re.findall(r"(\w+)=(\d+)", closing_line[1] or "")) if closing_line else {}
    failed, skipped = int(parts.get("failures", 0)) + int(parts.get("errors", 0)), int(parts.get("skipped", 0))
    return Counts(runner="unittest", passed=max(0, int(ran[1]) - failed - skipped), failed=failed, skipped=skipped)


_READERS: Final[tuple[Callable[[str], Counts | None], ...]] = (
    *(_vitest, _jest, _node, _bun, _mocha, _ava, _pytest, _unittest),
)
