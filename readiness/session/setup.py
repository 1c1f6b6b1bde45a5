"""A run's settings, resolved once a process: configuration, scope, redaction, the embedded hub if it was asked for."""

from __future__ import annotations

import functools
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from readiness.config import Claim, Config
from readiness.errors import ConfigError, ReadinessError
from readiness.session.plan.planning import Scope, catalogue, selected_phases, wants_checks
from readiness.support import forget_safe_path

if TYPE_CHECKING:
    from collections.abc import Mapping


class Setup:
    """Made in `pytest_configure` of every process; the controller's may start the embedded hub."""

    def __init__(self, pytest_config: pytest.Config) -> None:
        """Read options, file and environment; what is wrong is kept in `problem` until a check needs it."""
        self.pytest_config = pytest_config
        self.involved = wants_checks(pytest_config)
        self.problem: ConfigError | None = None
        self.demo_url: str | None = None
        self.demo_release: Path | None = None
        self._demo: Any = None
        self._from_controller()
        self.config = self._load()
        self.scope = Scope(self.config, lambda: deployed_claims(self.config))

    def _from_controller(self) -> None:
        given = getattr(self.pytest_config, "workerinput", {}).get("readiness")
        self.folder: Path | None = None
        if given:
            forget_safe_path()
            handed = json.loads(given)
            self.folder, self.demo_url = Path(handed["folder"]), handed["demo"]
            self.demo_release = Path(handed["release"]) if handed["release"] else None

    def _load(self) -> Config:
        from readiness.config import load

        option = self.pytest_config.getoption
        file, report = option("readiness_config"), option("readiness_report")
        here = self.pytest_config.invocation_params.dir
        try:
            return load(
                file=Path(here, file) if file else None,
                start=here,
                demo_url=self.demo_url,
                demo_release=self.demo_release,
                demo=bool(option("readiness_demo")),
                strict=bool(option("readiness_strict")),
                drill=bool(option("readiness_drill")),
                hold=option("readiness_hold") or 0.0,
                report_dir=Path(here, report or "reports"),
            )
        except ConfigError as error:
            self.problem = error
            return Config(environment="local", report_dir=Path(here, report or "reports"))

    @property
    def concerned(self) -> bool:
        """Whether anything says that this project uses readiness: checks are asked for, or a configuration is there."""
        subject = self.config.target.facts_url or self.config.target.release
        return self.involved or self.problem is not None or self.config.path is not None or bool(subject)

    def refuse_or_start(self) -> None:
        """On the controller, before collection: end a run that cannot be judged with exit 4, or start the embedded hub.

        Raises pytest.UsageError.
        """
        if not self.involved and not self.config.demo:  # a user's own checks are known only once they are collected
            return
        if self.pytest_config.getoption("nagios", default=False):
            raise pytest.UsageError(
                "testinfra's --nagios overwrites the exit status, so a gate could not trust it; "
                "run without it (the verdict and readiness.json say more)"
            )
        self.require(selected_phases(self.pytest_config.getoption("markexpr", "") or ""))
        if self.config.demo and self.demo_url is None:
            self._start_demo()

    def require(self, phases: frozenset[str]) -> None:
        """Raise pytest.UsageError where the configuration is wrong or names nothing to look at in these phases."""
        if sys.flags.optimize and self.pytest_config.getoption("assertmode", "rewrite") == "plain":
            raise pytest.UsageError(
                "with -O (or PYTHONOPTIMIZE) and --assert=plain Python leaves every assert away, so every check would pass; "
                "run without one of them"
            )
        if self.problem is not None:
            raise pytest.UsageError(self.redact(str(self.problem)))
        from readiness.config import missing_target

        if not self.config.demo:
            text = missing_target(self.config, phases)
            if text:
                raise pytest.UsageError(self.redact(text))
        sentences = self.scope.unowned_exceptions({check.id: check for check, _ in catalogue()})
        if sentences:
            raise pytest.UsageError(self.redact("\n".join(sentences)))

    def _start_demo(self) -> None:
        from readiness import demo

        try:
            drilled = self.config.drill_requested
            # an open circuit breaker rests for as long as a real one, unless somebody waits for its end
            self._demo = demo.start(supervised=drilled, breaker_rest=1.0 if drilled else None)
        except ReadinessError as error:
            raise pytest.UsageError(f"the embedded hub did not start: {error}") from None
        self.demo_url, self.demo_release = self._demo.url, self._demo.release
        self.config = self._load()
        self.scope = Scope(self.config, lambda: deployed_claims(self.config))

    @functools.cached_property
    def redactor(self) -> Any:  # noqa: ANN401 - imported where used
        """Knows every secret this process knows."""
        from readiness.config import redactor_for

        return redactor_for(self.config, os.environ)

    def redact(self, text: str) -> str:
        """`text` without secrets."""
        return str(self.redactor.clean(text))

    def for_workers(self, folder: Path) -> str:
        """What a worker cannot read from its options, as JSON."""
        release = str(self.demo_release) if self.demo_release else None
        return json.dumps({"folder": str(folder), "demo": self.demo_url, "release": release})

    def close(self) -> None:
        """End the embedded hub."""
        if self._demo is not None:
            self._demo.stop()
            self._demo = None


def deployed_claims(config: Config) -> Mapping[str, Claim]:
    """What the deployed configuration claims; read only when a check needs it."""
    if config.target.release is None:
        return config.own_claims()
    from readiness.facts.deployment import claims

    return claims(config)
