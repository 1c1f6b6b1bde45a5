"""The findings of a page: in full while they are few, at a line each, and by name alone where even that takes too much.

Every finding has its name's room set aside before any is told in full, so that none is lost for one that is long.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

from markupsafe import escape

from readiness.results.render import wording as words
from readiness.results.render.page.bullet import bullet

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from readiness.results.render.wording import Shape
    from readiness.results.report import Cause, Report, Row

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
    found = []
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
        found.append(
            {
                "name": name,
                "cards": cards,
                "more": lines(more, page, reasons=True),
                "orphans": [(root, lines(rows, page)) for root, rows in orphans],
                "count": sum(len(cause.also) + 1 for cause in causes) + sum(len(rows) for _, rows in orphans),
            }
        )
    return found


def filters(told: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """Severities and how many cards have each, where the cards are too many to be looked through; else none."""
    found = [card["row"].severity.value for section in told for card in section["cards"]]
    counts = [(severity, found.count(severity)) for severity in _SEVERITIES if severity in found]
    return counts if len(found) > MANY and len(counts) > 1 else []


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
            "remedy": "" if cause.row.outcome.value == "unknown" else cut(cause.row.remedy),
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
    told, left_out = [], 0
    for row in rows:
        if not page.holds(row):
            left_out += 1
            continue
        reason = cut(_located(row), _SHORT) if reasons else ""
        title = row.title if few else ""
        if not page.takes(_LINE + _cost(reason, title)):
            reason = title = ""
        told.append({"row": row, "anchor": page.anchor(row), "mark": page.mark(row), "reason": reason, "title": title})
    return {"lines": told, "count": len(rows), "left_out": left_out, "titles": few}


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
    said = " ".join(row.reason.split())
    return said if row.place in said else f"{row.place}: {said}"
