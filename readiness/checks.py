"""The public vocabulary of a check: `check`, `warn`, `unknown`, `measure` and `note`.

A check is one test function and one decorator; a plain `assert` is the language. What these functions say is
kept by the *recorder* of the running attempt, which the plugin sets around each call.
"""

from __future__ import annotations

import contextvars
import dataclasses
import math
import re
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

import pytest

from readiness.errors import Unknown
from readiness.findings import PHASES, TRIGGERS, Limits, Severity, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SEVERITIES: Final = tuple(s.value for s in Severity)
_STAGES: Final = tuple(s.value for s in Stage)
_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_OF_NOTHING: Final = re.compile(
    r"(?<![\w.])\d+(?: [^\W\d][\w-]*){0,4} (?:in|of|among) 0\b(?![.,:/-]?\d| (?:out )?of\b)"
    r"(?! ?(?:%|[mnµ]?s|sec\w*|min\w*|h|hours?|d|days?|[KMG]?i?B)\b)"
)
"""A share of nothing, as checks word it: "0 secrets in 0 files", "0 of 0 keys"."""
MAX_TEXT: Final = 4_000
"""Characters kept of any recorded text; a hub's answer may be megabytes long."""


@dataclasses.dataclass(slots=True)
class Recorder:
    """What one attempt of a check recorded so far; a new attempt starts with a new one."""

    limits: Limits | None = None
    degraded: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    expected: str = ""
    actual: str = ""
    unit: str = ""
    fires: bool = True
    flaky: bool = False
    lost_hub: bool = False
    path: str | None = None
    line: int | None = None
    cause: str | None = None
    remedy: str = ""
    bounds: Limits | None = None
    """What `actual` was held against, where it is a number."""

    @property
    def looked_at_nothing(self) -> str:
        """What this attempt said of nothing ("0 secrets in 0 files"), which proves nothing; empty where it said no such thing."""
        return next((text for text in (self.actual, *self.notes) if _OF_NOTHING.search(text)), "")


current: contextvars.ContextVar[Recorder | None] = contextvars.ContextVar("readiness_recorder", default=None)
"""The recorder of the attempt that runs now; None outside a check."""


class Declarations:
    """Each function that this process has seen `check` decorate: how, and where it stands."""

    def __init__(self) -> None:
        self.known: list[tuple[pytest.Mark, CodeType]] = []
        self._marks: dict[CodeType, list[pytest.Mark]] = {}

    def remember(self, mark: pytest.Mark, code: CodeType) -> None:
        """Note one."""
        self.known.append((mark, code))
        self._marks.setdefault(code, []).append(mark)

    def is_another(self, mark: pytest.Mark, code: CodeType | None) -> bool:
        """Whether the function of this code was declared, and not as `mark` says."""
        return code in self._marks and mark not in self._marks[code]


DECLARED: Final = Declarations()


class _Declaration(pytest.MarkDecorator):
    """A mark that remembers what it was set on: pytest may never make a test of that."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as pytest's own
        """Set the mark. Raises ValueError for what pytest takes for an argument, and never for a test: a lambda, a partial."""
        result = super().__call__(*args, **kwargs)
        if len(args) == 1 and not kwargs and callable(args[0]) and result is not args[0]:
            text = f"check({self.args[0]!r}) stands on a {type(args[0]).__name__} without a name of its own: write def test_…"
            raise ValueError(text)
        if len(args) == 1 and result is args[0] and isinstance(result, FunctionType):
            DECLARED.remember(self.mark, result.__code__)
        return result


def _recorder() -> Recorder:
    return current.get() or Recorder()


def check(  # noqa: PLR0913 - one keyword a declared property; all optional but the severity
    id: str,  # noqa: A002 - the catalogue's word for it
    *,
    severity: Literal["critical", "high", "medium", "low"],
    remedy: str = "",
    rollback: str | None = None,
    limits: Limits | None = None,
    settle: float | Literal["probe", "startup"] = 0.0,
    needs: Sequence[str] = (),
    after: Sequence[str] = (),
    waivable: bool = True,
    where: Literal["anywhere", "tree", "host"] = "anywhere",
    phase: str | None = None,
    topic: str | None = None,
    stage: Literal["before", "after"] | None = None,
    last: bool = False,
    slow: str = "",
) -> pytest.MarkDecorator:
    """Declare the test function below to be a check.

    `id` is a statement that holds when all is well, in kebab-case, and stable. `settle` is how long a failing
    attempt is repeated: seconds, or "probe" ((attempts - 1) x interval of `[probe]`), or "startup" (the hub's
    start-up budget). `needs` names keys of `[expect]`; `after` names checks whose failure blocks this one;
    `last` asks for a place at the end of the run; `slow` says what may take long ("runs the build"). Raises ValueError at import for anything misspelt.
    """
    _valid_id(id)
    _one_of("severity", severity, _SEVERITIES)
    _one_of("rollback", rollback, (None, *TRIGGERS))
    _one_of("phase", phase, (None, *PHASES))
    _one_of("stage", stage, (None, *_STAGES))
    _one_of("where", where, ("anywhere", "tree", "host"))
    is_time = isinstance(settle, (int, float)) and not isinstance(settle, bool) and 0 <= settle < math.inf
    _valid("settle", settle, is_time or settle in {"probe", "startup"}, "seconds >= 0, 'probe' or 'startup'")
    _valid("needs", needs, not isinstance(needs, str), "a tuple of names, not one string")
    _valid("after", after, not isinstance(after, str), "a tuple of check ids, not one string")
    mark = pytest.mark.check(
        id,
        severity=severity,
        remedy=remedy,
        rollback=rollback,
        limits=limits,
        settle=settle,
        needs=tuple(needs),
        after=tuple(after),
        waivable=waivable,
        where=where,
        phase=phase,
        topic=topic,
        stage=stage,
        last=last,
        slow=slow,
    )
    return _Declaration(mark.mark, _ispytest=True)


def _valid(name: str, value: object, valid: bool, wanted: str) -> None:  # noqa: FBT001 - private, reads as a sentence
    if not valid:
        text = f"check(): {name}={value!r} is not valid; expected: {wanted}"
        raise ValueError(text)


def _valid_id(value: object) -> None:
    if isinstance(value, str) and _ID.fullmatch(value):
        return
    near = kebab(value) if isinstance(value, str) else ""
    _valid("id", value, False, "words in lower case joined by '-'" + (f'; did you mean "{near}"?' if near else ""))  # noqa: FBT003


def kebab(words: str) -> str:
    """The id that `words` come nearest to ("Hub is_ready" -> "hub-is-ready"); empty where they hold no letter or digit."""
    return "-".join(re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", words[:200]).lower()))


def _one_of(name: str, value: object, options: Sequence[str | None]) -> None:
    if value in options:
        return
    import difflib  # only when something is misspelt

    words = [option for option in options if option is not None]
    near = difflib.get_close_matches(str(value)[:80].lower(), words, n=1)
    _valid(name, value, False, ", ".join(words) + (f'; did you mean "{near[0]}"?' if near else ""))  # noqa: FBT003


def note(text: str) -> None:
    """Record a remark for the report; it changes no outcome."""
    _recorder().notes.append(_text(text))


def listed(items: Iterable[object], shown: int = 5, between: str = "; ") -> str:
    """The first `shown` of `items`, for a reason; where there are more, how many, and all of them in a note of the report."""
    texts = [str(item) for item in items]
    if len(texts) <= shown:
        return between.join(texts)
    part, room = [f"all {len(texts)}: {texts[0]}"], MAX_TEXT - 100
    for text in texts[1:]:
        if sum(map(len, part)) + len(part) * len(between) + len(text) > room:
            note(between.join(part))
            part = []
        part.append(text)
    note(between.join(part))
    return f"{between.join(texts[:shown])}{between}and {len(texts) - shown} more"


def warn(text: str) -> None:
    """Record that something is not as it should be, and go on: the check is degraded at best."""
    _recorder().degraded.append(_text(text))


def unknown(text: str) -> NoReturn:
    """End the check: it cannot be proven, for the reason `text`."""
    __tracebackhide__ = True
    raise Unknown(_text(text))


def where_found(path: str, line: int | None = None) -> None:
    """Record the file (and line) a finding is about, for annotations and SARIF."""
    recorder = _recorder()
    recorder.path, recorder.line = path, line


def mended_by(remedy: str) -> None:
    """Record what mends just what was found here, in place of the check's own remedy; a line that is indented is a command."""
    _recorder().remedy = _text(remedy)


def caused_by(check_id: str) -> None:
    """Record that whatever this attempt cannot show from here on is what the check `check_id` is about.

    If that check failed too, this one is unknown, "blocked by" it, so that one thing to mend is told once. If it did not (it
    passed, was not asked, does not apply), this one stays what it is: nobody else would tell then.
    """
    _recorder().cause = check_id


def measure(value: object, *, n: int | None = None, limits: Limits | None = None, what: str = "measured") -> float:
    """Hold `value` against the check's limits and return it as a number.

    Past `critical` the check fails, past `warning` it degrades, equal is inside. A NaN, an infinity, a wrong type, no sample at
    all or fewer than `samples` samples (`n`) make it unknown. `limits` replaces the declared ones, for callers that compute them.
    """
    __tracebackhide__ = True
    recorder = _recorder()
    bounds = limits or recorder.limits
    if bounds is None:
        text = f"measure({value!r}): the check declares no limits"
        raise TypeError(text)
    number = _number(value, what)
    recorder.actual, recorder.unit = _plain(number), bounds.unit
    recorder.expected, recorder.bounds = _expectation(bounds), bounds
    if n is not None and n < max(bounds.samples, 1):
        unknown(f"too few samples: {n} of at least {max(bounds.samples, 1)}")
    unit = f" {bounds.unit}" if bounds.unit else ""
    if bounds.beyond(number, bounds.critical):
        past = bounds.beyond(number, bounds.critical if bounds.rollback is None else bounds.rollback)
        # evidence that may not roll back (seen only through a proxy) does not become better by a number
        recorder.fires = recorder.fires and past
        pytest.fail(f"{what} {_plain(number)}{unit}, {recorder.expected}{unit}", pytrace=False)
    if bounds.beyond(number, bounds.warning):
        warn(f"{what} {_plain(number)}{unit} is past its warning limit of {_plain(bounds.warning)}{unit}")
    return number


def _number(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        unknown(f"malformed: {what} is {_shown(value)}, expected a number")
    try:
        number = float(value)
    except OverflowError:
        unknown(f"malformed: {what} is too large to be a measurement")
    if not math.isfinite(number):
        unknown(f"malformed: {what} is {number}, expected a finite number")
    return number


def _expectation(bounds: Limits) -> str:
    sign = "≤" if bounds.better == "lower" else "≥"
    parts = [f"{sign} {_plain(bounds.critical)}"] if bounds.critical is not None else []
    if bounds.warning is not None:
        parts.append(f"warning past {_plain(bounds.warning)}")
    return "expected " + ", ".join(parts)


def _plain(number: float | None) -> str:
    return "none" if number is None else f"{number:.6g}"


def _shown(value: Any) -> str:  # noqa: ANN401 - anything a hub may send
    return f"{type(value).__name__} {repr(value)[:80]}"


def _text(text: object) -> str:
    words = str(text)
    return words if len(words) <= MAX_TEXT else words[:MAX_TEXT] + f"… [{len(words) - MAX_TEXT} characters cut]"


def compared(*, expected: object, actual: object, unit: str = "") -> None:
    """Record what was expected and what was seen, for the report's "measured against expected"; it judges nothing.

    A check that passes on a share of nothing ("0 secrets in 0 files") is unknown: nothing looked at is nothing proven.
    """
    recorder = _recorder()
    recorder.expected, recorder.actual, recorder.unit = _text(expected), _text(actual), unit
    recorder.bounds = None
