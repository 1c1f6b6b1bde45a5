"""The checks that `readiness watch` shows: the very functions of the suites, one attempt of each a look, judged by the plugin's own code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from readiness.session import CheckRunner, Ran, catalogue

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from readiness.config import Config
    from readiness.findings import Planned
    from readiness.session import Scope

LIVE: Final = ("hub-answers", "hub-is-ready", "mcp-servers-are-connected")
"""Checks of health that are watched beside every alert: without them an alert means nothing."""
BETWEEN: Final = ("hub-stays-up", "mcp-servers-stay-connected")
"""Checks of health that a watch answers itself, by what is different from look to look."""
_LASTING: Final = frozenset({"readiness_config", "readiness_reach", "past_runs"})
"""Facts of a session that outlive a round: open connections, and the history, which reads every run of it once.

All others are made anew each round: what a run sees once, a watch has to see again.
"""


class Bench:
    """The alerts, and the few checks of health that go with them, with their facts; for one thread at a time."""

    def __init__(self, config: Config, scope: Scope, redact: Callable[[str], str], run_dir: Path) -> None:
        """`run_dir` is a private folder: facts note there what they have seen first."""
        self.config, self.scope, self.redact = config, scope, redact
        self._runner = CheckRunner(config, scope, redact, run_dir, settle=False)
        alerts = [check.id for check, _ in catalogue() if check.phase == "alerts"]
        # a hub that is down is found once: whoever asks first tells all others
        self._watched = (*LIVE, *alerts)
        self._runner.collect(self._watched)  # a watch of a second must not spend it on that
        # a starting hub is shown as it is: nobody waits for it here
        self.reach.waited = True

    @property
    def plan(self) -> dict[str, Planned]:
        """What is watched, with the limits and the scope of the configuration."""
        return {check_id: self._runner.planned(check_id) for check_id in (*self._watched, *BETWEEN)}

    @property
    def reach(self) -> Any:  # noqa: ANN401 - a Reach; what a fixture gives has no static type
        """The connections that all checks share."""
        return self.fact("readiness_reach")

    def fact(self, name: str) -> Any:  # noqa: ANN401 - whatever the fixture gives
        """One fact as a check would get it. Raises what its set-up raises."""
        return self._runner.fact(name)

    def new_round(self) -> None:
        """Forget what a run sees once; its checks look again."""
        self._runner.forget(keep=_LASTING)

    def look(self, check_id: str) -> Ran:
        """Run one attempt of a check, and give the worst of its instances. Raises nothing: what goes wrong is its outcome."""
        return max(self._runner.run(check_id), key=lambda ran: ran.finding.outcome.rank)

    def close(self) -> None:
        """End what the facts opened."""
        self._runner.close()
