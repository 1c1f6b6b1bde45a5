"""The arguments of `readiness check`, read by pytest's own parser: what is an option, what is its value, what is a path.

Where they name plugins, or options of one, reading them imports those. pytest rewrites the assertions of a module only at
its first import: so that is done in a child of the process that goes on to run pytest.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence

    import pytest

OWN_PLUGIN: Final = "readiness.plugin"
_OPTIONAL: Final = (
    ("xdist.plugin", "xdist.looponfail"),
    ("pytest_metadata.plugin", "pytest_html.plugin"),
    ("pytest_rerunfailures",),
    ("pytest_timeout",),
    ("testinfra.plugin",),
)
"""Plugins of others that a run may ask for by one of their options: whose option it is, their own parsers say."""
_OF_HOSTS: Final = ("testinfra.plugin",)
_HOSTS: Final = "infra"
_BRIEF: Final = ("--tb=no", "-o", "verbosity_test_cases=-1")
"""Of pytest's own a dot a check: what they mean stands in the verdict below, the only list and the only count."""
_INFORM: Final = ("collectonly", "version", "help", "markers", "showfixtures", "show_fixtures_per_test", "cacheshow")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CheckArguments:
    """What `readiness check` was asked for. `pytest` is how pytest is called, with the plugins and suites it needs."""

    given: tuple[str, ...] = ()
    pytest: tuple[str, ...] = ()
    config: str | None = None
    """The file of settings; None: the nearest readiness.toml."""
    report: str = "reports"
    demo: bool = False
    strict: bool = False
    drill: bool = False
    informs: bool = False
    """It shows something, such as the plan, and judges nothing."""
    own_checks: tuple[str, ...] = ()
    """The folders of somebody's own checks, judged beside what ships."""
    pages: tuple[str, ...] = ()
    """The options by which pytest writes files of its own, of those that were given."""

    @property
    def report_dir(self) -> Path:
        """The folder of reports, absolute."""
        return Path.cwd() / self.report

    def again(self, *, phases: str, functions: str, folder: Path) -> list[str]:
        """The arguments by which the same run looks again at some functions of some phases, with its files in `folder`.

        Of an option that is given twice pytest takes the last one.
        """
        narrowed = ["-m", phases, "-k", functions, "-q", "--readiness-report", str(folder)]
        # with a cache of its own, --lf, --ff and --sw know of no earlier run and leave nothing out
        return [*self.given, *narrowed, "-o", f"cache_dir={folder / 'cache'}", *(f"{option}=" for option in self.pages)]

    def to_json(self) -> str:
        """One line, for the process that asked."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> CheckArguments:
        """Inverse of `to_json`."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(text).items()}
        return cls(**values)


def without_reading(given: Sequence[str]) -> CheckArguments:
    """What is said of arguments that cannot be read: pytest gets them as they are, and says what is wrong with them."""
    return CheckArguments(given=tuple(given), pytest=("-p", OWN_PLUGIN, *given))


def read_arguments(given: Sequence[str]) -> CheckArguments:
    """Read the arguments, plugins of others in a child of this process; what cannot be read is left to pytest."""
    from _pytest.config import get_config

    from readiness.session import OPTIONS

    config = get_config([])
    for flag, keywords in OPTIONS.items():
        config._parser.addoption(flag, **keywords)  # noqa: SLF001 - see _parsed
    try:
        options, unknown = _parsed(config, given)
    except Exception:  # noqa: BLE001 - pytest says what is wrong when it is run
        return without_reading(given)
    if options.plugins or any(one.startswith("-") for one in unknown):
        return _read_in_child(given)
    return _asked(given, options, unknown, [OWN_PLUGIN])


def _read_in_child(given: Sequence[str]) -> CheckArguments:
    readable, written = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.close(readable)
            with open(written, "w", encoding="utf-8") as pipe, open(os.devnull, "w", encoding="utf-8") as nothing:  # noqa: PTH123
                os.dup2(nothing.fileno(), 1)  # what is wrong with them is said once, by the run itself
                os.dup2(nothing.fileno(), 2)
                pipe.write(_with_plugins(given).to_json())
        finally:
            os._exit(0)
    os.close(written)
    with open(readable, encoding="utf-8") as pipe:  # noqa: PTH123
        text = pipe.read()
    os.waitpid(child, 0)
    return CheckArguments.from_json(text) if text.endswith("}") else without_reading(given)


def _with_plugins(given: Sequence[str]) -> CheckArguments:
    """Read the arguments with the plugins that they name or need, in a process that goes on to do nothing else."""
    from _pytest.config import get_config

    config = get_config([])
    plugins = [OWN_PLUGIN]
    config.pluginmanager.consider_preparse([*given, *_loaded(plugins)])
    config.pluginmanager.consider_env()
    options, unknown = _parsed(config, given)
    for modules in _OPTIONAL:
        if not any(one.startswith("-") for one in unknown):
            break
        try:
            config.pluginmanager.consider_preparse(_loaded(modules))
        except ImportError:
            continue  # an extra that is not installed
        options, left = _parsed(config, given)
        if len(left) < len(unknown):
            plugins += modules
        unknown = left
    return _asked(given, options, unknown, plugins)


def _asked(
    given: Sequence[str], options: argparse.Namespace, unknown: Sequence[str], plugins: Sequence[str]
) -> CheckArguments:
    expression = str(options.markexpr or "")
    needed = (*plugins, *(_OF_HOSTS if not expression or _HOSTS in expression else ()))
    places = [str(one) for one in (*options.file_or_dir, *(one for one in unknown if not one.startswith("-")))]
    suites = _suites()
    narrowed = bool(options.pyargs) or any(_narrows(place, suites) for place in places)
    return CheckArguments(
        given=tuple(given),
        pytest=(
            *_loaded(dict.fromkeys(needed)),
            *(() if options.verbose > 0 else _BRIEF),
            *given,
            *(() if narrowed else map(str, suites)),
        ),
        config=options.readiness_config,
        report=options.readiness_report or "reports",
        demo=options.readiness_demo,
        strict=options.readiness_strict,
        drill=options.readiness_drill,
        informs=any(getattr(options, name, False) for name in _INFORM),
        own_checks=tuple(str(Path(place).resolve()) for place in places if _is_own(place, suites)),
        pages=tuple(
            option
            for option, name in (("--junitxml", "xmlpath"), ("--html", "htmlpath"))
            if getattr(options, name, None)
        ),
    )


def _loaded(plugins: Iterable[str]) -> list[str]:
    return [part for plugin in plugins for part in ("-p", plugin)]


def _parsed(config: pytest.Config, given: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    return config._parser.parse_known_and_unknown_args(list(given))  # noqa: SLF001 - the parser that the run itself uses


def _suites() -> list[Path]:
    from readiness.session import suite_folders

    return list(suite_folders().values())


def _narrows(place: str, suites: Iterable[Path]) -> bool:
    """Whether a path names part of what ships, a file or a test: then nothing is added to it.

    Any other folder is somebody's own checks. What is not there narrows nothing: it may be the value of an option that
    only a conftest.py knows, and pytest says so where it is not.
    """
    name, _, test = place.partition("::")
    path = Path(name).resolve()
    return bool(test) or path.is_file() or any(_belong_together(path, suite) for suite in suites)


def _is_own(place: str, suites: Iterable[Path]) -> bool:
    return Path(place).is_dir() and not _narrows(place, suites)


def _belong_together(path: Path, suite: Path) -> bool:
    return path.is_relative_to(suite) or (path.is_dir() and suite.is_relative_to(path))
