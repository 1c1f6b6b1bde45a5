"""Checks that pytest passes over in silence: each is unknown, with its file, its line and the reason, and nothing is READY."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from readiness.session.plan import declared
from tests.session.ends.conftest import HEAD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.session.ends.conftest import Project

OK = '@check("fine", severity="low")\ndef test_fine():\n    """Is well."""\n'
LOST: Final = '@check("{0}", severity="critical")\ndef test_{0}():\n    """Lost."""\n    assert False\n'
METHOD: Final = (
    '    @check("{0}", severity="critical")\n    def test_{0}(self):\n        """Lost."""\n        assert False\n'
)

VANISHED: Final = {
    "init": ("test_init.py", "class TestIt:\n    def __init__(self): pass\n" + METHOD, "TestIt has one (line 7)"),
    "new": ("test_new.py", "class TestIt:\n    def __new__(cls): return object()\n" + METHOD, "no class with __new__"),
    "class": ("test_class.py", "class Checks:\n" + METHOD, "no class called Checks, only Test…"),
    "inner": ("test_inner.py", "class TestA:\n  class Inner:\n" + METHOD, "no class called Inner"),
    "nottest": ("test_nottest.py", "class TestA:\n    __test__ = False\n" + METHOD, "TestA says __test__ = False"),
    "method": ("test_method.py", "class TestA:\n" + METHOD.replace("test_", "sees_"), "no function called sees_method"),
    "file": ("checks_of_ours.py", LOST, "no file of this name, only test_*.py, *_test.py"),
    "helper": ("conftest.py", LOST, "no file of this name"),
    "skipped": ("test_skipped.py", 'pytest.skip("not today", allow_module_level=True)\n' + LOST, "skipped: Skipped: not today"),
    "missing": ("test_missing.py", 'pytest.importorskip("no_such_module")\n' + LOST, "could not import 'no_such_module'"),
    "branch": ("test_branch.py", "if os.name == 'nt':\n" + METHOD.replace("self", ""), "block (line 6) that did not define it"),
    "case": ("test_case.py", "match os.name:\n  case 'nt':\n" + METHOD.replace("self", ""), "block (line 6) that did not define it"),
    "star": ("test_star.py", "try: pass\nexcept* OSError:\n" + METHOD.replace("self", ""), "block (line 6) that did not define it"),
    "module": ("test_module.py", "__test__ = False\n" + LOST, "took it out"),
    "unused": ("test_unused.py", ("def make(name):\n    @check(name, severity='critical')\n    def made(): pass\n    return made\n"
        "test_used = (make('used'), make('unused'))[0]\n"), "no function called made"),
    "bound": ("test_bound.py", "def make():\n" + METHOD.replace("self", "") + "    return test_bound\nmake()\n", "under no name"),
    "ignored": ("test_ignored.py", LOST, "pytest passed over the file: --ignore"),
    "dropped": ("test_dropped.py", LOST + "del test_dropped\n", "another definition, a conftest.py or a plugin took it out"),
}  # fmt: skip
CASE: Final = "import unittest\nclass TestIt(unittest.TestCase):\n    DECLARED\n    {0}"
RUN_AND_UNKNOWN: Final = {
    "async": ("async def test_async():\n    assert False\n", "an async def check needs a plugin that runs it"),
    "false": ("def test_false():\n    return False\n", "returned a bool, which proves nothing"),
    "coroutine": ("def test_coroutine():\n    async def c(): assert False\n    return c()\n", "returned a coroutine"),
    "agen": ("async def test_agen():\n    yield\n", "returned a async_generator"),
    "empty": ("@pytest.mark.parametrize('v', [])\ndef test_empty(v): pass\n", "got empty parameter set"),
    "case-async": (CASE.format("async def test_it(self): assert False\n"), "returned a coroutine"),
    "case-false": (CASE.format("def test_it(self): return False\n"), "returned a bool"),
    "case-yields": (CASE.format("def test_it(self): yield\n"), "returned a generator"),
}
NEAR_MISSES: Final = {
    "test_conditional.py": "if True:\n" + METHOD.format("cond").replace("self", "") + "else:\n" + METHOD.format("cond").replace("self", ""),
    "test_param.py": '@pytest.mark.parametrize("n", [1, 2])\n' + LOST.format("param").replace("()", "(n)"),
    "shared.py": LOST.format("shared"),
    "test_shared.py": "from shared import *\n",
    "test_wrapped.py": "def odd(f):\n    def test_wrapped(): f()\n    return test_wrapped\n"
    + LOST.format("wrapped").replace("def test", "@odd\ndef test"),
    "test_made.py": "def make(name):\n    @check(name, severity='low')\n    def made(): pass\n    return made\ntest_a, test_b = make('made-a'), make('made-b')\n",
    "test_case.py": "import unittest\nclass TestCase(unittest.IsolatedAsyncioTestCase):\n"
    + METHOD.format("awaited").replace("def", "async def")
    + METHOD.format("plain").replace("test_", "test_plain_")
    + "        self.skipped = lambda: 1\n",
    "test_method.py": "class TestGood:\n" + METHOD.format("methodical"),
    "test_words.py": "TEXT = '''\n" + LOST.format("words") + "'''\n",
    "test_alerts.py": "pytestmark = pytest.mark.alerts\nclass Checks:\n" + METHOD.format("other"),
    "build/test_copy.py": LOST.format("copied"),
}  # fmt: skip


@pytest.mark.parametrize("more", [(), pytest.param(("-n2",), marks=pytest.mark.matrix)])
def test_every_check_that_vanishes_is_named(project: Project, more: tuple[str, ...]) -> None:
    """One run over every way to lose a check: all are unknown with file, line and reason, and the run is INCOMPLETE."""
    project.suite(OK)
    for name, (file, text, _) in VANISHED.items():
        project.suite(text.replace("{0}", name), file)
    for name, (text, _) in RUN_AND_UNKNOWN.items():
        declared_text = text if "DECLARED" in text else f"DECLARED\n{text}"
        project.suite(declared_text.replace("DECLARED", f'@check("{name}", severity="critical")'), f"test_{name}.py")
    ended = project.run("-m", "health", "--ignore=test_ignored.py", *more)
    assert (ended.status, ended.code) == ("INCOMPLETE", 12), ended.out[-3000:]
    assert ended.report is not None
    reasons = {one["check"]: (one["outcome"], one["reason"]) for one in ended.report["findings"]}
    for name, (file, _, words) in VANISHED.items():
        assert reasons[name][0] == "unknown"
        assert words in reasons[name][1], name
        assert f"declared in {file}:" in reasons[name][1]
    for name, (_, words) in RUN_AND_UNKNOWN.items():
        assert reasons[name][0] == "unknown"
        assert words in reasons[name][1], name
    assert {name for name in reasons if reasons[name][0] == "passed"} == {"fine", "used"}
    assert len(reasons) == 2 + len(VANISHED) + len(RUN_AND_UNKNOWN)


def test_a_check_that_pytest_collects_is_not_called_lost(project: Project) -> None:
    """Declared under a condition, made by a function, imported, wrapped, in a copy that pytest passes over: no false alarm."""
    project.suite(OK)
    (project.folder / "build").mkdir()
    for name, text in NEAR_MISSES.items():
        project.suite(text.replace("assert False", "pass"), name)
    ended = project.run("-m", "health")
    assert (ended.status, ended.code) == ("READY", 0), ended.out[-3000:]
    assert set(ended.outcomes()) == {
        *(
            "fine",
            "cond",
            "param[1]",
            "param[2]",
            "shared",
            "wrapped",
            "made-a",
            "made-b",
            "methodical",
            "awaited",
            "plain",
        )
    }


def test_a_folder_beside_the_given_paths_is_none_of_ours(project: Project) -> None:
    """Checks of a library that is imported, and files beside the one that was given, are not missed."""
    project.suite(LOST.format("library"), "checks_library.py")
    project.suite("import checks_library\n" + OK)
    assert project.run("-m", "health", "test_suite.py").status == "READY"


def test_a_method_that_a_later_one_replaces_is_refused(project: Project) -> None:
    """Exit 4 with both lines, in a class as at the top of a file."""
    project.suite("class TestA:\n" + METHOD.format("one") + METHOD.format("two").replace("test_two", "test_one"))
    ended = project.run("-m", "health")
    assert ended.code == 4
    assert "is called test_one too, and replaces this check" in " ".join(ended.out.split())


def test_without_asserts_nothing_is_proven(project: Project) -> None:
    """With -O and --assert=plain the run is refused; with -O alone a file that pytest did not rewrite is unknown."""
    project.suite(OK)
    project.suite('"""PYTEST_DONT_REWRITE"""\n' + HEAD + LOST.format("plain"), "test_plain.py")
    (project.folder / "test_plain.py").write_text('"""PYTEST_DONT_REWRITE"""\n' + HEAD + LOST.format("plain"))
    ended = project.run("-m", "health", "--assert=plain", PYTHONOPTIMIZE="1")
    assert ended.code == 4
    assert "every check would pass" in ended.out
    ended = project.run("-m", "health", PYTHONOPTIMIZE="1")
    assert ended.outcomes() == {"fine": "passed", "plain": "unknown"}


def test_a_file_that_is_no_python_declares_nothing(tmp_path: Path) -> None:
    """Broken syntax, binary, a fifo-like device: an empty list, and no exception."""
    for content in (b"def check(:", b"\x00check", b"check(" * 20_000, b"\xff\xfecheck"):
        (tmp_path / "odd.py").write_bytes(content)
        assert declared.in_file(tmp_path / "odd.py") == []
    assert declared.in_file(tmp_path / "none.py") == []
