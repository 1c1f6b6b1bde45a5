"""`readiness.html`: one self-contained page that a tired person understands in ten seconds.

No script, no request, no style but its own: the Content-Security-Policy names the hash of the one style sheet. Every
text is escaped by Jinja2; the page is bounded in size whatever the report holds.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import hashlib
import importlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from readiness.results.render import wording as words
from readiness.results.report import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import jinja2

    from readiness.findings import Limits
    from readiness.results.render.wording import Shape
    from readiness.results.report import Cause, Report, Row

TEMPLATES: Final = Path(__file__).with_name("templates")
_KINDS: Final = {"READY": "ready", "CONDITIONAL": "conditional", "NOT READY": "not-ready", "INCOMPLETE": "incomplete"}


def _part(module: str, function: str, value: object) -> Any:  # noqa: ANN401 - what the template takes
    """A part of the page that few runs have; what draws it is loaded for those alone."""
    if value is None:
        return None
    return getattr(importlib.import_module(f"readiness.results.render.page.{module}"), function)(value)


def render(report: Report) -> str:
    """The whole page. Raises nothing for what a report holds; a fault in the template is a bug."""
    style, policy = _style()
    grouped = words.shape(report)
    page = Page.of(report)
    shown_sections = sections(grouped, page)
    service = words.service(report)
    return _template().render(
        report=report,
        kind="ready" if service else _KINDS.get(report.status, "incomplete"),
        service=service,
        decided=words.decision(report),
        style=style,
        policy=policy,
        grouped=grouped,
        first=first(grouped),
        first_words=words.headline(grouped.first, "" if service is None else service.release),
        gains=[] if service else gains(report, grouped),
        sections=shown_sections,
        rest=rest(grouped, page),
        measures=measures(report.rows),
        facts=_facts(report),
        inventory=_part("inventory", "inventory_rows", report.inventory),
        load=_part("load", "load_view", report.load),
        release=_part("timeline", "timeline", report.release_run),
        trend=_part("trend", "trend", report) if report.history is not None else None,
        call=call_path(report),
        at=page.at,
        filters=filters(shown_sections),
        found_first=words.found_first(report, grouped),
        meaning=words.MEANING.get(report.decision, ""),
        scale=_scale(report),
        when=_moment(report.run.started),
    )


@functools.cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=compiled_templates(),
    )
    environment.globals["words"] = words
    environment.filters["spans"] = _spans
    environment.filters["reachable"] = reachable
    environment.filters["moment"] = _moment
    environment.filters["day"] = lambda text: text[:16].replace("T", " ")
    environment.filters["minus"] = lambda text: text.replace("-", "\N{MINUS SIGN}")
    return environment.get_template("report.html.j2")


def compiled_templates() -> jinja2.BytecodeCache | None:
    """Compiled templates beside their source, as Python keeps its own: compiling the page anew costs 40 ms a run.

    None where Python may not write there either.
    """
    import jinja2

    folder = TEMPLATES / "__pycache__"
    if sys.dont_write_bytecode:
        return None
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    return jinja2.FileSystemBytecodeCache(str(folder)) if os.access(folder, os.W_OK) else None


@functools.cache
def _style() -> tuple[Markup, str]:
    """The style sheet and the policy that allows it alone."""
    sheet = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return Markup(sheet), policy  # noqa: S704 - our own file, not text from a run


def _spans(text: str) -> list[tuple[str, str]]:
    """A remedy as (kind, text): `code` between backticks, `block` for indented lines, `text` for the rest."""
    spans: list[tuple[str, str]] = []
    prose: list[str] = []
    for line in [*text.split("\n"), None]:
        if line is not None and not line.startswith("    "):
            prose.append(line)
            continue
        if prose:
            pieces = " ".join(prose).split("`")
            spans += [("code" if i % 2 and i < len(pieces) - 1 else "text", p) for i, p in enumerate(pieces) if p]
            prose = []
        if line is not None and spans and spans[-1][0] == "block":
            spans[-1] = ("block", f"{spans[-1][1]}\n{line.strip()}")
        elif line is not None:
            spans.append(("block", line.strip()))
    return spans


def _moment(seconds: float) -> str:
    return iso(seconds)[:16].replace("T", " ") + " UTC"


def _facts(report: Report) -> list[tuple[str, str]]:
    run = report.run
    facts = [
        ("Target", report.target),
        ("Environment", report.environment),
        ("Declared version", run.versions.get("hub", "")),
        ("Release", report.release),
        ("Started", _moment(run.started)),
        ("Took", words.lasted(run.seconds)),
        ("Asked", run.selection),
    ]
    return [(name, value) for name, value in facts if value]


def _scale(report: Report) -> dict[str, float]:
    """Numbers of the score's bar, in per cent of its length."""
    head, best = float(report.headline), float(report.best_case)
    ticks: Sequence[float] = (report.gate["conditional"], report.gate["ready"])
    return {"head": head, "score": float(report.score), "best": max(best, head), "low": ticks[0], "high": ticks[1]}


# --- whom to call: with numbers and addresses that a phone takes up at a touch -----------------------------------------

_REACH: Final = re.compile(
    r"(?P<mail>[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})|(?P<tel>\+?[0-9][0-9 ()/-]{5,22}[0-9])"
)


def reachable(contact: str) -> list[tuple[str, str, str]]:
    """A contact as (kind, text, address): numbers to call and addresses to write to, where a phone can take them up."""
    parts: list[tuple[str, str, str]] = []
    at = 0
    for matches in _REACH.finditer(contact):
        if matches.start() > at:
            parts.append(("text", contact[at : matches.start()], ""))
        text = matches[0]
        if matches["mail"]:
            parts.append(("mailto", text, text))
        else:
            parts.append(("tel", text, ("+" if text[0] == "+" else "") + re.sub(r"\D", "", text)))
        at = matches.end()
    return [*parts, ("text", contact[at:], "")] if at < len(contact) else parts


def call_path(report: Report) -> list[dict[str, Any]]:
    """The path along which people are told, the person on call first; then contacts that are on no path."""
    is_over = words.service(report) is not None
    path = [
        {"role": step.role, "contact": step.contact, "hears": step.hears, "due": step.due and not is_over}
        for step in report.escalation
    ]
    on_path = {step["role"] for step in path}
    others = sorted(report.contacts.items(), key=lambda contact: contact[0] != "on_call")
    path += [
        {"role": role, "contact": contact, "hears": "", "due": False} for role, contact in others if role not in on_path
    ]
    return [step | {"name": str(step["role"]).replace("_", " ")} for step in path]


MAX_BYTES: Final = 1_750_000
"""What the findings of a page may take; what does not fit even by name is counted and left to the JSON."""
_IN_FULL: Final = 400_000
"""Of these, what is kept for the findings that are told in full, however many have names."""
MAX_CARDS: Final = 80
"""Findings shown in full, worst first; a person reads no more, and the rest keep a line each."""
MANY: Final = 8
"""Cards from which on they can be filtered by severity."""
_CARD: Final = 3_400
"""Bytes of markup around the texts of a card, `_LINE` of those around a line, `_NAME` of those around a name."""
_LINE: Final = 80
_NAME: Final = 36
_SHORT: Final = 160
_REASON: Final = 1_200
_VALUE: Final = 400
_SEVERITIES: Final = ("critical", "high", "medium", "low")
_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_INSTANCE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9])?")


@dataclasses.dataclass(slots=True)
class Page:
    """What is used up while findings are laid out: bytes for names, bytes for all else, cards and anchors."""

    names: int = MAX_BYTES
    left: int = 0
    cards: int = MAX_CARDS
    anchors: set[str] = dataclasses.field(default_factory=set)

    @classmethod
    def of(cls, report: Report) -> Page:
        """An empty page for `report`, with room set aside for the name of each finding."""
        names = min(MAX_BYTES - _IN_FULL, sum(map(_named, report.rows)))
        return cls(names=names, left=MAX_BYTES - names)

    def takes(self, cost: int) -> bool:
        """Whether `cost` bytes still fit; they are taken if they do."""
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def holds(self, row: Row) -> bool:
        """Whether the name of `row` still fits; its room is taken if it does."""
        cost = _named(row)
        if cost > self.names:
            return False
        self.names -= cost
        return True

    def anchor(self, row: Row) -> str | None:
        """The check's id as an anchor, once a page: its worst instance gets it."""
        if row.check in self.anchors or not _ID.fullmatch(row.check):
            return None
        self.anchors.add(row.check)
        return row.check

    def mark(self, row: Row) -> str | None:
        """An anchor of its own for an instance, `disk-use-is-safe.web1`; None where it cannot be one."""
        if row.instance is None or not _ID.fullmatch(row.check) or not _INSTANCE.fullmatch(row.instance):
            return None
        name = f"{row.check}.{row.instance}"
        if name in self.anchors:
            return None
        self.anchors.add(name)
        return name

    def at(self, key: str) -> str | None:
        """The anchor on this page of what is called `key`, `id` or `id[instance]`; None where it has none."""
        check, _, instance = key.partition("[")
        names = (f"{check}.{instance.removesuffix(']')}", check) if instance else (check,)
        return next((name for name in names if name in self.anchors), None)


def link(row: Row) -> str | None:
    """The anchor that a link to `row` names; None where its id cannot be one."""
    if not _ID.fullmatch(row.check):
        return None
    return f"{row.check}.{row.instance}" if row.instance and _INSTANCE.fullmatch(row.instance) else row.check


def cut(text: str, limit: int = _VALUE) -> str:
    """`text`, or its beginning and a sign that more followed."""
    return text if len(text) <= limit else f"{text[:limit]}…"


def sections(grouped: Shape, page: Page) -> list[dict[str, Any]]:
    """The two lists a person acts on: what lost points, and what could not be proven."""
    sections_shown = []
    for name, causes in (("lost", grouped.lost), ("unknown", grouped.unknown)):
        cards: list[dict[str, Any]] = []
        more: list[Row] = []
        for cause in causes:
            card = None if more else _card(cause, page)
            if card is None:
                more += [cause.row, *cause.also, *cause.blocked]
            else:
                cards.append(card)
        orphans = grouped.orphans if name == "unknown" else ()
        sections_shown.append(
            {
                "name": name,
                "cards": cards,
                "more": lines(more, page, reasons=True),
                "orphans": [(root, lines(rows, page)) for root, rows in orphans],
                "count": sum(len(cause.also) + 1 for cause in causes) + sum(len(rows) for _, rows in orphans),
            }
        )
    return sections_shown


def filters(shown_sections: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Severities and how many cards have each, where the cards are too many to be looked through; else none."""
    severities = [card["row"].severity.value for section in shown_sections for card in section["cards"]]
    counts = [(severity, severities.count(severity)) for severity in _SEVERITIES if severity in severities]
    return counts if len(severities) > MANY and len(counts) > 1 else []


def rest(grouped: Shape, page: Page) -> dict[str, Any]:
    """What needs no action: declared away, and passed."""
    return {
        "not_applicable": lines(grouped.not_applicable, page, reasons=True),
        "passed": lines(grouped.passed, page),
    }


def first(grouped: Shape) -> list[dict[str, Any]]:
    """The few causes to begin with, each as short as a reader needs to start."""
    return [
        {
            "row": cause.row,
            "outcome": cause.row.outcome.value,
            "link": link(cause.row),
            "place": _place(cause.row),
            "reason": cut(" ".join(cause.row.reason.split()), 2 * _SHORT),
            "remedy": "" if cause.row.outcome.value == "unknown" else cut(cause.row.remedy, _REASON),
            "points": words.points(cause.points) if cause.points else "",
            "settled": words.settled(cause),
        }
        for cause in grouped.first
    ]


def gains(report: Report, grouped: Shape) -> list[dict[str, Any]]:
    """What would raise the score most, with what to do about it and its share of all that is lost."""
    lost = max(100.0 - float(report.score), 0.1)
    return [
        {
            "name": words.plural(len(cause.also) + 1, "unknown check") if _is_folded(cause) else cause.row.key,
            "link": link(cause.row),
            "points": words.points(cause.points).removeprefix("-"),
            "share": f"{min(100.0, 100 * float(cause.points) / lost):.1f}",
            "settled": "" if _is_folded(cause) and not cause.blocked else words.settled(cause),
            "do": cut(_flat(cause.row.reason if cause.row.outcome.value == "unknown" else cause.row.remedy), _SHORT),
        }
        for cause in words.gains(grouped)
    ]


def lines(rows: Iterable[Row], page: Page, *, reasons: bool = False) -> dict[str, Any]:
    """Rows at a line each or by name alone, and how many are left over."""
    rows = list(rows)
    few = len(rows) <= MAX_CARDS
    shown_lines, left_out = [], 0
    for row in rows:
        if not page.holds(row):
            left_out += 1
            continue
        reason = cut(_located(row), _SHORT) if reasons else ""
        title = row.title if few else ""
        if not page.takes(_LINE + _cost(reason, title)):
            reason = title = ""
        shown_lines.append(
            {"row": row, "anchor": page.anchor(row), "mark": page.mark(row), "reason": reason, "title": title}
        )
    return {"lines": shown_lines, "count": len(rows), "left_out": left_out, "titles": few}


def _is_folded(cause: Cause) -> bool:
    """Whether several checks are unknown for one reason, and told as one."""
    return cause.row.outcome.value == "unknown" and bool(cause.also)


def _named(row: Row) -> int:
    instance = 0 if row.instance is None else 2 * _cost(row.instance) + len(row.check)
    return _NAME + 2 * len(row.check) + instance


def _cost(*texts: str | None) -> int:
    return sum(len(str(escape(text)).encode()) for text in texts if text)


def _card(cause: Cause, page: Page) -> dict[str, Any] | None:
    """A cause in full with all that goes with it, or None where no room is left for one."""
    row = cause.row
    folded = _is_folded(cause)
    texts = {
        "reason": cut(row.reason, _REASON),
        "measured": cut(words.measured(row)),
        "expected": cut(words.expected(row)),
        # what several checks share is why they are unknown; what mends each, should it prove bad, differs
        "remedy": "" if folded else cut(row.remedy, _REASON),
        "place": _place(row),
    }
    notes = [cut(note) for note in row.notes[:5]]
    cost = _CARD + _cost(row.title, row.key, row.check, row.waiver, *texts.values(), *notes)
    if page.cards <= 0 or not page.takes(cost):
        return None
    page.cards -= 1
    return {
        "row": row,
        "outcome": row.outcome.value,
        "anchor": page.anchor(row),
        "mark": page.mark(row),
        "bullet": bullet(row),
        "notes": notes,
        "folded": len(cause.also) + 1 if folded else 0,
        "points": words.points(cause.own_points) if cause.own_points else "",
        "also": lines(cause.also, page, reasons=not folded),
        "blocked": lines(cause.blocked, page),
        "blocked_checks": words.checks(cause.blocked),
        "blocked_points": words.points(cause.blocked_points),
        **texts,
    }


def _place(row: Row) -> str:
    """File and line, where the reason does not name them anyway."""
    return "" if row.place in row.reason[:_REASON] else cut(row.place)


def _flat(text: str) -> str:
    """A remedy as running text: what may be cut short must not look like a command to copy."""
    return " ".join(text.replace("`", "").split())


def _located(row: Row) -> str:
    """The reason on one line, with the place that it does not name."""
    sentence = " ".join(row.reason.split())
    return sentence if row.place in sentence else f"{row.place}: {sentence}"


MOST: Final = 40
"""Measures of the page's list, worst first."""
_FAR: Final = 2.5
"""A value further out than this many times its outer limit is drawn at the edge: it would flatten all the rest."""
_ROOM: Final = 1.1
_FULL: Final = 100.0
_DRAWN: Final = frozenset({"passed", "flaky", "degraded", "waived", "failed"})


def bullet(row: Row) -> dict[str, Any] | None:
    """Zones, limits and the value of `row`, in per cent; None where it is no measure, or proves nothing."""
    limits, value = row.limits, row.value
    if limits is None or value is None or row.outcome.value not in _DRAWN:
        return None
    bounds = [limit for limit in (limits.warning, limits.critical) if limit is not None]
    if not any(bounds):  # a limit of 0 alone gives no scale to draw on
        return None
    scale = _Scale(value, bounds, row.unit)
    return {
        "zones": _zones(limits, scale),
        "ticks": [
            {"name": name, "text": f"{name} {limit:.6g}", "x": f"{x:.1f}", "end": x > _FULL / 2}
            for name, limit in (("warning", limits.warning), ("critical", limits.critical))
            if limit is not None
            for x in (scale.x(limit),)
        ],
        "origin": f"{min(scale.x(0), scale.x(value)):.1f}",
        "length": f"{abs(scale.x(value) - scale.x(0)):.1f}",
        "x": f"{scale.x(value):.1f}",
        "far": scale.far,
        "better": limits.better,
        "told": _told(row, limits, value),
    }


def measures(rows: Iterable[Row]) -> dict[str, Any]:
    """All measures of a run with their charts, worst first, and how many are left over."""
    drawn = [(row, chart) for row in rows if (chart := bullet(row)) is not None]
    return {"rows": drawn[:MOST], "left_out": max(0, len(drawn) - MOST)}


class _Scale:
    """From values to per cent of the width; from 0, so that lengths compare."""

    def __init__(self, value: float, bounds: Sequence[float], unit: str) -> None:
        low, high = min(0.0, *bounds), max(0.0, *bounds)
        reach = _FAR * max(high - low, 1e-9)
        self.far = value > low + reach
        high = max(high, min(value, low + reach))
        self.low = min(low, max(value, high - reach))
        percent = unit == "%" and self.low == 0 and high <= _FULL
        self.high = _FULL if percent else self.low + max(high - self.low, 1e-9) * _ROOM

    def x(self, value: float) -> float:
        return _FULL * min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))


def _zones(limits: Limits, scale: _Scale) -> list[dict[str, str]]:
    """Where a value is good, warned of and bad, from left to right."""
    marks = [
        (scale.x(limit), kind)
        for limit, kind in ((limits.warning, "warn"), (limits.critical, "bad"))
        if limit is not None
    ]
    if limits.better == "higher":
        marks = [(_FULL - x, kind) for x, kind in marks]
    zones, start, kind = [], 0.0, "good"
    for x, following in [*marks, (_FULL, "")]:
        if x > start:
            zones.append((start, x, kind))
            start = x
        kind = following
    if limits.better == "higher":
        zones = [(_FULL - end, _FULL - begin, kind) for begin, end, kind in reversed(zones)]
    return [{"kind": kind, "x": f"{begin:.1f}", "w": f"{end - begin:.1f}"} for begin, end, kind in zones]


def _told(row: Row, limits: Limits, value: float) -> str:
    """The chart in words, for those who do not see it."""
    parts = [f"{value:.6g} {row.unit}".strip()]
    for name, limit in (("warning", limits.warning), ("critical", limits.critical)):
        if limit is not None:
            side = "past" if limits.beyond(value, limit) else "inside"
            parts.append(f"{side} the {name} limit of {limit:.6g}")
    return f"{', '.join(parts)}; {limits.better} is better"
