"""Secrets that only their shape or their place gives away, all at once through one run: no place that it leads to shows one.

`test_canary.py` is about values that are known.
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Final

import pytest

from readiness.__main__ import main
from readiness.facts.secretscan.stream_search import tokens
from readiness.operations.notify.check import event_of
from readiness.operations.notify.incident import markdown
from readiness.results.render import FORMATS
from readiness.support.redaction import Redactor
from tests.faults.hub.model import How, Site
from tests.faults.hub.words import TOOLS, both, edit
from tests.session.canary.runs import Ran, run
from tests.session.canary.scenes import Scene
from tests.session.canary.shapes import PUBLIC, SHAPES, drawn, given_away

if TYPE_CHECKING:
    from pathlib import Path

OWN: Final = """
import pytest
from readiness import check, note
from tests.session.canary.shapes import SHAPES

@pytest.mark.health
@check("own-shapes", severity="critical", rollback="validation-failure")
@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_shape(number):
    note(f"note~{SHAPES[number]}")
    print(f"stdout~{SHAPES[number]}")
    assert not number, f"shape~{SHAPES[number]} end"
"""
ALL: Final = " end\n".join(SHAPES)
SCENE: Final = Scene(
    how=How(edits=(edit(TOOLS, "tools.0.description", f"listed~{ALL}"), *both("servers.1.error", f"error~{ALL}"))),
    site=Site(log=("error", f"line~{ALL}")),
    suites={"test_own.py": OWN},
)
MORE: Final = {
    "again": ("report", "last"),
    "compared": ("report", "--compare", "reports/readiness.json", "reports/readiness.json"),
    "compared page": ("report", "--compare", "last", "last", "--format", "markdown"),
    "merged": ("report", "--merge", "reports"),
    "listed": ("report", "--list"),
    "nagios": ("nagios",),
    "indexed": ("report", "--index"),
}


def _places(ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What is read of a run: its files, what the other commands make of them, the message, and the page of the incident."""
    monkeypatch.chdir(ran.folder)
    said = {}
    for name, arguments in MORE.items():
        main(list(arguments))
        said[name] = "".join(capsys.readouterr())
    document = json.loads((ran.folder / "reports" / "readiness.json").read_text(encoding="utf-8"))
    said |= {"message": repr(event_of(document, "reports")), "incident": markdown(document)}
    return said | {name: text for name, text in Ran(ran.folder, ran.status, ran.said).written.items() if text}


@pytest.mark.parametrize("blind", ["", pytest.param("1", marks=pytest.mark.matrix)], ids=["redacted", "blind"])
def test_no_place_shows_a_secret_by_its_shape(
    blind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """More than a hundred shapes, said by a hub and by checks, stand in none of more than twelve places; unredacted they do."""
    options = (
        "-rA",
        "--junitxml=kept/junit.xml",
        "--html=kept/page.html",
        "--self-contained-html",
        "-k",
        "shape or log or connected or disclose or short",
    )
    ran = run(tmp_path, SCENE, *options, CANARY_BLIND=blind)
    assert ran.status == 1, ran.said[-3_000:]
    places = _places(ran, monkeypatch, capsys)
    wanted = {"terminal", "kept/junit.xml", "kept/page.html", "message", "incident", "nagios", "again", "merged"}
    wanted |= {f"reports/readiness.{end}" for end in ("json", "html", "md", "junit.xml", "sarif", "tap", "github.txt")}
    assert wanted <= places.keys(), sorted(places)
    assert len(FORMATS) + len(MORE) + len(wanted) > len(wanted) >= 12
    leaking = {name: shown for name, text in places.items() if (shown := given_away(text))}
    if blind:
        assert wanted - leaking.keys() <= {"nagios", "message", "merged", "again"}  # they quote the first of many alone
    else:
        assert leaking == {}
        assert ran.everything.count("shape~«redacted:") + ran.everything.count("redacted:") >= len(SHAPES)


@pytest.mark.parametrize("form", [str, repr, json.dumps, html.escape], ids=["plain", "repr", "json", "html"])
def test_every_shape_is_hidden(form: object, tmp_path: Path) -> None:
    """Each of more than a hundred shapes is hidden in a text, a repr, JSON and HTML."""
    assert callable(form)
    assert len(SHAPES) >= 100
    clean = Redactor({}).clean
    shown = {shape[:12]: given_away(clean(f"place~{form(shape)} end")) for shape in SHAPES}
    assert {name: leaks for name, leaks in shown.items() if leaks} == {}


@pytest.mark.parametrize("text", drawn(PUBLIC), ids=range(len(PUBLIC)))
def test_what_is_public_stays(text: str) -> None:
    """A public key, a hash, an id of a commit, a session or a thing and a reference are no secrets: shown, and no leak."""
    assert Redactor({}).clean(text) == text
    assert list(tokens(text, spelt=True)) == []
