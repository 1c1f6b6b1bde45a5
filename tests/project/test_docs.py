"""What the pages say works: commands parse, settings load, checks are collected, links lead somewhere, the README can be followed."""

from __future__ import annotations

import datetime as dt
import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tomllib
from typing import TYPE_CHECKING, Final

import pytest
from _pytest.mark.expression import Expression

from readiness.__main__ import VERBS
from readiness.cli.completion import verb_parsers
from readiness.config.loading import load
from readiness.errors import ConfigError
from readiness.findings import PHASES
from tests.project.doc_examples import Block, blocks, commands, pages
from tests.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES: Final = [block for page in pages() for block in blocks(page)]
PARSERS: Final = verb_parsers(VERBS)
SHELLS: Final = {"", "sh", "bash", "console"}
"""Languages of blocks that hold commands; "" is code that is only indented."""
_BASE: Final = '[target]\nurl = "http://127.0.0.1:3000"\n'


def _wrong(program: str, words: list[str]) -> str:
    """What is wrong with a command, by the parsers that would parse it; empty where nothing is."""
    if program == "pytest":
        return _wrong_expression(words)
    if not words or words[0] in {"--version", "--help", "VERB"}:
        return ""
    verb, *rest = words
    if verb not in PARSERS:
        return f"there is no verb {verb}"
    parser = PARSERS[verb]
    if verb == "check":  # pytest has more options than are told
        known = {flag for action in parser._actions for flag in action.option_strings}
        strange = [word for word in rest if word.startswith("--readiness") and word.partition("=")[0] not in known]
        return f"no option {strange}" if strange else _wrong_expression(rest)
    try:
        # behind `--` stands the deploy's own command
        parser.parse_args(rest[: rest.index("--")] if "--" in rest else rest)
    except SystemExit as end:
        return f"ends with {end.code}" if end.code else ""
    return ""


def _wrong_expression(words: list[str]) -> str:
    names: set[str] = set()

    def seen(name: str, **_: object) -> bool:
        names.add(name)
        return True

    for flag, value in itertools.pairwise(words):
        if flag == "-m" and value != "…":
            Expression.compile(value.replace(" or ", " and ")).evaluate(seen)
    strange = sorted(names - {*PHASES, "matrix"})
    return f"there is no phase {strange}" if strange else ""


def test_every_command_on_the_pages_parses(capsys: pytest.CaptureFixture[str]) -> None:
    """`readiness …` by the verb's own parser, `-m …` by pytest's: an option that is gone or misspelt is found here."""
    found = [one for block in EXAMPLES if block.language in SHELLS for one in commands(block)]
    wrong = [
        f"{where}: {program} {' '.join(words)}: {bad}"
        for where, program, words in found
        if (bad := _wrong(program, words))
    ]
    capsys.readouterr()
    assert wrong == []
    assert len(found) > 60


def test_every_verb_is_shown_on_a_page() -> None:
    """Beside the generated reference: a verb that no example shows is a verb that nobody finds."""
    shown = {
        words[0]
        for block in EXAMPLES
        if block.page.name != "cli.md" and block.language in SHELLS
        for _, program, words in commands(block)
        if program == "readiness" and words
    }
    assert set(VERBS) - shown == set()


def _is_settings(block: Block) -> bool:
    return block.language == "toml" or (
        block.language == "" and re.match(r"\[{1,2}[\w.-]+\]{1,2}|environment =", block.text) is not None
    )


@pytest.mark.parametrize("block", [b for b in EXAMPLES if _is_settings(b)], ids=lambda block: block.where)
def test_every_example_of_settings_loads(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the loader that a run uses, dates moved into the next days: a key that is gone or renamed is found here."""
    # a command that follows in the same block is none of the settings
    text = re.split(r"^(?:readiness|pytest) ", block.text, flags=re.MULTILINE)[0].replace("…", "x")
    if "[target]" not in text:
        text += "\n" + _BASE
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).date().isoformat()
    text = re.sub(r"(?<=expires = )\d{4}-\d\d-\d\d", soon, text)
    file = tmp_path / "readiness.toml"
    file.write_text(text, encoding="utf-8")
    assert tomllib.loads(text)
    for name in re.findall(r"\$\{(\w+)\}", text):
        monkeypatch.setenv(name, "jsons://127.0.0.1/hook")
    try:
        load(file=file, environ={"MCP_HUB_TOKEN": "t" * 20})
    except ConfigError as error:
        pytest.fail(f"{block.where}: {error}", pytrace=False)


def test_every_example_of_a_check_is_collected(tmp_path: Path) -> None:
    """Together, as checks of one's own beside what ships; examples that are no check at least compile."""
    found = [
        block for block in EXAMPLES if block.language == "python" or block.text.startswith("from readiness import")
    ]
    ids = []
    for number, block in enumerate(found):
        source = block.text if "import pytest" in block.text else f"import pytest\n{block.text}"
        compile(source, block.where, "exec")
        if "@check(" in block.text:
            (tmp_path / f"test_{number}.py").write_text(source, encoding="utf-8")
            ids += re.findall(r'@check\(\s*"([a-z0-9-]+)"', block.text)
    assert ids
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MCP_HUB", "PYTEST", "READINESS"))}
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", "-m", "health", "."]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one for one in set(ids) if one not in done.stdout] == []


def test_the_unit_on_the_page_is_one_that_systemd_takes(tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing against the example, with a program that is there."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    (text,) = (block.text for block in blocks(ROOT / "docs" / "your-hub.md") if block.language == "ini")
    unit = tmp_path / "mcp-hub.service"
    unit.write_text(text.replace("/usr/bin/node", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=60, check=False
    )
    assert [line for line in done.stderr.splitlines() if unit.name in line] == []
    assert done.returncode == 0, done.stderr


def _anchor(heading: str) -> str:
    words = re.sub(r"[^\w\- ]", "", heading.strip().lower().replace("`", ""))
    return words.replace(" ", "-")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page: Path) -> None:
    """Relative links name a file of the repository, and a heading of it where they name one."""
    wrong = []
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists():
            wrong.append(target)
        elif anchor:
            headings = re.findall(r"^#+ (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            if anchor not in {_anchor(heading) for heading in headings}:
                wrong.append(target)
    assert wrong == []


def test_the_index_names_every_page() -> None:
    """A page that the index does not lead to, directly or by the page of faults, is one that nobody reads."""
    linked = {
        name
        for index in ("README.md", "faults.md")
        for name in re.findall(r"\]\(([\w/-]+\.md)\)", (ROOT / "docs" / index).read_text(encoding="utf-8"))
    }
    docs = ROOT / "docs"
    assert {page.relative_to(docs).as_posix() for page in docs.rglob("*.md")} - linked - {"README.md"} == set()


# --- the README, followed word for word --------------------------------------------------------------------------------------


def _adoption() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split("\n## Adopt it in ten minutes\n")[1].split("\n## ")[0]
    return re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def _stranger(folder: Path) -> dict[str, str]:
    """Another repository with an environment of its own, in which pip installs the wheel and nothing from elsewhere."""
    wheels = folder.parent / "wheels"
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheels), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    subprocess.run([sys.executable, "-m", "venv", str(folder / ".venv")], check=True, timeout=120)
    (site,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    # the libraries that the extras name are those of this environment; the package itself comes from the wheel
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("PYTEST", "PYTHON", "MCP_HUB", "READINESS", "VIRTUAL_ENV"))
    }
    return kept | {"WHEEL": str(next(wheels.glob("*.whl")))}


@pytest.mark.matrix
def test_the_readme_can_be_followed_word_for_word(tmp_path: Path) -> None:
    """Each command of the ten minutes in its order, in a second repository: READY, and with the check of one's own CONDITIONAL.

    One line differs: pip takes the wheel of this checkout, and its libraries from where they are.
    """
    bash = shutil.which("bash")
    assert bash, "the README's commands are for a shell"
    steps = _adoption()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = "\n".join(steps).replace(":3000", f":{port}").replace("--port 3000", f"--port {port}")
    install = 'pip install "/path/to/mcp-hub-readiness[all]"'
    assert (script.count(install), script.count("python3 -m venv .venv\n")) == (1, 1)
    script = script.replace(install, 'pip install -q --no-deps --no-index --force-reinstall "$WHEEL"')
    script = script.replace("python3 -m venv .venv\n", "")
    assert "readiness check -m" in script
    folder = tmp_path / "site"
    folder.mkdir()
    env = _stranger(folder)
    done = subprocess.run(
        [bash, "-c", f"set -euo pipefail; trap 'kill $(jobs -p)' EXIT\n{script}"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "READY: KEEP, score 100.0" in said
    assert "exit 10: not written yet" in said
    assert "UNKNOWN high billing-answers" in said
    assert (folder / "checks" / "test_billing_answers.py").is_file()
    assert (folder / "reports" / "readiness.html").is_file()
    assert str(ROOT) not in said
