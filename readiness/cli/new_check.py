"""`readiness new-check ID`: writes a first check of one's own, which is unknown until somebody lets it assert something."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Sequence

_USAGE: Final = 4
_MOST: Final = 80
"""Characters of an id: longer ones fit no line of a report."""
_REMEDY: Final = "Say here what mends it: the command to run or the line to edit."
_BEFORE_A_DEPLOY: Final = ("preflight", "infra")
_LOOKS: Final = {
    # phase: (the fact to ask for, a first look at it, what an assertion about it may be)
    "health": (
        "hub",
        "seen = sorted(server.name for server in hub.servers())",
        'assert "billing" in seen, f"the hub lists {seen}, and no billing"',
    ),
    "e2e": (
        "agent",
        "seen = sorted(agent.names())",
        'assert agent.offered(agent.session(), "billing__invoice"), f"an agent may not call billing__invoice; it sees {seen}"',
    ),
    "alerts": (
        "telemetry",
        'seen = telemetry.reading("llm.p95").value',
        'measure(seen, what="the p95 of the LLM")  # against check(limits=Limits(critical=5000, unit="ms"))',
    ),
    "infra": (
        "resources",
        "seen = resources.cores()",
        'assert seen >= 8, f"{seen} processors, and billing needs 8"',
    ),
    "preflight": (
        "release",
        "seen = release.package().version",
        'assert release.path("config/billing.json").is_file(), f"release {seen} has no config/billing.json"',
    ),
}
PHASES: Final = tuple(_LOOKS)

_TEMPLATE: Final = '''\
"""A check of our own: {words}."""

import pytest

from readiness import check, unknown

pytestmark = pytest.mark.{phase}


@check(
    {id},
    severity={severity},{rollback}
    topic="own",
    remedy={remedy},
)
def test_{name}({fact}):
    """Say here, in one sentence, what holds when all is well."""
    {look}
    # until an assertion stands in place of the next line, for example
    #     {example}
    # nothing is proven, so the check is unknown, and the verdict cannot be READY
    unknown(f"this check is not written yet; what it sees: {{seen}}")
'''


def main(argv: Sequence[str] | None = None) -> int:
    """Write the file: 0, or 4 for a wrong call. Raises ReadinessError for what cannot be written so."""
    try:
        given = _parser().parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    path = written(given.id, phase=given.phase, severity=given.severity, rollback=given.rollback, folder=given.dir)
    import sys

    sys.stdout.write(
        f"wrote {path}: it is unknown until it asserts something\n"
        f"with what ships:  readiness check {given.dir} -m {given.phase}\n"
        f"while you write:  pytest {path} -m {given.phase}\n"
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    from readiness.findings import TRIGGERS, Severity

    parser = argparse.ArgumentParser(
        prog="readiness new-check",
        description=__doc__,
        allow_abbrev=False,
        epilog="exit: 0 it is written, 4 a wrong call or a word that is not valid",
    )
    parser.add_argument("id", metavar="ID", help="a statement that holds when all is well, e.g. billing-answers")
    # no `choices`: argparse's refusal knows no "did you mean", and `readiness.check` gives one
    parser.add_argument("--phase", default="health", metavar="PHASE", help=f"{', '.join(PHASES)} (health)")
    parser.add_argument(
        "--severity", default="medium", metavar="SEVERITY", help=f"{', '.join(s.value for s in Severity)} (medium)"
    )
    parser.add_argument("--rollback", metavar="TRIGGER", help=f"what its failure may trigger: {', '.join(TRIGGERS)}")
    parser.add_argument("--dir", type=Path, default=Path("checks"), metavar="DIR", help="folder to write to (checks)")
    return parser


def written(
    check_id: str, *, phase: str = "health", severity: str = "medium", rollback: str | None = None, folder: Path
) -> Path:
    """Write `folder/test_ID.py` and return its path. Raises ReadinessError; what is there is never overwritten."""
    text = source(check_id, phase=phase, severity=severity, rollback=rollback)
    path = folder / f"test_{_name(check_id)}.py"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        taken = path if path.exists() else folder
        raise ReadinessError(
            f"{taken} is there already, and nothing is overwritten: choose another id or --dir"
        ) from None
    except OSError as error:
        raise ReadinessError(f"{path} cannot be written: {error.strerror}; choose another --dir") from None
    return path


def source(check_id: str, *, phase: str = "health", severity: str = "medium", rollback: str | None = None) -> str:
    """The text of a first check. Raises ReadinessError for an id, severity, trigger or phase that is not valid."""
    _demand_valid(check_id, phase, severity, rollback)
    fact, look, example = _LOOKS[phase]
    return _TEMPLATE.format(
        words=check_id.replace("-", " "),
        phase=phase,
        id=json.dumps(check_id),
        severity=json.dumps(severity),
        rollback=f"\n    rollback={json.dumps(rollback)}," if rollback else "",
        remedy=json.dumps(_REMEDY),
        name=_name(check_id),
        fact=fact,
        look=look,
        example=example,
    )


def _demand_valid(check_id: str, phase: str, severity: str, rollback: str | None) -> None:
    """Hold the words to the rules of the decorator itself, and the id to those of what ships."""
    from readiness.checks import check
    from readiness.config import did_you_mean
    from readiness.session import catalogue

    if phase not in PHASES:
        raise ReadinessError(
            f"--phase {phase[:40]!r}: expected {', '.join(PHASES)}; {did_you_mean(phase, PHASES)}".rstrip("; ")
        )
    try:
        check(check_id, severity=severity, rollback=rollback)  # type: ignore[arg-type]  # what it is for: any word
    except ValueError as error:
        raise ReadinessError(str(error)) from None
    if len(check_id) > _MOST:
        raise ReadinessError(f"the id has {len(check_id)} characters, expected at most {_MOST}")
    file = next((file for shipped, file in catalogue() if shipped.id == check_id), None)
    if file is not None:
        raise ReadinessError(f"{check_id!r} is the id of a check that ships ({file}); choose another")
    if rollback and phase in _BEFORE_A_DEPLOY:
        raise ReadinessError(f"--rollback {rollback}: what {phase} finds is before a deploy, and triggers no rollback")


def _name(check_id: str) -> str:
    return check_id.replace("-", "_")
