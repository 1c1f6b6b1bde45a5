"""The terminal's summary: what the page says, in at most 25 lines, the verdict first and what to run next last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from readiness.results.render import wording as words
from readiness.support import fold, one_line, shorten, without_ci_commands

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from readiness.results.render.wording import Shape
    from readiness.results.report import Cause, Report

MAX_LINES: Final = 25
_NARROWEST: Final = 40
_NAMED: Final = 3
"""Findings after one that is told in full which keep at least a line of their own."""
_FULL: Final = (5, 3)
"""Lines that one of the causes to mend first keeps, for what, why and what to do: where there is room, and at least."""
_ROOM: Final = 6
"""Lines that the findings keep: for less, what stands above and below them is no longer wrapped."""
_REASON: Final = 12
"""Lines the binding reason may take: all of it, on the narrowest terminal."""
_MAX_TROUBLE: Final = 3
_MAX_PROBLEMS: Final = 2
_MANY: Final = 1_200
"""Characters of a text that are looked at at all; a line shows far fewer."""
_STATUS: Final = {"READY": "1;32", "CONDITIONAL": "1;33", "NOT READY": "1;31", "INCOMPLETE": "1;35"}
_OUTCOME: Final = {"failed": "31", "unknown": "35", "degraded": "33", "flaky": "33", "waived": "36"}

_PASTE: Final = "  paste: "
_INDENT: Final = "    "
"""How a remedy marks a line that is a command."""
_WHOLE: Final = ("next: ", "report: ", "mend: ", _PASTE)
"""Lines that are copied: wrapped by the terminal where they are long, never cut."""
_COPIED: Final = 400

_COMMANDS: Final = ("::", "##")
"""How a line begins that a CI system takes for a command; it passes over blanks before that."""

Line = tuple[str, str]
"""A text and the ANSI code it is shown in; an empty code is plain."""


def lines(  # noqa: PLR0913 - what a summary shows, one keyword each
    report: Report,
    width: int = 80,
    color: bool = False,  # noqa: FBT001, FBT002 - the terminal's own property
    *,
    exit_status: int | None = None,
    paths: Sequence[Path] = (),
    problems: Sequence[str] = (),
) -> list[str]:
    """The summary in at most 25 lines of at most `width` columns (at least 40 are assumed); what is copied stays whole.

    `exit_status` is the run's, `paths` are the reports written, `problems` says what could not be written.
    """
    columns = max(width, _NARROWEST)
    grouped = words.shape(report)
    first, *above = _head(report)
    below = _tail(report, grouped, exit_status=exit_status, paths=paths, problems=problems)
    for most in (2, 1):
        head = [
            *_wrapped([first], columns, 1),
            *_wrapped(above[:1], columns, _REASON),
            *_wrapped(above[1:], columns, most),
        ]
        tail = _wrapped(below, columns, most)
        room = MAX_LINES - len(head) - len(tail)
        if room >= _ROOM:
            break
    service = words.service(report)
    findings = _findings(grouped, room, columns, "" if service is None else service.release)
    all_lines = [*head[: MAX_LINES - len(tail)], *findings, *tail]
    return [f"\x1b[{code}m{text}\x1b[0m" if color and code else text for text, code in all_lines]


def _wrapped(unwrapped: Sequence[Line], columns: int, most: int) -> list[Line]:
    """Each text in at most `most` lines that fit; what is copied in one that may not."""
    printed: list[Line] = []
    for text, code in unwrapped:
        indent = text[: len(text) - len(text.lstrip(" "))]
        plain = indent + without_ci_commands(one_line(text, _MANY))
        pieces = [shorten(plain, _COPIED)] if text.startswith(_WHOLE) else fold(plain, columns, most)
        printed += [(_harmless(piece, columns), code) for piece in pieces]
    return printed


def _harmless(piece: str, columns: int) -> str:
    """A line that does not begin as what CI systems obey, `::error` or `##[error]`, where a text of the hub's was broken."""
    bare = piece.lstrip(" ")
    if not bare.startswith(_COMMANDS):
        return piece
    return shorten(f"{piece[: max(len(piece) - len(bare) - 1, 0)]}|{bare}", columns)


def _head(report: Report) -> list[Line]:
    stamp = "DEMO " if report.demo else ""
    if service := words.service(report):
        head_lines: list[Line] = [(f"{stamp}{service.status}: {service.said}", _STATUS["READY"])]
        head_lines += [(service.proof, "1"), (service.gone, "")]
    else:
        head = f"{stamp}{report.status}: {words.decision(report)}, score {words.number(report.headline)}"
        head_lines = [(head, _STATUS.get(report.status, "1")), (report.because, "1")]
        if words.decision(report) == "HOLD":  # the one word of a decision that says nothing to who reads it first
            head_lines.append((f"hold: {_lower(words.MEANING['HOLD'])}", ""))
        head_lines += [(text, "") for text in (words.capped(report), words.best_case(report)) if text]
    if callers := words.unchecked_callers(report):
        head_lines.append((callers, "33"))
    if report.demo:
        head_lines.append(("this is the embedded hub, not yours: nothing follows from it", "33"))
    head_lines += [(f"the run itself broke: {sentence}", "31") for sentence in report.trouble[:_MAX_TROUBLE]]
    if len(report.trouble) > _MAX_TROUBLE:
        head_lines.append((f"  and {len(report.trouble) - _MAX_TROUBLE} more like it, in the report", "31"))
    return head_lines


def _lower(sentence: str) -> str:
    """A sentence as the rest of a line."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def _findings(grouped: Shape, room: int, columns: int, gone: str) -> list[Line]:
    """As many findings as fit: the first to mend in full, as long as those after them keep a line; then a line each; then a count."""
    orphans = [
        (f"unknown: {words.plural(len(rows), 'check')} blocked by {root}", "35") for root, rows in grouped.orphans
    ]
    finding_lines = _wrapped(orphans[:2], columns, 1)[: max(room, 0)]
    in_full = len(grouped.first)
    each = next((each for each in _FULL if room - len(finding_lines) > each * in_full + 1), 0)
    if not each:
        in_full = 0
    if in_full:
        head = words.headline(grouped.first, gone)
        finding_lines.append((f"{head[0].lower()}{head[1:]}:", "1"))
    shown = ""
    for index, cause in enumerate(grouped.ranked):
        left, free = len(grouped.ranked) - index - 1, room - len(finding_lines)
        if in_full and index == in_full and free > left:
            finding_lines.append(("then:", "1"))
            free -= 1
        repeated = words.said(cause.row) == shown
        kept = min(left, _NAMED) if index >= in_full else each * (in_full - index - 1) + 1
        block = _fitting(cause, columns, free - kept, repeated=repeated, first=index < in_full)
        if block is None and (free > 1 or (free == 1 and not left)):
            block, repeated = _block(cause, columns, 0), True
        if block is None:
            return finding_lines + ([(f"and {left + 1} more, in the report", "")] if free > 0 else [])
        finding_lines += block
        shown = shown if repeated else words.said(cause.row)
    return finding_lines


def _fitting(cause: Cause, columns: int, free: int, *, repeated: bool, first: bool) -> list[Line] | None:
    """A cause as fully as `free` lines allow; None where not even the shortest form with a reason fits."""
    blocks = (_block(cause, columns, most, repeated=repeated, first=first) for most in (3, 2, 1))
    return next((block for block in blocks if len(block) <= free), None)


def _block(cause: Cause, columns: int, most: int, *, repeated: bool = False, first: bool = False) -> list[Line]:
    """One cause: a line that names it, then its reason and its remedy in at most `most` lines each."""
    row = cause.row
    outcome = row.outcome.value
    code = _OUTCOME.get(outcome, "")
    if outcome == "unknown" and cause.also:
        return _wrapped([(_folded(cause), code)], columns, max(most, 1)) + _wrapped(
            [(f"  {', '.join(dict.fromkeys(one.check for one in (row, *cause.also)))}", "")] if most else [],
            columns,
            most,
        )
    reason = "" if not most else words.said(row)
    head = _name(cause, first=first) + (": as above" if reason and repeated else "")
    block_lines = _wrapped([(head, code)], columns, 2 if most > 1 else 1)
    if reason and not repeated:
        block_lines += _wrapped([(f"  {reason}", "")], columns, most)
    # a remedy mends what is bad; what is unknown needs looking at, and its reason says where
    if row.remedy and not row.waiver and outcome != "unknown" and most:
        commands = [line for line in row.remedy.splitlines() if line.startswith(_INDENT)]
        if len(commands) == 1:  # a call that mends it: whole, so that it can be copied
            block_lines += _wrapped([(f"  do: {_steps(row.remedy.replace(commands[0], ''))}", "36")], columns, most)
            block_lines += _wrapped([(f"{_PASTE}{commands[0].strip()}", "36")], columns, 1)
        else:
            block_lines += _wrapped([(f"  do: {_steps(row.remedy)}", "36")], columns, most)
    return block_lines


def _name(cause: Cause, *, first: bool) -> str:
    """The line that names a cause, with what it costs and what goes away with it."""
    row = cause.row
    head = f"{words.label(row.outcome.value).upper()} {row.severity.value} {row.key}"
    if row.points_lost > 0:
        head += f" {words.points(row.points_lost)}"
    if cause.settles and (first or cause.also):
        return f"{head}, {words.settled(cause)} ({words.points(cause.points - row.points_lost)})"
    if cause.blocked:
        head += f", and {words.checks(cause.blocked)} blocked by it ({words.points(cause.blocked_points)})"
    return head


def _folded(cause: Cause) -> str:
    """`UNKNOWN medium 3 checks -4.2: shellcheck is not installed`: what is unknown for one reason."""
    row = cause.row
    head = f"UNKNOWN {row.severity.value} {words.plural(len(cause.also) + 1, 'check')}"
    if cause.own_points > 0:
        head += f" {words.points(cause.own_points)}"
    if cause.blocked:
        head += f", and {words.checks(cause.blocked)} blocked by them"
    return f"{head}: {row.reason}"


def _steps(remedy: str) -> str:
    """A remedy of several lines as one: commands that stood on lines of their own stay apart."""
    steps = [part.strip() for part in remedy.splitlines() if part.strip()]
    return "".join(f"{part} " if part.endswith(":") else f"{part}; " for part in steps).rstrip("; ")


def _tail(
    report: Report, grouped: Shape, *, exit_status: int | None, paths: Sequence[Path], problems: Sequence[str]
) -> list[Line]:
    counts = ", ".join(f"{number} {words.label(name)}" for name, number in grouped.counts.items())
    service = words.service(report)
    gone = "" if service is None else f"{service.release}: "
    tail_lines: list[Line] = [(f"{gone}{counts or 'nothing was planned'}{_each(report)}{_of(report)}", "")]
    change = words.change_sentence(report.comparison) if service is None else ""
    if change:
        tail_lines.append((change, ""))
    if report.inventory is not None and service is None:
        from readiness.results.render.page.inventory import inventory_sentence

        tail_lines.append((inventory_sentence(report.inventory), ""))
    if report.load is not None:
        from readiness.results.render.page.load import load_sentence

        tail_lines += [(sentence, "") for sentence in [load_sentence(report.load)] if sentence]
    rollback = words.rollback_sentence(report)
    is_over = service is not None
    if (
        rollback
        and not is_over
        and (report.decision in {"ROLL BACK", "HOLD"} or report.status in {"NOT READY", "INCOMPLETE"})
    ):
        tail_lines.append((rollback, "1" if report.decision == "ROLL BACK" else ""))
    call = report.contacts.get("on_call")
    if call and not is_over and report.decision in {"ROLL BACK", "HOLD"}:
        tail_lines.append((f"on call: {call}", ""))
    tail_lines += [(problem, "31") for problem in problems[:_MAX_PROBLEMS]]
    if paths:
        tail_lines.append((f"report: {_best(paths)}", ""))
    status = report.exit_code if exit_status is None else exit_status
    if status is not None:
        tail_lines.append((words.exit_meaning(report, status), ""))
    if report.first_look:
        tail_lines.append((f"next: {report.first_look}", "1"))
    elif _by_hand(report):
        tail_lines.append(("next: readiness rollback", "1"))
    return tail_lines


def _by_hand(report: Report) -> bool:
    """Whether a person has to begin what is planned: no release does, nor mode auto, which must not be told twice."""
    planned = report.rollback
    if planned is None or planned.mode == "auto" or report.release_run is not None:
        return False
    return report.decision == "ROLL BACK" and words.by_itself(report)


def _each(report: Report) -> str:
    """Why these numbers are above those of the reason, which counts checks."""
    parts = len({row.check for row in report.rows}) < len(report.rows)
    return " (a check counts for each server or host)" if parts else ""


def _of(report: Report) -> str:
    """What was judged: of several terminals, or a mail at night, nobody knows which hub one speaks of."""
    if report.demo or not report.target:
        return ""
    return f", of {report.target} ({report.environment})"


def _best(paths: Sequence[Path]) -> Path:
    return next((path for path in paths if path.suffix == ".html"), paths[0])
