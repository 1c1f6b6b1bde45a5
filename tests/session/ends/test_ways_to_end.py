"""Every way a run can end: none is READY or 0 unless the rules say so."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from readiness.findings import Check, Severity
from readiness.session.invocation import suite_folders
from tests.helpers.few_plugins import PAGES
from tests.session.ends.conftest import TOML

if TYPE_CHECKING:
    from tests.session.ends.conftest import Ended, Project

SMOKE = str(suite_folders()["smoke"])

OKS = "".join(f'@check("ok-{i}", severity="critical")\ndef test_ok_{i}():\n    """Is well."""\n' for i in range(6))
BAD = '@check("bad", severity="medium")\ndef test_bad():\n    """Bad."""\n    assert False, "broken"\n'


def never_green(ended: Ended) -> None:
    """Neither the exit status nor the word is a green one."""
    assert ended.code != 0, ended.out[-3000:]
    if ended.report is not None:
        assert ended.status in {"NOT READY", "INCOMPLETE"}, ended.out[-3000:]


@pytest.mark.parametrize("body", ["pytest.skip('x')", "pytest.xfail('x')"])
def test_everything_skipped_proves_nothing(project: Project, mode: list[str], body: str) -> None:
    """Where pytest says 0 when everything was skipped or failed as expected; the verdict is INCOMPLETE and 12."""
    project.suite(f'@check("only", severity="low")\ndef test_only():\n    """Only."""\n    {body}\n')
    ended = project.run("-m", "health", *mode)
    assert (ended.status, ended.code) == ("INCOMPLETE", 12)


def test_nothing_applicable_is_incomplete(project: Project, mode: list[str]) -> None:
    """A configuration that declares everything away leaves nothing that could be ready."""
    project.suite('@check("only", severity="low", needs=("thing",))\ndef test_only():\n    """Only."""\n')
    with (project.folder / "readiness.toml").open("a") as file:
        file.write('[expect]\nthing = { expected = false, reason = "not here" }\n')
    ended = project.run("-m", "health", *mode)
    assert (ended.status, ended.code) == ("INCOMPLETE", 12)
    assert ended.outcomes() == {"only": "not_applicable"}


def test_a_keyword_narrows_to_incomplete(project: Project, mode: list[str]) -> None:
    """What -k leaves out stays in the plan and is unknown."""
    project.suite(OKS)
    ended = project.run("-m", "health", "-k", "ok_1", *mode)
    never_green(ended)
    assert ended.outcomes() == {f"ok-{i}": "passed" if i == 1 else "unknown" for i in range(6)}
    assert "-k" in next(f["reason"] for f in ended.report["findings"] if f["check"] == "ok-2")


def test_a_keyword_that_selects_nothing_keeps_pytests_status(project: Project, mode: list[str]) -> None:
    """The 5 of pytest (nothing ran) stays, and the report says INCOMPLETE."""
    project.suite(OKS)
    ended = project.run("-m", "health", "-k", "nothing_has_this_name", *mode)
    assert ended.code == 5
    assert ended.status == "INCOMPLETE"


def test_last_failed_narrows_to_incomplete(project: Project, mode: list[str]) -> None:
    """--lf deselects without a word; the plan still knows what was left out."""
    project.suite(OKS + BAD)
    flags = ["-p", "cacheprovider", "-m", "health", *mode]
    first = project.run(*flags)
    assert first.status == "CONDITIONAL"
    (project.folder / "test_suite.py").write_text(
        (project.folder / "test_suite.py").read_text().replace("False", "True")
    )
    second = project.run(*flags, "--lf")
    never_green(second)
    assert second.outcomes()["ok-0"] == "unknown"


def test_a_node_id_narrows_to_what_ships(project: Project, mode: list[str]) -> None:
    """With a catalogue, naming one test leaves the others unknown although they were never collected."""
    project.suite(OKS)
    shipped = Check(id="elsewhere", title="Stands elsewhere.", phase="health", topic="x", severity=Severity.CRITICAL)
    project.catalogue([shipped.to_json() | {"file": "smoke/test_x.py"}])
    ended = project.run("-m", "health", "test_suite.py::test_ok_1", *mode)
    never_green(ended)
    assert ended.outcomes()["elsewhere"] == "unknown"


def test_a_node_id_alone_is_never_ready(project: Project, mode: list[str]) -> None:
    """What stands beside a single named test was never collected: CONDITIONAL at best, and the reason says so."""
    project.suite(OKS)
    ended = project.run("-m", "health", "test_suite.py::test_ok_1", *mode)
    assert ended.status == "CONDITIONAL"
    assert "test_suite.py::test_ok_1" in ended.out


def test_stopping_at_the_first_failure_is_not_green(project: Project, mode: list[str]) -> None:
    """-x leaves planned checks without a result: INCOMPLETE, whatever pytest calls it."""
    project.suite(BAD + OKS.replace('"""Is well."""', "time.sleep(0.2)"))
    ended = project.run("-m", "health", "-x", *mode)
    never_green(ended)
    assert "unknown" in ended.outcomes().values()


def test_a_rerun_that_passes_is_flaky(project: Project, mode: list[str]) -> None:
    """--reruns: passed only when run again is worth three quarters, and makes a critical check CONDITIONAL."""
    project.suite(
        OKS + '@check("shaky", severity="critical")\ndef test_shaky():\n    """Shaky."""\n'
        "    import pathlib\n    p = pathlib.Path('seen')\n    seen = p.exists()\n    p.touch()\n    assert seen\n"
    )
    ended = project.run("-m", "health", "--reruns", "1", *mode)
    assert ended.outcomes()["shaky"] == "flaky"
    assert (ended.status, ended.code) == ("CONDITIONAL", 0)


def test_a_rerun_that_fails_is_failed(project: Project, mode: list[str]) -> None:
    """--reruns does not wash away a failure that stays."""
    project.suite(OKS + BAD.replace("medium", "critical"))
    ended = project.run("-m", "health", "--reruns", "2", *mode)
    assert ended.outcomes()["bad"] == "failed"
    assert (ended.status, ended.code) == ("NOT READY", 1)


def test_a_suite_that_does_not_import(project: Project, mode: list[str], *, is_parallel: bool) -> None:
    """A broken suite drops its checks without a trace: the verdict leaves one."""
    project.suite(OKS)
    project.suite("import no_such_module\n", "test_broken.py")
    ended = project.run("-m", "health", *mode)
    never_green(ended)
    assert ended.status == "INCOMPLETE"
    assert ended.code == (12 if is_parallel else 2)
    assert "test_broken.py" in json.dumps(ended.report)


def test_a_worker_that_dies(project: Project) -> None:
    """A dead worker's check is unknown, and the run's integrity is broken."""
    project.suite(
        OKS + '@check("kills", severity="low")\ndef test_kills():\n    """Kills its worker."""\n    os._exit(3)\n'
    )
    ended = project.run("-m", "health", "-n2")
    never_green(ended)
    assert ended.status == "INCOMPLETE"
    assert ended.outcomes()["kills"] == "unknown"


def test_workers_that_may_not_restart(project: Project) -> None:
    """--max-worker-restart=0 ends the run early: what is missing is unknown."""
    project.suite('@check("kills", severity="low")\ndef test_kills():\n    """Kills."""\n    os._exit(3)\n' + OKS)
    ended = project.run("-m", "health", "-n2", "--max-worker-restart=0")
    never_green(ended)
    assert ended.outcomes()["kills"] == "unknown"


def test_a_process_that_dies(project: Project) -> None:
    """Without workers the whole run dies: no verdict, no report, and a journal that says how far it came."""
    project.suite(OKS + '@check("kills", severity="low")\ndef test_zz_kills():\n    """Kills."""\n    os._exit(0)\n')
    ended = project.run("-m", "health")
    assert ended.report is None
    journals = list((project.folder / "reports" / "journal").glob("*.jsonl"))
    assert len(journals) == 1
    kinds = [json.loads(line)["kind"] for line in journals[0].read_text().splitlines()]
    assert "verdict" not in kinds
    assert kinds.count("finding") == 6


@pytest.mark.parametrize("how", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)", "os.abort()"])
def test_check_gives_a_verdict_even_when_pytest_dies(project: Project, how: str) -> None:
    """`readiness check` judges the journal of a pytest that died, with whatever status."""
    project.suite(OKS + f'@check("kills", severity="low")\ndef test_zz_kills():\n    """Kills."""\n    {how}\n')
    ended = project.run("-m", "health", "test_suite.py", command=("readiness", "check"))
    assert (ended.status, ended.code) == ("INCOMPLETE", 12)
    assert ended.outcomes() == {**{f"ok-{i}": "passed" for i in range(6)}, "kills": "unknown"}
    assert "died without a verdict" in ended.out


def test_check_agrees_with_pytest_when_nothing_dies(project: Project, mode: list[str]) -> None:
    """`readiness check` ends as pytest's verdict does."""
    project.suite(OKS)
    ended = project.run("-m", "health", "test_suite.py", *mode, command=("readiness", "check"))
    assert (ended.status, ended.code) == ("READY", 0)
    assert not list((project.folder / "reports" / "journal").glob("*.jsonl"))


SURROGATES = (
    '@check("surrogate", severity="medium")\ndef test_surrogate(record_property):\n    """Surrogates."""\n'
    '    record_property("p", "\\ud800")\n    print("out \\ud800")\n    assert False, "hub said \\ud800"\n'
)


def test_lone_surrogates_are_no_way_out(project: Project, mode: list[str]) -> None:
    """A hub that answers a lone surrogate fails its check and nothing else, also under xdist and in every report."""
    project.suite(OKS + SURROGATES)
    ended = project.run("-m", "health", *PAGES, "--junitxml=j.xml", "--html=p.html", *mode)
    assert ended.outcomes() == {**{f"ok-{i}": "passed" for i in range(6)}, "surrogate": "failed"}
    assert ended.status == "CONDITIONAL"
    assert "INTERNALERROR" not in ended.out
    assert (project.folder / "j.xml").is_file()


def test_fifty_megabytes_of_message(project: Project, mode: list[str]) -> None:
    """A huge message is cut, in the report and on the way there."""
    project.suite(
        OKS
        + '@check("huge", severity="medium")\ndef test_huge():\n    """Huge."""\n    pytest.fail("x" * 50_000_000)\n'
    )
    ended = project.run("-m", "health", "--tb=short", *mode)
    assert ended.outcomes()["huge"] == "failed"
    assert ended.status == "CONDITIONAL"
    assert len(ended.out) < 1_000_000
    assert (project.folder / "reports" / "readiness.json").stat().st_size < 200_000


SLOW = '@check("slow", severity="medium")\ndef test_zz_slow():\n    """Slow."""\n    open("running", "w").close()\n    time.sleep(30)\n'


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(project: Project, mode: list[str], number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end in order: exit 2, a report, and INCOMPLETE."""
    project.suite(OKS + SLOW)
    process = project.start("-m", "health", *mode)
    project.wait_for("running")
    time.sleep(0.3)
    process.send_signal(number)
    ended = project.ended(process, timeout=60)
    never_green(ended)
    assert ended.code == 2
    assert ended.status == "INCOMPLETE"


def test_terminated_where_interrupts_are_ignored(project: Project, mode: list[str]) -> None:
    """SIGTERM ends a run in order also where SIGINT is ignored, as in a job that a shell put into the background."""
    project.suite(OKS + SLOW)
    (project.folder / "deaf.py").write_text("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n")
    process = project.start("-p", "deaf", "-m", "health", *mode)
    project.wait_for("running")
    time.sleep(0.3)
    process.send_signal(signal.SIGTERM)
    ended = project.ended(process, timeout=60)
    never_green(ended)
    assert (ended.code, ended.status) == (2, "INCOMPLETE")


def test_killed_outright_leaves_the_journal(project: Project, mode: list[str]) -> None:
    """SIGKILL: the journal holds what was found, without a verdict."""
    project.suite(OKS + SLOW)
    process = project.start("-m", "health", *mode)
    project.wait_for("running")
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGKILL)
    ended = project.ended(process)
    assert ended.code == -signal.SIGKILL
    assert ended.report is None
    text = next((project.folder / "reports" / "journal").glob("*.jsonl")).read_text()
    assert '"kind": "verdict"' not in text
    assert text.count('"kind": "finding"') >= 3


def test_an_internal_error(project: Project, mode: list[str]) -> None:
    """A plugin that breaks pytest itself leaves exit 3 and INCOMPLETE."""
    project.suite(OKS)
    (project.folder / "breaker.py").write_text(
        "import pytest\nworker = []\n"
        "def pytest_configure(config):\n    worker.extend([1] * hasattr(config, 'workerinput'))\n"
        "@pytest.hookimpl(tryfirst=True)\n"
        "def pytest_runtest_logreport(report):\n"
        "    if report.when == 'call' and 'ok_3' in report.nodeid and not worker: raise ZeroDivisionError('boom')\n"
    )
    ended = project.run("-m", "health", "-p", "breaker", *mode)
    never_green(ended)
    assert "ZeroDivisionError: boom" in ended.out
    assert ended.code in {3, 12}


def test_another_plugin_fails_at_the_end(project: Project, mode: list[str]) -> None:
    """A plugin that raises in pytest_sessionfinish costs the run its green, not its report."""
    project.suite(OKS)
    (project.folder / "spoiler.py").write_text(
        "def pytest_sessionfinish(session):\n"
        "    if not hasattr(session.config, 'workerinput'): raise ZeroDivisionError('boom')\n"
    )
    ended = project.run("-m", "health", "-p", "spoiler", *mode)
    never_green(ended)
    assert ended.status == "INCOMPLETE"


def test_another_plugin_sets_its_own_status(project: Project, mode: list[str]) -> None:
    """A status of another plugin that is neither 0 nor 1 stays."""
    project.suite(OKS)
    (project.folder / "other.py").write_text("def pytest_sessionfinish(session):\n    session.exitstatus = 77\n")
    assert project.run("-m", "health", "-p", "other", *mode).code == 77


def test_a_failed_test_that_is_no_check(project: Project, mode: list[str]) -> None:
    """An ordinary test that fails beside passing checks makes the exit status 1, and leaves the verdict alone."""
    project.suite(OKS + "def test_plain():\n    assert False\n")
    ended = project.run("-m", "health", *mode)
    assert (ended.status, ended.code) == ("READY", 1)


def test_pytest_exit_in_a_check(project: Project, mode: list[str]) -> None:
    """A call of pytest.exit ends the run: its status stays, the verdict is INCOMPLETE."""
    project.suite(
        OKS
        + '@check("leaves", severity="low")\ndef test_leaves():\n    """Leaves."""\n    pytest.exit("enough", returncode=0)\n'
    )
    ended = project.run("-m", "health", *mode)
    never_green(ended)
    assert ended.status == "INCOMPLETE"


def test_runs_without_checks_are_left_alone(project: Project, mode: list[str]) -> None:
    """Where no check is selected nothing is judged, nothing is written and pytest's status stays."""
    (project.folder / "test_plain.py").write_text("def test_plain():\n    assert True\n")
    ended = project.run(*mode)
    assert ended.code == 0
    assert ended.report is None
    assert not (project.folder / "reports").exists()


def test_collect_only_judges_nothing(project: Project, mode: list[str]) -> None:
    """--collect-only prints the plan and writes no report."""
    project.suite(OKS)
    ended = project.run("-m", "health", "--collect-only", *mode)
    assert ended.code == 0
    assert ended.report is None


@pytest.mark.parametrize(
    ("suite", "words"),
    [
        (
            '@check("a", severity="low")\ndef test_a(): pass\n@check("a", severity="low")\ndef test_b(): pass\n',
            "two functions",
        ),
        ('@pytest.mark.e2e\n@check("a", severity="low")\ndef test_a(): pass\n', "one phase"),
    ],
)
def test_a_contradictory_suite(project: Project, mode: list[str], suite: str, words: str, *, is_parallel: bool) -> None:
    """One id on two functions, or two phases on one check, is a usage error, and never green under xdist."""
    project.suite(suite)
    ended = project.run("-m", "health", *mode)
    never_green(ended)
    assert words in ended.out or words in json.dumps(ended.report)
    if not is_parallel:
        assert ended.code == 4


@pytest.mark.parametrize(
    "wrong", ["severity='hihg'", "severity='low', rollback='validation-failur'", "severity='low', phase='helth'"]
)
def test_a_misspelt_declaration_fails_at_import(project: Project, wrong: str) -> None:
    """A typo in severity, trigger or phase is caught at import and names what is valid."""
    project.suite(f"@check('a', {wrong})\ndef test_a(): pass\n")
    ended = project.run("-m", "health")
    never_green(ended)
    assert "is not valid; expected" in ended.out


def test_no_target_is_a_usage_error(project: Project, mode: list[str]) -> None:
    """Without a file, a URL, or the demo option a run of the shipped suites stops with exit 4 and says what to set."""
    (project.folder / "readiness.toml").unlink()
    ended = project.run("-m", "health", SMOKE, *mode)
    assert ended.code == 4
    assert "MCP_HUB_URL" in ended.out
    assert "--readiness-demo" in ended.out


def test_a_broken_configuration_is_a_usage_error(project: Project, mode: list[str]) -> None:
    """A misspelt key stops the run before anything is judged, and names the nearest right one."""
    (project.folder / "readiness.toml").write_text('[target]\nurll = "http://127.0.0.1:9"\n')
    ended = project.run("-m", "health", SMOKE, *mode)
    assert ended.code == 4
    assert "urll" in ended.out
    assert "url" in ended.out


def test_nagios_is_refused(project: Project) -> None:
    """The --nagios of testinfra would overwrite the verdict's exit status."""
    ended = project.run("-m", "health", "--nagios", SMOKE)
    assert ended.code == 4
    assert "--nagios" in ended.out


def test_settling_is_passing(project: Project) -> None:
    """A failing attempt is repeated within the settle time; passing then is passed, with its attempts counted."""
    project.suite(
        '@check("settles", severity="critical", settle=5)\ndef test_settles():\n    """Settles."""\n'
        "    import pathlib\n    p = pathlib.Path('n')\n    n = int(p.read_text()) if p.exists() else 0\n"
        "    p.write_text(str(n + 1))\n    warn('only in the first attempts') if n < 2 else None\n    assert n == 2\n"
    )
    ended = project.run("-m", "health")
    assert ended.report is not None
    finding = ended.report["findings"][0]
    assert (finding["outcome"], finding["attempts"]) == ("passed", 3)
    assert ended.status == "READY"


SAID = '''
@pytest.fixture
def release():
    unknown("no release to look at")

@check("is-said", severity="high")
def test_said():
    """Nobody can tell."""
    unknown("nobody can tell")

@check("needs-a-release", severity="high")
def test_needs(release):
    """Not asked."""

@check("breaks", severity="medium")
def test_breaks():
    """Breaks in a way that nobody foresaw."""
    raise KeyError("unforeseen")

@check("is-wrong", severity="critical")
def test_wrong():
    """Is wrong."""
    assert False, "the value is wrong"
'''


def test_what_is_unknown_is_so_in_pytests_words_too(project: Project, mode: list[str]) -> None:
    """Pytest counts it as the verdict does and shows no code of it; what nobody foresaw keeps its traceback."""
    project.suite(SAID)
    ended = project.run("-m", "health", *mode)
    assert "2 failed, 2 unknown" in ended.out
    assert "def test_breaks" in ended.out
    assert "def test_said" not in ended.out
    assert "setup of test_needs" not in ended.out
    assert ended.report is not None
    reasons = {found["check"]: found["reason"] for found in ended.report["findings"]}
    assert reasons["needs-a-release"] == "no release to look at"


@pytest.mark.parametrize(("more", "shown"), [((), False), (("-v",), True)])
def test_the_command_keeps_pytest_short(project: Project, more: tuple[str, ...], *, shown: bool) -> None:
    """Whoever asks for a verdict sees it on one screen, and the code of what failed only where that was asked for."""
    project.suite(SAID)
    ended = project.run("-m", "health", "test_suite.py", *more, command=("readiness", "check"))
    assert ('raise KeyError("unforeseen")' in ended.out) is shown
    assert ("FAILED test_suite.py::test_wrong" in ended.out) is shown
    assert shown or len(ended.out.splitlines()) < 45


def test_time_that_is_spent_ends_attempts_and_set_ups_too(project: Project) -> None:
    """A slow set-up counts; a check that would go on failing beyond the budget is unknown, and the next one is not begun."""
    (project.folder / "readiness.toml").write_text(f"{TOML}budget = 1\n")
    project.suite(
        "@pytest.fixture\ndef slow(): time.sleep(0.6)\n"
        '@check("first", severity="low")\ndef test_first(slow):\n    """Is well."""\n'
        '@check("second", severity="critical", settle=60)\ndef test_second():\n    """Fails for long."""\n'
        '    time.sleep(0.1)\n    assert False, "it is bad"\n'
        '@check("third", severity="critical", last=True)\ndef test_third():\n    """Is not begun."""\n'
    )
    ended = project.run("-m", "health")
    assert ended.report is not None
    reasons = {one["check"]: one["reason"] for one in ended.report["findings"]}
    assert ended.outcomes() == {"first": "passed", "second": "unknown", "third": "unknown"}
    assert reasons["second"].startswith("out of time after ")
    assert reasons["second"].endswith("the last one: it is bad")
    assert reasons["third"].startswith("out of time: the checks before took 1 s of the 1 s")
