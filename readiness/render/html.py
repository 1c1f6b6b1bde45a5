"""`readiness.html`: one self-contained page that a tired person understands in ten seconds.

No script, no request, no style but its own: the Content-Security-Policy names the hash of the one style sheet. Every
text is escaped by Jinja2; the page is bounded in size whatever the report holds.
"""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import functools
import hashlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup, escape

from readiness.render import shape as words
from readiness.render.inventory import inventory_rows
from readiness.render.load import load_view
from readiness.report import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import jinja2

    from readiness.render.shape import Shape
    from readiness.report import Cause, Report, Row

TEMPLATES: Final = Path(__file__).with_name("templates")
MAX_BYTES: Final = 1_700_000
"""What the rows of a page may take; the rest is counted and left to the JSON."""
MAX_CARDS: Final = 80
"""Rows shown in full, worst first; a person reads no more, and the rest keep a line each."""
_CARD: Final = 1_400
"""Bytes of markup around the texts of a card, as `_LINE` around those of a line."""
_LINE: Final = 130
_SHORT: Final = 160
_REASON: Final = 1_200
_VALUE: Final = 400
_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_KINDS: Final = {"READY": "ready", "CONDITIONAL": "conditional", "NOT READY": "not-ready", "INCOMPLETE": "incomplete"}


@dataclasses.dataclass(slots=True)
class _Page:
    """What is used up while rows are laid out: bytes, cards and anchors."""

    left: int = MAX_BYTES
    cards: int = MAX_CARDS
    anchors: set[str] = dataclasses.field(default_factory=set)

    def takes(self, cost: int) -> bool:
        """Whether `cost` bytes still fit; they are taken if they do."""
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def anchor(self, row: Row) -> str | None:
        """The check's id as an anchor, once a page: its worst instance gets it."""
        if row.check in self.anchors or not _ID.fullmatch(row.check):
            return None
        self.anchors.add(row.check)
        return row.check


def render(report: Report) -> str:
    """The whole page. Raises nothing for what a report holds; a fault in the template is a bug."""
    style, policy = _style()
    grouped = words.shape(report)
    page = _Page()
    return _template().render(
        report=report,
        kind=_KINDS.get(report.status, "incomplete"),
        words=words,
        style=style,
        policy=policy,
        grouped=grouped,
        first=_first(grouped),
        first_words=words.headline(grouped.first),
        sections=_sections(grouped, page),
        rest=_rest(grouped, page),
        facts=_facts(report),
        inventory=inventory_rows(report.inventory),
        load=load_view(report.load),
        call=_call(report),
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
        bytecode_cache=_compiled_templates(),
    )
    environment.filters["spans"] = _spans
    environment.filters["minus"] = lambda text: text.replace("-", "\N{MINUS SIGN}")
    return environment.get_template("report.html.j2")


def _compiled_templates() -> jinja2.BytecodeCache | None:
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


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _cost(*texts: str | None) -> int:
    return sum(len(str(escape(text)).encode()) for text in texts if text)


def _card(cause: Cause, page: _Page) -> dict[str, Any] | None:
    """A cause in full with all that goes with it, or None where no room is left for one."""
    row = cause.row
    folded = row.outcome.value == "unknown" and bool(cause.also)
    texts = {
        "reason": _cut(row.reason, _REASON),
        "measured": _cut(words.measured(row), _VALUE),
        "expected": _cut(words.expected(row), _VALUE),
        # what several checks share is why they are unknown; what mends each, should it prove bad, differs
        "remedy": "" if folded else _cut(row.remedy, _REASON),
        "place": _place(row),
    }
    notes = [_cut(note, _VALUE) for note in row.notes[:5]]
    cost = _CARD + _cost(row.title, row.key, row.check, row.waiver, *texts.values(), *notes)
    if page.cards <= 0 or not page.takes(cost):
        return None
    page.cards -= 1
    return {
        "row": row,
        "outcome": row.outcome.value,
        "anchor": page.anchor(row),
        "notes": notes,
        "folded": len(cause.also) + 1 if folded else 0,
        "points": words.points(cause.own_points) if cause.own_points else "",
        "also": _lines(cause.also, page, reasons=not folded),
        "blocked": _lines(cause.blocked, page),
        "blocked_points": words.points(cause.blocked_points),
        **texts,
    }


def _place(row: Row) -> str:
    """File and line, where the reason does not name them anyway."""
    return "" if row.place in row.reason[:_REASON] else _cut(row.place, _VALUE)


def _located(row: Row) -> str:
    """The reason on one line, with the place that it does not name."""
    said = " ".join(row.reason.split())
    return said if row.place in said else f"{row.place}: {said}"


def _first(grouped: Shape) -> list[dict[str, Any]]:
    """The few causes to begin with, each as short as a reader needs to start."""
    return [
        {
            "row": cause.row,
            "outcome": cause.row.outcome.value,
            "link": cause.row.check if _ID.fullmatch(cause.row.check) else None,
            "place": _place(cause.row),
            "reason": _cut(" ".join(cause.row.reason.split()), 2 * _SHORT),
            "remedy": "" if cause.row.outcome.value == "unknown" else _cut(cause.row.remedy, _VALUE),
            "points": words.points(cause.points) if cause.points else "",
            "settled": words.settled(cause),
        }
        for cause in grouped.first
    ]


def _lines(rows: Iterable[Row], page: _Page, *, reasons: bool = False) -> dict[str, Any]:
    """Rows at a line each, as many as fit, and how many are left over."""
    rows = list(rows)
    lines = []
    for row in rows:
        reason = _cut(_located(row), _SHORT) if reasons else ""
        if not page.takes(_LINE + _cost(row.key, row.check, reason, "" if len(rows) > MAX_CARDS else row.title)):
            break
        lines.append({"row": row, "anchor": page.anchor(row), "reason": reason})
    return {"lines": lines, "count": len(rows), "left_out": len(rows) - len(lines), "titles": len(rows) <= MAX_CARDS}


def _sections(grouped: Shape, page: _Page) -> list[dict[str, Any]]:
    """The two lists a person acts on: what lost points, and what could not be proven."""
    sections = []
    for name, found in (("lost", grouped.lost), ("unknown", grouped.unknown)):
        cards: list[dict[str, Any]] = []
        more: list[Row] = []
        for cause in found:
            card = None if more else _card(cause, page)
            if card is None:
                more += [cause.row, *cause.also, *cause.blocked]
            else:
                cards.append(card)
        orphans = grouped.orphans if name == "unknown" else ()
        sections.append(
            {
                "name": name,
                "cards": cards,
                "more": _lines(more, page, reasons=True),
                "orphans": [(root, _lines(rows, page)) for root, rows in orphans],
                "count": sum(len(cause.also) + 1 for cause in found) + sum(len(rows) for _, rows in orphans),
            }
        )
    return sections


def _rest(grouped: Shape, page: _Page) -> dict[str, Any]:
    return {
        "not_applicable": _lines(grouped.not_applicable, page, reasons=True),
        "passed": _lines(grouped.passed, page),
    }


def _moment(seconds: float) -> str:
    return iso(seconds)[:16].replace("T", " ") + " UTC"


def _facts(report: Report) -> list[tuple[str, str]]:
    run = report.run
    facts = [
        ("Target", report.target),
        ("Environment", report.environment),
        ("Hub", run.versions.get("hub", "")),
        ("Release", report.release),
        ("Started", _moment(run.started)),
        ("Took", str(dt.timedelta(seconds=round(run.seconds))) if run.seconds >= 60 else f"{run.seconds:.1f} s"),  # noqa: PLR2004 - a minute
        ("Asked", run.selection),
    ]
    return [(name, value) for name, value in facts if value]


def _call(report: Report) -> list[tuple[str, str]]:
    """Whom to call, the person on call first."""
    order = sorted(report.contacts.items(), key=lambda contact: contact[0] != "on_call")
    return [(name.replace("_", " "), value) for name, value in order]


def _scale(report: Report) -> dict[str, float]:
    """Numbers of the score's bar, in per cent of its length."""
    head, best = float(report.headline), float(report.best_case)
    ticks: Sequence[float] = (report.gate["conditional"], report.gate["ready"])
    return {"head": head, "score": float(report.score), "best": max(best, head), "low": ticks[0], "high": ticks[1]}
