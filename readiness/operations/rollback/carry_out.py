"""Carries out a plan and follows it up: people are told, the incident report and the report are written anew."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.rollback.execute import FOLDER, How, execute
from readiness.operations.rollback.outcome import Event, Refused
from readiness.operations.rollback.page import render_outcome, write_incident
from readiness.support.console import say, without_its_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from readiness.config.model import Config
    from readiness.operations.rollback.outcome import Outcome, Teller

_SETTLE_SECONDS: Final = 5.0
"""Seconds that messages on their way may hold up the end."""


def carry_out(plan: Mapping[str, Any], config: Config, *, resume: bool = False, person: bool = False) -> Outcome:
    """Carry out `plan` or what was not finished, and tell people. Raises as `execute` does."""
    people = _people(config)
    tell: Teller = people
    try:
        with without_its_terminal(), _as_errors():
            how = How(person=person, tell=tell)
            return execute(plan, config, say, config.report_dir / FOLDER, resume=resume, how=how)
    except Refused as refused:
        lines = tuple(refusal.text for refusal in refused.refusals)
        tell(Event(kind="refused", severity="critical", title="a rollback was planned and refused", lines=lines))
        raise
    except ReadinessError as error:
        lines = tuple(str(error).splitlines())
        tell(
            Event(
                kind="refused", severity="critical", title="a rollback was planned and came to no outcome", lines=lines
            )
        )
        raise
    finally:
        said = [text for _, told in people.settle(_SETTLE_SECONDS) for text in told.lines()]
        for text in said:
            say(f"told people: {text}")
        page = write_incident(config.report_dir, str((plan.get("run") or {}).get("id", "")), said)
        for line in filter(None, (page, render_outcome(config, str((plan.get("run") or {}).get("id", ""))))):
            say(line)


@contextlib.contextmanager
def _as_errors() -> Iterator[None]:
    """What nobody foresaw ends as what was foreseen does: people are told, and the journal tells how far it came."""
    try:
        yield
    except ReadinessError:
        raise
    except Exception as error:
        raise ReadinessError(f"unforeseen: {type(error).__name__}: {error}") from error


def _people(config: Config) -> Any:  # noqa: ANN401 - notify.People, imported where used
    from readiness.operations.notify.people import People

    return People(config, config.report_dir)
