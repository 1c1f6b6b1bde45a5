"""Secrets in all that a hub, a deployment and a user's checks can say, through the whole real plugin: none comes out.

Every run is made twice: as it is, where the search must find nothing, and with redaction switched off, where it must find a
secret in each kind of file that a run writes. So neither the planting nor the search can quietly stop working.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.session.canary.runs import ROOT, Ran, run, started
from tests.session.canary.scenes import ERRORS, GOOD, SECRETS, VALUES, Scene
from tests.session.canary.search import CANARIES, SHAPED, TOKEN, encodings, leaks

if TYPE_CHECKING:
    from pathlib import Path

ALL: Final = ("-vv", "-l", "-rA", "--junitxml=kept/junit.xml", "--html=kept/page.html", "--self-contained-html")
SCENES: Final = {
    "values": (VALUES, ALL),
    "values-n2": (VALUES, (*ALL, "-n2")),
    "errors": (ERRORS, (*ALL, "--continue-on-collection-errors")),
    "good": (GOOD, ALL),
}
REPORTS: Final = {"terminal", "reports/readiness.json", "reports/readiness.html", "kept/junit.xml", "kept/page.html"}
MACHINES: Final = {f"reports/readiness.{end}" for end in ("md", "junit.xml", "sarif", "tap", "github.txt")}
"""Files for machines that quote what a check says; the other ones hold figures and names."""
IN_WORKERS: Final = {"disabled"}
"""Places whose words end with the worker: its standard output leads nowhere."""
NUMBERED: Final = re.compile(r"(?<=reports/history/).*|(?<=kept/readiness-)\w+|(?<=tmp/readiness-)\w+|(?<=journal/)\w+")


def kinds(names: set[str] | dict[str, list[str]]) -> set[str]:
    """File names without what differs from run to run."""
    return {NUMBERED.sub("*", name) for name in names}


def reached(ran: Ran, place: str, words: str) -> bool:
    """Whether `place~` was shown, followed by `words` (a quote, an escape or a cut may stand between)."""
    return re.search(rf"{place}~[^~\n]{{0,9}}(?:{words})", ran.everything) is not None


def _expected(scene: Scene, arguments: tuple[str, ...]) -> set[str]:
    return set(scene.places) - (IN_WORKERS if "-n2" in arguments else set())


@pytest.mark.parametrize("name", SCENES)
def test_no_secret_comes_out(name: str, tmp_path: Path) -> None:
    """Whatever is said reaches its readers with the mark instead of the secret, and nothing that a run writes holds one."""
    scene, arguments = SCENES[name]
    ran = run(tmp_path, scene, *arguments)
    assert ran.leaking() == {}
    assert {place for place in _expected(scene, arguments) if not reached(ran, place, "«redacted:")} == set()
    assert ran.status == scene.status, ran.said[-3000:]
    assert {*REPORTS, *MACHINES, "reports/history/*"} <= kinds(set(ran.written))
    assert "INTERNALERROR" not in ran.said


OUTSIDE: Final = {
    "values": {"kept/readiness-*/inventory.json", ".pytest_cache/v/cache/nodeids"},
    "values-n2": {"kept/traffic", "kept/readiness-*/plan-gw0.json", "kept/readiness-*/inventory.json"},
    "errors": set[str](),
    "good": {"reports/inventory.json", "kept/readiness-*/inventory.json"},
}
"""What holds a secret besides the reports, when nothing is redacted."""


@pytest.mark.parametrize("name", SCENES)
def test_without_redaction_the_search_finds_all(name: str, tmp_path: Path) -> None:
    """With redaction switched off each place is seen to say its secret, and each file is seen to hold one."""
    scene, arguments = SCENES[name]
    ran = run(tmp_path, scene, *arguments, CANARY_BLIND="1")
    told = MACHINES if scene.status else set[str]()  # where nothing failed they quote nothing
    assert {*REPORTS, "reports/history/*", *told, *OUTSIDE[name]} - kinds(ran.leaking()) == set()
    begin = "|".join(re.escape(secret[:5]) for secret in (*SECRETS.values(), "sk-proj"))
    assert {place for place in _expected(scene, arguments) if not reached(ran, place, begin)} == set()


DYING: Final = {"CANARY_DIES": "test_output", "GITHUB_ACTIONS": "true"}


@pytest.mark.parametrize("blind", ["", "1"], ids=["redacted", "blind"])
def test_a_killed_run_leaves_no_secret(tmp_path: Path, blind: str) -> None:
    """The verdict made from the journal of a run that was killed holds no secret, unless redaction is off; the journal goes."""
    ran = run(tmp_path, VALUES, *ALL, command="readiness check", **DYING, CANARY_BLIND=blind)
    assert "pytest died without a verdict" in ran.said
    assert "\n::error title=NOT READY%3A " in ran.said
    assert ran.status == 1
    files = {"terminal", "reports/readiness.json", "reports/readiness.html"}
    assert files <= kinds(set(ran.written))
    assert kinds(ran.leaking()) & files == (files if blind else set())
    assert blind or ran.leaking() == {}


WORDY: Final = "correct horse battery staple"
"""Only the name of its variable says that it is a secret."""
MISTAKES: Final = {
    "words": f'[target]\nurl = "http://127.0.0.1:9"\n[probe]\nattempts = "{WORDY}"\n',
    "unknown key": f'[target]\nurl = "http://127.0.0.1:9"\n"{TOKEN}" = 1\n',
    "bad value": f'[target]\nurl = "http://127.0.0.1:9"\n[probe]\nattempts = "{TOKEN}"\n',
    "bad URL": f'[target]\nurl = "ftp://user:{TOKEN}@127.0.0.1/"\n',
    "literal secret": f'[target]\nurl = "http://127.0.0.1:9"\ntoken_env = "{TOKEN}"\n',
    "no TOML": f'[target]\nurl = "http://127.0.0.1:9"\ntoken = {TOKEN}\n',
    "unknown check": f'[target]\nurl = "http://127.0.0.1:9"\n[limits.{TOKEN}]\ncritical = "{TOKEN}"\n',
}
UNQUOTED: Final = {"bad URL", "no TOML"}
"""Mistakes that are told without quoting anything."""


@pytest.mark.parametrize(
    ("mistake", "command"), [*((mistake, "pytest") for mistake in MISTAKES), ("words", "readiness check")]
)
def test_no_secret_in_what_a_mistake_is_told(mistake: str, command: str, tmp_path: Path) -> None:
    """A configuration that is refused is quoted in the refusal: exit 4, and the secret that stood in it stays out."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "tmp").mkdir()
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "readiness.toml").write_text(MISTAKES[mistake])
    ran = started(tmp_path, str(ROOT / "smoke"), command=command, HUB_PASSPHRASE=WORDY)
    assert ran.status == 4, ran.said
    assert "readiness.toml" in ran.said
    assert leaks(ran.said) == []
    assert WORDY not in ran.said
    assert ("redacted" in ran.said) == (mistake not in UNQUOTED)


@pytest.mark.parametrize("value", [*CANARIES, SHAPED])
def test_the_search_knows_every_form(value: str) -> None:
    """Each form of each canary is found alone, in the middle of a text, and in a piece of twelve characters."""
    for form in {value} if value == SHAPED else encodings(value):
        assert leaks(form) != [], form
        for before in range(6):
            assert leaks("." * before + form[1:13] + "...") != [], form
    assert leaks(value[:11]) == []
