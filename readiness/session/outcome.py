"""What a test's report proves: failed by an assertion of the check itself, or unknown, and in which words.

Everything that goes wrong in another way (a fact that could not be fetched, a time-out, a broken fixture) proves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from readiness.errors import Unknown
from readiness.findings import Outcome

if TYPE_CHECKING:
    from readiness import checks

_FOREIGN: Final = ("testinfra", "pytest_timeout", "readiness.facts")
MAX_REASON: Final = 2_000
"""Characters of a reason that travel; the full message stays in pytest's own output."""


def leaves(error: BaseException | None) -> list[BaseException]:
    """The exceptions of a group, however deep; one that is no group alone."""
    if error is None:
        return []
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]


def is_failure(error: BaseException) -> bool:
    """The outcome *failed*: only assertions and `pytest.fail`, raised by a check and not by what it looks with."""
    causes = leaves(error)
    return bool(causes) and all(
        isinstance(leaf, (AssertionError, pytest.fail.Exception)) and not _is_foreign(leaf) for leaf in causes
    )


def is_deliberately_unknown(error: BaseException) -> bool:
    """Whether it was raised to say that something is unknown: its words are all there is, and no line of code is at fault."""
    causes = leaves(error)
    return bool(causes) and all(isinstance(leaf, Unknown) for leaf in causes)


def _is_foreign(error: BaseException) -> bool:
    """Whether testinfra, pytest-timeout or a fact raised it: then nothing was proven."""
    frame = error.__traceback__
    while frame is not None:
        module = str(frame.tb_frame.f_globals.get("__name__", ""))
        if module.startswith(_FOREIGN) and (module in _FOREIGN or module.startswith(tuple(f"{m}." for m in _FOREIGN))):
            return True
        frame = frame.tb_next
    return False


def outcome_of(
    recorder: checks.Recorder, call: pytest.CallInfo[None], report: pytest.TestReport
) -> tuple[Outcome, str]:
    """The outcome of one report, and its reason."""
    error = call.excinfo.value if call.excinfo is not None else None
    if report.outcome == "skipped":
        if hasattr(report, "wasxfail"):
            return Outcome.UNKNOWN, f"marked as an expected failure: {report.wasxfail or 'no reason given'}"
        return Outcome.UNKNOWN, f"skipped: {error or 'no reason given'}"
    if report.outcome == "failed":
        return _failed(error, report)
    if recorder.degraded:
        return Outcome.DEGRADED, "; ".join(recorder.degraded)
    if recorder.flaky:
        return Outcome.FLAKY, "passed only after a transport retry"
    return Outcome.PASSED, ""


def _failed(error: BaseException | None, report: pytest.TestReport) -> tuple[Outcome, str]:
    """Failed in the call phase by assertion is proof; anything else is not."""
    if report.when == "call":
        if error is None:
            if "XPASS(strict)" in str(report.longrepr):
                return Outcome.UNKNOWN, "passed although it was marked as a strict expected failure"
            return Outcome.FAILED, str(report.longrepr).strip() or "failed"
        return (Outcome.FAILED if is_failure(error) else Outcome.UNKNOWN), _message(error)
    if error is None:
        return Outcome.UNKNOWN, "could not be proven"
    words = _message(error)
    return Outcome.UNKNOWN, words if is_deliberately_unknown(error) else f"{report.when}: {words}"


def _message(error: BaseException) -> str:
    """One or two lines an operator can read."""
    causes = leaves(error)
    if len(causes) > 1:
        return "; ".join(dict.fromkeys(_message(leaf) for leaf in causes))
    error = causes[0] if causes else error
    text = getattr(error, "msg", None) if isinstance(error, pytest.fail.Exception) else None
    words = str(text if text is not None else error).strip()
    if isinstance(error, AssertionError):
        words = _assertion(words)
    if isinstance(error, (AssertionError, pytest.fail.Exception, Unknown)):
        return words or "assertion failed without a message"
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _assertion(words: str) -> str:
    """The author's message if there is one, else the compared values, without pytest's `+ where` lines."""
    lines = words.splitlines()
    for index, line in enumerate(lines):
        if index and line.startswith("assert "):
            return "\n".join(lines[:index])
    return "\n".join(line for line in lines if not line.lstrip().startswith("+ ")) if lines else words


def bounded(text: str) -> str:
    """`text`, cut to what may travel."""
    return text if len(text) <= MAX_REASON else text[:MAX_REASON] + f"… [{len(text) - MAX_REASON} characters cut]"
