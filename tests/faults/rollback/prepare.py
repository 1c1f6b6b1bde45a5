"""What makes a site faulty before anything is done: its record, its history, its settings, its plan."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import TYPE_CHECKING, Any

from readiness.operations.rollback import document
from readiness.operations.rollback import journal as rollback_journal
from tests.faults.rollback.checks import THIRTY
from tests.results.verdict.judging import found

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.rollback.scene import Scene


def deploy(**changes: Any) -> Callable[[Scene], None]:
    """The recorded deploy is another one; `previous` is a release's name below the site, or a text with a colon before it."""

    def prepare(scene: Scene) -> None:
        given = dict(changes)
        previous = given.get("previous")
        if previous is not None:
            given["previous"] = previous[1:] if previous.startswith(":") else str(scene.folder / "releases" / previous)
        minutes = given.pop("minutes_ago", None)
        if minutes is not None:
            given["deployed_at"] = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=minutes)
        scene.site.rewrite(**given)

    return prepare


def record(text: str | None) -> Callable[[Scene], None]:
    """`deploy.json` holds this text; None: there is none."""

    def prepare(scene: Scene) -> None:
        path = scene.site.reports / "deploy.json"
        if text is None:
            path.unlink()
        else:
            path.write_text(text)

    return prepare


def history(*outcomes: str) -> Callable[[Scene], None]:
    """Runs on the old release in which `tools` came to these, the oldest first."""

    def prepare(scene: Scene) -> None:
        for number, outcome in enumerate(outcomes):
            scene.ran_before(10.0 * (len(outcomes) - number), tools=outcome, plain="passed")

    return prepare


def target(**changes: Any) -> Callable[[Scene], None]:
    """`[target]` is set otherwise."""
    return lambda scene: scene.target(**changes)


def rollback(**changes: Any) -> Callable[[Scene], None]:
    """`[rollback]` is set otherwise."""
    return lambda scene: scene.settings(**changes)


def action(**changes: Any) -> Callable[[Scene], None]:
    """The action is set otherwise."""
    return lambda scene: scene.action(**changes)


def config(**changes: Any) -> Callable[[Scene], None]:
    """Settings above all sections."""
    return lambda scene: scene.config(**changes)


def finding(check: str, outcome: str, **more: Any) -> Callable[[Scene], None]:
    """A check comes to something else than passed or failed."""
    return lambda scene: scene.findings.update({check: found(check, outcome, **more)})


def answers_to(*triggers: str) -> Callable[[Scene], None]:
    """The action answers to these triggers."""
    return action(triggers=triggers)


def several(*prepares: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """One after the other."""

    def prepare(scene: Scene) -> None:
        for one in prepares:
            one(scene)

    return prepare


# --- the plan ---------------------------------------------------------------------------------------------------------


def looks(*shown: str) -> Callable[[Scene], None]:
    """What looking again shows, look by look: the checks that fail."""

    def prepare(scene: Scene) -> None:
        scene.looks = list(shown)
        answers_to("latency")(scene)

    return prepare


def another_word(scene: Scene) -> None:
    """The person types something else than the release's name."""
    scene.typed = "yes"


def edit_plan(scene: Scene) -> None:
    """Somebody writes another action into the plan."""
    path = scene.site.reports / document.PLAN_FILE
    path.write_text(path.read_text().replace('"name": "back"', '"name": "evil"'))


def another_run(scene: Scene) -> None:
    """The plan that lies there is of an earlier run."""
    scene.run_id = "run-2"


def thirty(scene: Scene) -> None:
    """Thirty checks over all triggers, and an action for every trigger, in an order of their own."""
    scene.entries = THIRTY
    first = scene.site.config.rollback.actions[0]
    wanted = {
        "later": ("success-rate", "latency", "circuit-breaker", "memory-leak", "security", "validation-failure"),
        "first": ("startup-failure",),
        "second": ("validation-failure", "security"),
    }
    actions = tuple(
        dataclasses.replace(first, name=name, command=(*first.command[:-1], name), triggers=triggers)
        for name, triggers in wanted.items()
    )
    scene.settings(actions=actions)
    scene.site.rewrite(passed_before=tuple(entry.check.id for entry in THIRTY))


def thirty_were_one(scene: Scene) -> None:
    """One plan, each action once, in the order of the triggers, with all thirty checks as causes."""
    begun = scene.site.state().plan
    assert begun is not None
    assert [one.name for one in begun.actions] == ["first", "later", "second"]
    assert sorted(check for cause in begun.causes for check in cause.checks) == sorted(
        entry.check.id for entry in THIRTY
    )
    assert len(rollback_journal.rollbacks(scene.site.journals)) == 1
