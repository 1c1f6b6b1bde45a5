"""`readiness.md`: what a person pastes into the incident channel, and what a step summary shows.

Verdict, decision and reason first, then what is to be done about it, then how to look closer. Every text is escaped: it makes
no link, no picture, no mention of anybody and no markup.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from readiness.findings import Outcome
from readiness.results.render import wording as words
from readiness.results.render.machine.bounded import one_line
from readiness.results.report import iso

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from readiness.results.render.wording import Shape
    from readiness.results.report import Cause, ReleaseRun, Report, Row, SinceReady

MAX_CHARACTERS: Final = 60_000
"""What a comment takes; a step summary takes more."""
_ROWS: Final = 30
_NAMES: Final = 8
_TEXT: Final = 300
_REMEDY: Final = 1_200
_SIGNS: Final = {"READY": "✅", "CONDITIONAL": "⚠️", "NOT READY": "❌", "INCOMPLETE": "❔"}
_SPECIAL: Final = re.compile(r"[\\`*_\[\]<>|~&$]|:(?=//)|^[-+=#](?=[-+=#\s]|$)|(?<=^\d)[.)](?=\s|$)")
"""What is markup wherever it stands, an address, and what begins a heading, a rule or a list at the start of a line."""
_REFERENCE: Final = re.compile(r"(?<![\w.])@(?=\w)|#(?=\d)|\bwww(?=\.)", re.IGNORECASE)
_JOINER: Final = "\u2060"
"""Shows nothing, and keeps `@name`, `#12` and `www.` from being read as more than a text."""
_CODE: Final = re.compile(r"`([^`\n]+)`")


def render(report: Report) -> str:
    """The report in Markdown, at most 60,000 characters; what does not fit is counted."""
    grouped = words.shape(report)
    sections = (_head(report, grouped), _blocking(grouped), _first(report, grouped), _tail(report))
    text = "\n".join(line for section in sections for line in section)
    if len(text) > MAX_CHARACTERS - 100:
        text = text[: MAX_CHARACTERS - 100].rpartition("\n")[0] + "\n\n*cut here; readiness.json names the rest*"
    return text.rstrip("\n") + "\n"


def escaped(text: str, most: int = _TEXT) -> str:
    """`text` as one line that Markdown shows as it is."""
    plain = one_line(text)
    plain = plain if len(plain) <= most else f"{plain[: most - 1]}…"
    return _quoted(plain)


def _quoted(plain: str) -> str:
    return _REFERENCE.sub(rf"\g<0>{_JOINER}", _SPECIAL.sub(r"\\\g<0>", plain))


def code(text: str, most: int = _TEXT) -> str:
    """`text` as code, whatever quotes stand in it: shown word for word, so that it can be copied."""
    plain = one_line(text)
    # a bar ends a table's cell even inside code
    plain = (plain if len(plain) <= most else f"{plain[: most - 1]}…").replace("|", "\\|")
    longest = max(map(len, re.findall(r"`+", plain)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if plain.startswith("`") or plain.endswith("`") else ""
    return f"{fence}{pad}{plain}{pad}{fence}" if plain else ""


def _head(report: Report, grouped: Shape) -> Iterator[str]:
    stamp = "DEMO: " if report.demo else ""
    service = words.service(report)
    because = report.because if service is None else service.proof
    if service is None:
        sign, decided = _SIGNS.get(report.status, ""), words.decision(report)
        yield f"## {sign} {stamp}{escaped(report.status)}: {escaped(decided)}, score {words.number(report.headline)}"
    else:
        yield f"## {_SIGNS['READY']} {stamp}{service.status}: {escaped(service.said)}"
    yield ""
    if because.strip():
        yield f"**{escaped(because, 400)}**"
        yield ""
    counts = ", ".join(f"{count} {words.label(name)}" for name, count in grouped.counts.items())
    lines = [
        *(_verdict(report) if service is None else (service.gone,)),
        words.unchecked_callers(report),
        *(f"The run itself broke: {sentence}" for sentence in report.trouble[:5]),
        counts or "nothing was planned",
        words.change_sentence(report.comparison),
        _since_ready(report.history.since_ready if report.history else None),
        words.rollback_sentence(report),
        _release(report.release_run),
    ]
    yield from (f"- {escaped(line, 400)}" for line in lines if line)
    yield ""


def _verdict(report: Report) -> tuple[str, ...]:
    """What the verdict means, where it is that of what runs."""
    meaning = "" if words.decision(report) != report.decision else words.MEANING.get(report.decision, "")
    return meaning, words.capped(report), words.best_case(report)


def _since_ready(since: SinceReady | None) -> str:
    """What changed since the last READY run, by name: what a person looks at first."""
    if since is None:
        return ""
    groups = (
        ("newly failing", since.newly_failing),
        ("newly unknown", since.newly_unknown),
        ("newly degraded", since.newly_degraded),
        ("fixed", since.fixed),
    )
    parts = [
        f"{label} {', '.join(names[:_NAMES])}{', …' if len(names) > _NAMES else ''}" for label, names in groups if names
    ]
    parts += [f"{what} {then or '?'} → {now or '?'}" for what, then, now in since.versions[:_NAMES]]
    moment = iso(since.started)[:16].replace("T", " ")
    return f"since the last READY run ({moment} UTC): {'; '.join(parts) or 'the same checks'}"


def _release(release: ReleaseRun | None) -> str:
    """How the release that this run is part of went, phase by phase."""
    if release is None:
        return ""
    phases = ", ".join(f"{phase.name} {phase.status}" for phase in release.phases)
    outcome = release.outcome.replace("_", " ") or "under way"
    return f"release {outcome}{f': {release.because}' if release.because else ''}{f' ({phases})' if phases else ''}"


def _blocking(grouped: Shape) -> Iterator[str]:
    """A table of all that is not well, in the order in which to mend it."""
    rows = [row for cause in grouped.ranked for row in (cause.row, *cause.also)]
    blocked = sum(len(cause.blocked) for cause in grouped.ranked) + sum(len(rows) for _, rows in grouped.orphans)
    if rows:
        yield "| outcome | severity | check | points | why |"
        yield "| --- | --- | --- | ---: | --- |"
        yield from (_line(row) for row in rows[:_ROWS])
        yield ""
    if len(rows) > _ROWS:
        yield f"and {len(rows) - _ROWS} more, in the report"
        yield ""
    if blocked:
        yield f"{words.plural(blocked, 'more check')} could not be asked because of these."
        yield ""


def _line(row: Row) -> str:
    return (
        f"| {words.label(row.outcome.value)} | {row.severity.value} | {code(row.key, 120)} | "
        f"{words.points(row.points_lost).replace('<', '&lt;')} | {escaped(words.said(row) or row.title)} |"
    )


def _first(report: Report, grouped: Shape) -> Iterator[str]:
    """What to do about the few things to begin with."""
    first: Sequence[Cause] = grouped.first or grouped.ranked[:3]
    rows = [cause.row for cause in first if not cause.row.waiver and _step(cause.row)]
    if not rows:
        return
    service = words.service(report)
    gone = "" if service is None else service.release
    yield f"### {escaped(words.headline(first, gone))}" if grouped.first or gone else "### To mend"
    yield ""
    for number, row in enumerate(rows, start=1):
        yield f"{number}. {code(row.key, 120)}: {_step(row)}"
    yield ""


def _step(row: Row) -> str:
    """What to do about a finding; of what is unknown, what stands in the way of knowing it."""
    if row.outcome is Outcome.UNKNOWN:
        return f"to be found out: {escaped(words.said(row))}"
    return _remedy(row.remedy)


def _remedy(text: str) -> str:
    """A remedy on one line: what its author marked as code stays code, and a command that stood on a line of its own is."""
    parts = []
    for part in text[:_REMEDY].splitlines():
        if part.startswith("    ") and part.strip():
            parts.append(code(part))
        elif part.strip():
            parts.append(_with_code(one_line(part)))
    return " ".join(parts) + ("…" if len(text) > _REMEDY else "")


def _with_code(plain: str) -> str:
    parts, end = [], 0
    for matches in _CODE.finditer(plain):
        parts += [_quoted(plain[end : matches.start()]), code(matches[1])]
        end = matches.end()
    return "".join([*parts, _quoted(plain[end:])])


def _tail(report: Report) -> Iterator[str]:
    due = {step.role: step.contact for step in report.escalation if step.due}
    if words.service(report) is not None:
        due = {}  # it is over: nobody has to come
    elif report.status not in {"READY", "CONDITIONAL"}:
        due = due or dict(report.contacts)
    if people := ", ".join(f"{escaped(who.replace('_', ' '), 60)}: {escaped(name, 120)}" for who, name in due.items()):
        yield f"People: {people}"
        yield ""
    run = report.run
    hub = f" {escaped(run.versions['hub'], 60)}" if run.versions.get("hub") else ""
    yield (
        f"Hub{hub} at {code(report.target, 200)} ({escaped(report.environment, 60)}), run {code(run.id, 60)}, "
        f"{iso(run.finished)[:16].replace('T', ' ')} UTC, {run.seconds:.1f} s."
    )
