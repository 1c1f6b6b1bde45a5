"""Judge one check of preflight on a release tree, without a whole run: its function, called with its facts."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import inspect
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from readiness import checks
from readiness.config.model import Config, ReleaseSettings, Target
from readiness.demo.release import sample
from readiness.errors import Unknown
from readiness.session.fixtures import release as preflight_fixtures
from tests.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SUITES = ("artifact", "configuration", "environment", "dependencies", "release", "process")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a check said; `path` and `line` are where."""

    outcome: str
    reason: str
    path: str | None
    line: int | None
    notes: tuple[str, ...]


@functools.cache
def functions() -> Mapping[str, tuple[Callable[..., None], dict[str, Any]]]:
    """Check id to its function and what its decorator declares."""
    found = {}
    for suite in SUITES:
        spec = importlib.util.spec_from_file_location(f"preflight_{suite}", ROOT / "preflight" / f"test_{suite}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, value in vars(module).items():
            marks = [mark for mark in getattr(value, "pytestmark", ()) if mark.name == "check"]
            if name.startswith("test_") and marks:
                found[marks[0].args[0]] = (value, dict(marks[0].kwargs))
    return found


def judge(check: str, config: Config, *, server: str | None = None) -> Found:
    """The outcome of `check` as the plugin would tell it."""
    function, declared = functions()[check]
    recorder = checks.Recorder(limits=declared["limits"])
    token = checks.current.set(recorder)
    try:
        outcome, reason = _called(function, config, server)
    finally:
        checks.current.reset(token)
    if outcome == "passed" and recorder.degraded:
        outcome, reason = "degraded", "; ".join(recorder.degraded)
    elif outcome == "passed" and recorder.looked_at_nothing:
        outcome, reason = "unknown", recorder.looked_at_nothing
    return Found(outcome=outcome, reason=reason, path=recorder.path, line=recorder.line, notes=tuple(recorder.notes))


def _called(function: Callable[..., None], config: Config, server: str | None) -> tuple[str, str]:
    try:
        function(**{name: _fact(name, config, server) for name in inspect.signature(function).parameters})
    except (AssertionError, pytest.fail.Exception) as error:
        return "failed", str(getattr(error, "msg", None) or error)
    except Unknown as error:
        return "unknown", str(error)
    return "passed", ""


def _fact(name: str, config: Config, server: str | None) -> Any:
    if name == "readiness_config":
        return config
    if name == "mcp_server":
        return server
    fixture = getattr(preflight_fixtures, name)
    plain = inspect.unwrap(getattr(fixture, "_fixture_function", None) or fixture.__wrapped__)
    return plain(*(_fact(inner, config, server) for inner in inspect.signature(plain).parameters))


def settings(tree: Path, **release: Any) -> Config:
    """The configuration of the sample release in `tree`; `release` goes into `[release]`."""
    commands = {job: ("/bin/sh", f"tools/{job}.sh") for job in ("build", "test", "lint")}
    return Config(
        path=tree / "readiness.toml",
        report_dir=tree.parent / "reports",
        target=Target(
            release=tree, unit="systemd/mcp-hub.service", state="../home/.local/state/mcp-hub", version="4.3.0"
        ),
        release=ReleaseSettings(**{**commands, "previous": "../releases/4.2.1", **release}),
        contacts={"on_call": "Ada Engineer <ada@example.com>"},
    )


@functools.cache
def _pristine(folder: Path) -> Path:
    return sample(folder).root


def tree(folder: Path, pristine: Path) -> Path:
    """A copy of the healthy sample release, which a test may break."""
    shutil.copytree(_pristine(pristine), folder / "host", symlinks=True)
    return folder / "host" / "release"
