"""What a report tells to mend: findings grouped by their cause, in an order to work down."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from readiness.findings import Outcome, Severity
from readiness.results.render.page.html import render
from readiness.results.render.terminal import MAX_LINES, lines
from readiness.results.report import causes, to_json
from readiness.results.verdict.verdict import Decision, Status
from readiness.support.text import width
from tests.helpers.browser import chromium
from tests.results.report.factory import judged, report
from tests.results.report.scenes import HOSTILE, SCENES

if TYPE_CHECKING:
    from readiness.results.report import Report
    from readiness.results.verdict.verdict import Judged


def made(*rows: Judged) -> Report:
    """A report of rows, worst first as a judgement lists them."""
    return report(sorted(rows, key=lambda row: -row.points_lost), Status.NOT_READY, Decision.DO_NOT_DEPLOY)


def failed(name: str, lost: float = 1, **more: Any) -> Judged:
    """A failed check about deploy.sh with a remedy of its own, unless told otherwise."""
    about = {"path": "deploy.sh", "remedy": f"mend {name}", "reason": f"{name} is wrong", "phase": "preflight"}
    return judged(name, Outcome.FAILED, lost, **about | more)


def keys(found: Report) -> list[list[str]]:
    """The findings of each cause."""
    return [[row.key for row in (cause.row, *cause.also)] for cause in causes(found).ranked]


def test_one_file_with_one_remedy_or_one_reason_is_one_cause() -> None:
    """Findings of a file are mended together where the edit or what is wrong is the same, and only there."""
    found = made(
        failed("a", 5, reason="no trap"),
        failed("b", 4, reason="no\n trap"),
        failed("c", 3, remedy="mend a"),
        failed("d", 2),
        failed("e", 1, reason="no trap", path="start.sh"),
        failed("f", 1, reason="no trap", path=None),
    )
    assert keys(found) == [["a", "b", "c"], ["d"], ["e"], ["f"]]
    assert causes(found).ranked[0].points == 12


def test_what_is_unknown_for_one_reason_is_one_line() -> None:
    """Unknown checks with an equal reason are folded, whether it came up in set-up or in the call; without one they are not."""
    rows = [judged(f"s-{n}", Outcome.UNKNOWN, 1, reason="shellcheck is not installed") for n in range(3)]
    rows.append(judged("s-3", Outcome.UNKNOWN, 1, reason="setup: shellcheck is not installed"))
    rows += [judged(f"n-{n}", Outcome.UNKNOWN, 1) for n in range(2)]
    found = made(*rows)
    assert keys(found) == [["s-0", "s-1", "s-2", "s-3"], ["n-0"], ["n-1"]]
    told = lines(found, 100)
    assert "UNKNOWN medium 4 checks -4.0: shellcheck is not installed" in told
    assert "  s-0, s-1, s-2, s-3" in told
    page = render(found)
    assert page.count('<p class="reason">shellcheck is not installed') == 1
    assert "4 checks, one reason" in page
    assert {f"s-{n}" for n in range(4)} <= set(re.findall(r'id="(s-\d)"', page))


def test_what_blocks_the_verdict_comes_first_then_what_costs_most() -> None:
    """Critical failed, critical unknown, high, then the rest by points, what is blocked counted in; waived ones last."""
    found = made(
        failed("low-but-dear", 20, severity=Severity.LOW, path=None),
        failed("critical", 1, severity=Severity.CRITICAL, path=None),
        judged("lost", Outcome.UNKNOWN, 2, severity=Severity.CRITICAL, reason="no answer"),
        failed("high", 3, severity=Severity.HIGH, path=None),
        failed("root", 1, severity=Severity.MEDIUM, path=None),
        judged(
            "rests-on-root", Outcome.UNKNOWN, 5, severity=Severity.HIGH, blocked_by="root", reason="blocked by root"
        ),
        judged("rests-on-that", Outcome.UNKNOWN, 5, blocked_by="rests-on-root", reason="blocked by rests-on-root"),
        judged("waived", Outcome.WAIVED, 30, severity=Severity.CRITICAL, waiver="known"),
        judged("slow", Outcome.DEGRADED, 2, severity=Severity.CRITICAL, reason="slow"),
    )
    assert keys(found) == [["critical"], ["lost"], ["root"], ["high"], ["low-but-dear"], ["slow"], ["waived"]]
    root = causes(found).ranked[2]
    assert ([row.check for row in root.blocked], int(root.points), root.settles) == (
        ["rests-on-root", "rests-on-that"],
        11,
        2,
    )


def test_every_finding_stands_in_one_place() -> None:
    """Whatever is not well is in one cause or blocked by something outside the report, and points add up."""
    dice = random.Random(7)
    for _ in range(50):
        rows = [
            judged(
                f"c-{n}", dice.choice(list(Outcome)), dice.randrange(5), severity=dice.choice(list(Severity)),
                path=dice.choice([None, "a", "b"]), reason=dice.choice(["", "x", "y"]), remedy=dice.choice(["", "m"]),
                blocked_by=dice.choice([None, None, f"c-{dice.randrange(15)}", "elsewhere"]),
            )
            for n in range(15)
        ]  # fmt: skip
        found = causes(made(*rows))
        told = [row for cause in found.ranked for row in (cause.row, *cause.also, *cause.blocked)]
        told += [row for _, orphans in found.orphans for row in orphans]
        bad = [row for row in rows if row.finding.outcome not in {Outcome.PASSED, Outcome.NOT_APPLICABLE}]
        assert sorted(row.check for row in told) == sorted(row.check.id for row in bad)
        assert sum((row.points_lost for row in told), start=Fraction(0)) == sum(row.points_lost for row in bad)


def test_only_a_long_list_says_what_to_begin_with() -> None:
    """Three causes are the list itself; of four, three are named first. What is waived needs no mending."""
    rows = [failed(f"c-{n}", 4 - n) for n in range(4)]
    short = made(*rows[:3], judged("waived", Outcome.WAIVED, 9, waiver="known"))
    assert causes(short).first == ()
    assert "mend these" not in "\n".join(lines(short, 80))
    assert "Mend these" not in render(short)
    told = lines(made(*rows), 80)
    assert told.index("mend these 3 first:") < told.index("FAILED medium c-0 -4.0") < told.index("then:")
    assert told.index("FAILED medium c-2 -2.0") < told.index("then:") < told.index("FAILED medium c-3 -1.0")
    page = render(made(*rows))
    assert page.index("Mend these 3 first") < page.index("What lost points")
    unknown = made(*(judged(f"c-{n}", Outcome.UNKNOWN, 1, reason=f"reason {n}") for n in range(4)))
    assert "find these 3 out first:" in lines(unknown, 80)


def broken() -> Report:
    """A tree with five causes, one of which explains and blocks others."""
    return made(
        failed("built", 3, severity=Severity.CRITICAL, reason="dist/cli.js is missing", path="dist/cli.js"),
        failed("sized", 2, severity=Severity.HIGH, reason="dist/cli.js is missing", path="dist/cli.js"),
        judged("runs", Outcome.UNKNOWN, 2, severity=Severity.CRITICAL, blocked_by="built", reason="blocked by built"),
        *(failed(f"script-{n}", 1, line=n + 10, path=f"scripts/{n}.sh", remedy="Use `set -e`.") for n in range(4)),
    )


@pytest.mark.parametrize("columns", [80, 120])
def test_the_terminal_tells_what_where_how_and_what_goes_with_it(columns: int) -> None:
    """Each of the first three has its place, its remedy, what it settles and what that is worth."""
    told = lines(broken(), columns, paths=[Path("reports/readiness.html")], exit_status=1)
    assert len(told) <= MAX_LINES
    begin = told.index("mend these 3 first:")
    assert told[begin + 1 : begin + 7] == [
        "FAILED critical built -3.0, may also settle 2 checks (-4.0)",
        "  dist/cli.js is missing",
        "  do: mend built",
        "FAILED medium script-0 -1.0",
        "  scripts/0.sh:10: script-0 is wrong",
        "  do: Use `set -e`.",
    ]


def test_the_page_tells_what_where_how_and_what_goes_with_it() -> None:
    """The page's first list has the same, each linked to its card, which lists what else it explains."""
    page = render(broken())
    first = page[page.index('class="mend"') : page.index("What lost points")]
    assert first.count("<li>") == 3
    assert '<a href="#built">built</a>' in first
    assert "may also settle 2 checks" in first
    assert "<code>scripts/0.sh:10</code>: script-0 is wrong" in first
    assert '<code class="copy">set -e</code>' in first
    assert "1 more finding with the same cause" in page
    apart = render(made(*(failed(f"c-{n}", 3 - n, remedy="Use `set -e`.", line=10 + n) for n in range(3))))
    assert "<i>deploy.sh:11: c-1 is wrong</i>" in apart
    assert page.count('<article class="card') == 5


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_hostile_places_stay_plain(columns: int) -> None:
    """A file's name is a text from outside: nothing in it is obeyed by a terminal or a browser."""
    found = made(*(failed(f"c-{n}", 4 - n, path=f"{n}{HOSTILE}", reason=HOSTILE, line=n) for n in range(6)))
    told = lines(found, columns)
    assert all(char.isprintable() for text in told for char in text)
    assert all(width(text) <= columns for text in told)
    assert len(told) <= MAX_LINES
    page = render(found)
    assert "<img" not in page
    assert "<script" not in page


def test_the_document_carries_the_causes() -> None:
    """Programs get the order, what goes together, and where it is."""
    first, *_ = to_json(broken())["causes"]
    assert first == {
        "findings": ["built", "sized"], "blocked": ["runs"], "path": "dist/cli.js", "line": None, "points_lost": 7.0,
    }  # fmt: skip
    assert to_json(SCENES["ready"]())["causes"] == []


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN])
@pytest.mark.parametrize("kinds", [1, 10_000], ids=["one-cause", "many"])
def test_ten_thousand_findings_make_a_small_page(outcome: Outcome, kinds: int) -> None:
    """10,000 findings of one cause or of many are grouped, all of them, on a page below 2 MB."""
    rows = [
        judged(
            f"c-{n}", outcome, 0.009, reason=f"reason {n % kinds}", path=f"file-{n % kinds}", line=n, remedy="mend it"
        )
        for n in range(10_000)
    ]
    found = report(rows, Status.NOT_READY, Decision.HOLD)
    page = render(found)
    assert len(page.encode()) < 2_000_000
    assert len(causes(found).ranked) == kinds


def test_the_first_list_fits_a_small_screen() -> None:
    """On a telephone nothing sticks out, and on a laptop the list begins on the first screen."""
    long = "a/folder/with/a-rather-long-name/" * 6
    found = made(*(failed(f"c-{n}", 4 - n, path=f"{long}{n}.sh", line=7, remedy=f"`{long}`") for n in range(5)))
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 360, "height": 800})
        page.set_content(render(found))
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        page.set_viewport_size({"width": 1280, "height": 800})
        box = page.locator(".mend").bounding_box()
        assert box is not None
        assert box["y"] < 500
