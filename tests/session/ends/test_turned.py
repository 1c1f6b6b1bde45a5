"""A conftest.py or a plugin of the judged repository that would have a red run green: seen, named, and never READY."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Final

import pytest

from readiness.session import journal
from readiness.session.journal import VERDICT_PIPE, Journal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.session.ends.conftest import Project

SUITE: Final = (
    '@check("bad", severity="critical")\ndef test_bad():\n    """Bad."""\n    assert False, "it is bad"\n'
    '@check("good", severity="low")\ndef test_good():\n    """Good."""\n'
)
COMMAND: Final = ("readiness", "check")

REPORTS: Final = {
    "makereport": "@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n    r = yield\n    r.outcome = 'passed'\n    return r\n",
    "makereport-old": "@pytest.hookimpl(hookwrapper=True)\ndef pytest_runtest_makereport(item, call):\n    r = yield\n    r.get_result().outcome = 'passed'\n",
    "makereport-skip": "@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n    r = yield\n"
    "    if r.failed: r.outcome, r.longrepr = 'skipped', ('x', 1, 'flaky')\n    return r\n",
    "makereport-xfail": "@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n    r = yield\n"
    "    if r.failed: r.outcome, r.wasxfail = 'skipped', 'known'\n    return r\n",
    "makereport-outer": "@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_runtest_makereport(item, call):\n    r = yield\n    r.outcome = 'passed'\n    return r\n",
    "swallows": "@pytest.hookimpl(wrapper=True)\ndef pytest_pyfunc_call(pyfuncitem):\n    try:\n        return (yield)\n    except AssertionError:\n        return True\n",
    "excinfo": "@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_makereport(item, call):\n    call.excinfo = None\n",
    "logreport": "@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_logreport(report):\n    report.outcome = 'passed'\n",
    "answers": "@pytest.hookimpl(tryfirst=True)\ndef pytest_pyfunc_call(pyfuncitem):\n    return True\n",
    "exitstatus": "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n",
}  # fmt: skip
"""The check is failed nevertheless: NOT READY and 1, also for plain pytest."""
UNPROVEN: Final = {
    "protocol": "@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_protocol(item, nextitem):\n    return True\n",
    "dropped": "@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_collection_modifyitems(items):\n    items[:] = [i for i in items if 'bad' not in i.name]\n    return (yield)\n",
    "replaced": "def pytest_itemcollected(item):\n    if 'bad' in item.name: item.obj = lambda: None\n",
}  # fmt: skip
"""What was not run is unknown: INCOMPLETE."""
COMMAND_ONLY: Final = {
    "finish-last": (
        "@pytest.hookimpl(wrapper=True, tryfirst=True)\ndef pytest_sessionfinish(session):\n    r = yield\n    session.exitstatus = 0\n    return r\n",
        {1},
    ),
    "summary": (
        "@pytest.hookimpl(trylast=True)\ndef pytest_terminal_summary(config):\n    config.pluginmanager.get_plugin('session').exitstatus = 0\n",
        {1},
    ),
    "unconfigure": ("def pytest_unconfigure():\n    os._exit(0)\n", {1}),
    "exit-at-once": ("def pytest_sessionfinish():\n    os._exit(0)\n", {1, 12}),
    "exit-in-a-check": ("@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_logfinish(nodeid):\n    os._exit(0)\n", {1, 12}),
    "journal": (
        ("import glob\ndef pytest_sessionfinish():\n    for f in glob.glob('reports/journal/*.jsonl'):\n"
        "        open(f, 'a').write('{\"kind\": \"verdict\", \"exit\": 0, \"pid\": %d}\\n' % os.getpid())\n    os._exit(0)\n"),
        {1, 12},
    ),
    "journal-anew": (
        "import glob\ndef pytest_sessionfinish():\n    for f in glob.glob('reports/journal/*.jsonl'): os.truncate(f, 0)\n    os._exit(0)\n",
        {1, 12},
    ),
    "pipe": (
        ("from readiness.session.journal import VERDICT_PIPE\ndef pytest_sessionfinish():\n"
        "    os.write(VERDICT_PIPE.descriptor, b'{\"kind\": \"verdict\", \"exit\": 0, \"pid\": %d}\\n' % os.getpid())\n    os._exit(0)\n"),
        {1, 12},
    ),
    "two-answers": (
        ("from readiness.session.journal import VERDICT_PIPE\ndef pytest_sessionfinish():\n"
        "    os.write(VERDICT_PIPE.descriptor, b'{\"kind\": \"verdict\", \"exit\": 0, \"pid\": %d}\\n' % os.getpid())\n"),
        {1, 12},
    ),
    "pipe-closed": ("def pytest_sessionstart():\n    os.closerange(3, 64)\n", {1, 12}),
    "ledger": ("def pytest_collection_finish(session):\n    session.config.pluginmanager.unregister(name='readiness-ledger')\n", {1, 12}),
    "findings": (
        ("@pytest.hookimpl(tryfirst=True)\ndef pytest_sessionfinish(session):\n"
        "    session.config.pluginmanager.get_plugin('readiness-ledger').run.findings.clear()\n"),
        {1, 12},
    ),
    "exit-code": (
        ("from readiness.session import conclusion\nfrom readiness.results.verdict import verdict\n"
        "real = verdict.judge\ndef judge(evidence, gate):\n    import dataclasses\n"
        "    return dataclasses.replace(real(evidence, gate), status=verdict.Status.READY)\n"
        "def pytest_sessionfinish(): verdict.judge = judge\n"
        "@pytest.hookimpl(tryfirst=True)\ndef pytest_runtest_logstart(): verdict.judge = judge\n"),
        {1, 12},
    ),
}  # fmt: skip
"""Only a process beside it can see these: `readiness check` ends with one of the statuses."""


@pytest.mark.parametrize("command", [("pytest",), pytest.param(COMMAND, marks=pytest.mark.matrix)])
@pytest.mark.parametrize("how", [*REPORTS, *UNPROVEN])
def test_a_turned_report_is_seen(project: Project, how: str, command: tuple[str, ...]) -> None:
    """What a check's function came to is what counts, whatever its report says; what was never called is unknown."""
    project.suite(SUITE)
    (project.folder / "conftest.py").write_text(f"import os, pytest\n{ {**REPORTS, **UNPROVEN}[how] }")
    ended = project.run("-m", "health", "test_suite.py", command=command)
    assert ended.outcomes()["bad"] == ("failed" if how in REPORTS else "unknown"), ended.out[-2000:]
    assert ended.code == (1 if how in REPORTS else 12)
    assert ended.report is not None
    reason = next(one["reason"] for one in ended.report["findings"] if one["check"] == "bad")
    if how in REPORTS:
        assert reason.startswith("it is bad")
    if how.startswith("makereport-s") or how == "swallows":
        assert "a conftest.py or a plugin turned this into" in reason


OTHERS: Final = """
import unittest
@check("part", severity="critical")
def test_part(subtests):
    with subtests.test("one"): assert False, "it is bad"
class TestOld(unittest.TestCase):
    @check("old", severity="critical")
    def test_old(self): assert False, "it is bad"
    @check("inner", severity="critical")
    def test_inner(self):
        with self.subTest(): assert False, "it is bad"
    @check("expected", severity="low")
    @unittest.expectedFailure
    def test_expected(self): assert False, "it is bad"
class TestAwaited(unittest.IsolatedAsyncioTestCase):
    @check("awaited", severity="critical")
    async def test_awaited(self): assert False, "it is bad"
@pytest.fixture
def breaks():
    yield
    raise RuntimeError("not undone")
@check("undone", severity="critical")
def test_undone(breaks): pass
@pytest.fixture
def broken(): raise RuntimeError("not begun")
@pytest.mark.usefixtures("broken")
@check("begun", severity="critical")
def test_begun(): pass
"""


@pytest.mark.parametrize("how", ["makereport", "excinfo", "makereport-skip"])
def test_what_is_no_plain_function_is_seen_too(project: Project, how: str) -> None:
    """Subtests, methods of a TestCase, set-up and tear-down: their reports are turned, and what they raised counts."""
    project.suite(OTHERS)
    (project.folder / "conftest.py").write_text(f"import os, pytest\n{REPORTS[how]}")
    ended = project.run("-m", "health", "test_suite.py")
    assert ended.code == 1
    bad = dict.fromkeys(("part", "old", "inner", "awaited"), "failed")
    assert ended.outcomes() == {**bad, **dict.fromkeys(("undone", "begun", "expected"), "unknown")}, ended.out[-2000:]


def test_a_declaration_that_was_changed_is_refused(project: Project) -> None:
    """Another severity or another id on a collected check: exit 4, with who may have done it."""
    project.suite(SUITE)
    (project.folder / "conftest.py").write_text(
        "import pytest\ndef pytest_itemcollected(item):\n    item.own_markers[:] = [pytest.mark.check('bad', severity='low').mark]\n"
    )
    ended = project.run("-m", "health", "test_suite.py")
    assert ended.code == 4
    assert "changed what @check declares" in ended.out


@pytest.mark.parametrize("how", COMMAND_ONLY)
def test_the_command_believes_the_findings(project: Project, how: str) -> None:
    """A status that was set, a process that was ended, an answer or a journal that was forged: never 0."""
    text, codes = COMMAND_ONLY[how]
    project.suite(SUITE)
    (project.folder / "conftest.py").write_text(f"import os, pytest\n{text}")
    ended = project.run("-m", "health", "test_suite.py", command=COMMAND)
    assert ended.code in codes, ended.out[-2000:]
    assert how == "pipe-closed" or ended.status in {"NOT READY", "INCOMPLETE"}


FORK: Final = """
@check("forks", severity="low")
def test_forks():
    \"\"\"Forks.\"\"\"
    pid = os.fork()
    if pid: os.waitpid(pid, 0)
@check("bad", severity="critical")
def test_zbad():
    \"\"\"Bad, in the first process alone.\"\"\"
    assert os.getppid() == int(open("parent").read())
"""


@pytest.mark.parametrize("more", [(), pytest.param(("-n1",), marks=pytest.mark.matrix)])
def test_a_copy_that_goes_on_is_ended_and_named(project: Project, more: tuple[str, ...]) -> None:
    """A check forks and both return: one verdict, of the process that began, and it says what happened."""
    (project.folder / "parent").write_text("0")
    project.suite(FORK)
    ended = project.run("-m", "health", "test_suite.py", *more, command=COMMAND)
    assert ended.code == 1
    assert "forked this process, and the copy went on" in json.dumps(ended.report)
    assert ended.out.count("NOT READY") == 1


def test_a_child_that_keeps_the_pipe_holds_nothing_up(project: Project) -> None:
    """A fork that sleeps holds the pipe of the verdict: the command ends with the run, long before it does."""
    project.suite(
        '@check("forks", severity="low")\ndef test_forks():\n    """Forks."""\n    pid = os.fork()\n'
        "    if not pid:\n        time.sleep(300)\n        os._exit(0)\n    open('sleeper', 'w').write(str(pid))\n"
    )
    process = project.start("-m", "health", "test_suite.py", command=COMMAND)
    try:
        assert process.wait(timeout=120) == 0
    finally:
        os.kill(int((project.folder / "sleeper").read_text()), signal.SIGKILL)
        process.communicate(timeout=60)


def test_a_journal_is_shipped_whatever_becomes_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line goes to the pipe as well: a second verdict, or that of another process, is no answer."""
    readable, written = os.pipe()
    monkeypatch.setattr(VERDICT_PIPE, "descriptor", written)
    book = Journal(tmp_path / "j.jsonl")
    book.write("start", {"run": "r"})
    book.verdict({"status": "READY", "exit": 0})
    book.close()
    recording = journal.parse(os.read(readable, 65_536))
    assert recording.header == {"run": "r"}
    assert recording.answer_of(os.getpid()) == 0
    assert recording.answer_of(os.getpid() + 1) is None
    recording.verdicts *= 2
    assert recording.answer_of(os.getpid()) is None
    os.close(readable)
    os.close(written)


GROWS: Final = (
    '@check("good", severity="low")\ndef test_good():\n    """Good."""\n'
    '@check("grows", severity="low")\ndef test_grows():\n    """Takes more and more."""\n'
    "    kept = []\n    for _ in range(400):\n        kept.append(b'x' * (4 << 20))\n        time.sleep(0.02)\n"
)
LIMIT: Final = (
    "import readiness.operations.check_run.pytest_child as child\nchild._MEMORY = child._LEAST_MEMORY = 300 << 20\n"
)


@pytest.mark.parametrize("more", [(), pytest.param(("-n1",), marks=pytest.mark.matrix)])
def test_a_run_that_takes_all_memory_is_ended(project: Project, more: tuple[str, ...]) -> None:
    """Past its limit the run's process, or its worker, is ended: INCOMPLETE, what passed before still stands, no traceback."""
    project.suite(GROWS)
    (project.folder / "limited.py").write_text(
        f"{LIMIT}from readiness.__main__ import main\nraise SystemExit(main())\n"
    )
    ended = project.run("-m", "health", "test_suite.py", *more, command=("limited", "check"))
    assert (ended.code, ended.status) == (12, "INCOMPLETE"), ended.out[-2000:]
    assert ended.outcomes() == {"good": "passed", "grows": "unknown"}
    assert more or "took more than 300 MB of memory" in ended.out
    assert "Traceback" not in ended.out
