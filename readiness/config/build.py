"""From validated values to the frozen Config, with the defaults that depend on the environment."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from readiness.config.mistakes import Bad, Mistakes, SettingPlace, find_literals, nearest
from readiness.config.model import (
    Claim,
    Config,
    DrillSettings,
    Expect,
    GateSettings,
    LimitOverride,
    LlmSettings,
    LoadSettings,
    ProbeSettings,
    ReleaseSettings,
    ReportSettings,
    RollbackAction,
    RollbackSettings,
    SecretSettings,
    Target,
    ToolCall,
    Waiver,
)
from readiness.findings import PHASES

Values = dict[str, Any]

_PLAIN: Final[dict[str, type]] = {
    "probe": ProbeSettings,
    "release": ReleaseSettings,
    "secrets": SecretSettings,
    "report": ReportSettings,
}
_FOR_PRODUCTION: Final = ("authentication", "tls")


def build(values: Values, config: Config, folder: Path, today: dt.date) -> Config:
    """`config` with everything that `values` says; relative paths of the file are taken from `folder`."""
    environment = values.get("environment", config.environment)
    sections: Values = {name: make(**values[name]) for name, make in _PLAIN.items() if name in values}
    gate = values.get("gate", {})
    return dataclasses.replace(
        config,
        environment=environment,
        target=_target(values.get("target", {}), folder),
        expect=_expect(values.get("expect", {}), environment, today),
        limits=_frozen({name: LimitOverride(**numbers) for name, numbers in values.get("limits", {}).items()}),
        gate=GateSettings(**gate | ({"weights": _frozen(gate["weights"])} if "weights" in gate else {})),
        llm=LlmSettings(base_url=_frozen(values.get("llm", {}).get("base_url", {}))),
        waivers=tuple(Waiver(**waiver) for waiver in values.get("waiver", ())),
        drill=_drill(values.get("drill", {})),
        load=_load(values.get("load", {}), folder),
        rollback=_rollback(values.get("rollback", {})),
        notify=_frozen({severity: one["urls"] for severity, one in values.get("notify", {}).items()}),
        contacts=_frozen(values.get("contacts", {})),
        **sections,
    )


def _frozen(values: Values) -> MappingProxyType[str, Any]:
    return MappingProxyType(dict(values))


def _target(values: Values, folder: Path) -> Target:
    paths: Values = {
        name: folder / Path(values[name]).expanduser() for name in ("release", "ca_file") if name in values
    }
    return Target(**values | paths)


def _expect(values: Values, environment: str, today: dt.date) -> Expect:
    claims = {name: _live(Claim(**claim), today) for name, claim in values.get("claims", {}).items()}
    for name in _FOR_PRODUCTION:
        reason = f"environment is {environment}: {name} is expected in production only"
        away = Claim(expected=False, reason=reason)
        claims.setdefault(name, Claim(expected=True) if environment == "production" else away)
    claims.setdefault("telemetry", Claim(expected=True))
    return Expect(
        claims=_frozen(claims),
        servers=values.get("servers"),
        min_servers=values.get("min_servers"),
        tool_calls=tuple(_call(call) for call in values.get("tool_call", ())),
    )


def _live(claim: Claim, today: dt.date) -> Claim:
    """`claim`, or claimed again where its exception has run out."""
    if claim.expected is False and claim.expires is not None and claim.expires < today:
        reason = f"the exception ended on {claim.expires}: {claim.reason}"
        return dataclasses.replace(claim, expected=True, reason=reason)
    return claim


def _call(values: Values) -> ToolCall:
    return ToolCall(**values | {"arguments": _frozen(values.get("arguments", {}))})


def _drill(values: Values) -> DrillSettings:
    return DrillSettings(**values | ({"call": _call(values["call"])} if "call" in values else {}))


def _load(values: Values, folder: Path) -> LoadSettings:
    made: Values = {"mix": tuple(_frozen(one) for one in values["mix"])} if "mix" in values else {}
    if "locustfile" in values:
        made["locustfile"] = folder / Path(values["locustfile"]).expanduser()
    return LoadSettings(**values | made)


def _rollback(values: Values) -> RollbackSettings:
    actions = tuple(RollbackAction(**action) for action in values.get("action", ()))
    return RollbackSettings(**{name: value for name, value in values.items() if name != "action"}, actions=actions)


MAX_WAIVER_DAYS: Final = 90
"""Days a waiver may reach ahead: long enough to mend something, too short to forget it."""


def refuse_literals(document: dict[str, Any], book: Mistakes) -> None:
    """Note every literal secret, before anything else could show it."""
    from readiness.config.mistakes import render

    for path, kind in find_literals(document):
        how = "name the variable that holds it, or write ${VAR}"
        book.add(
            path, f"{render(path)} holds a literal secret ({kind}); {how}, and change the secret: it was written down"
        )


def cross_check(values: Values, place: SettingPlace, folder: Path, today: dt.date) -> None:
    """Note what does not fit together."""
    _gate(values.get("gate", {}), place.at("gate"))
    for name, numbers in values.get("limits", {}).items():
        _limits(numbers, place.at("limits", name))
    _waivers(values.get("waiver", ()), place.at("waiver"), today)
    _actions(values.get("rollback", {}).get("action", ()), place.at("rollback", "action"))
    _files(values.get("target", {}), place.at("target"), folder)


def _gate(gate: Values, place: SettingPlace) -> None:
    ready, conditional = gate.get("ready", 90), gate.get("conditional", 75)
    if conditional > ready:
        key = "conditional" if "conditional" in gate else "ready"
        wanted = f"conditional at most ready, but {float(conditional):g} is above {float(ready):g}"
        place.at(key).wrong(float(gate[key]), Bad(wanted))
    weights = gate.get("weights", {})
    for name in weights:
        phase = name.partition("/")[0]
        if phase not in PHASES:
            place.at("weights").unknown_key(name, PHASES, near=nearest(phase, PHASES))
    if all(weights.get(phase) == 0 for phase in PHASES):
        place.at("weights").wrong({}, Bad("at least one weight above 0: nothing would count"))


def _limits(numbers: Values, place: SettingPlace) -> None:
    given = [(name, numbers[name]) for name in ("warning", "critical", "rollback") if name in numbers]
    ordered = [value for _, value in given]
    if ordered not in (sorted(ordered), sorted(ordered, reverse=True)):
        name, value = given[-1]
        place.at(name).wrong(
            value, Bad("warning, critical and rollback in one direction, each worse than the one before")
        )


def _waivers(waivers: tuple[Values, ...], place: SettingPlace, today: dt.date) -> None:
    seen = set()
    for index, waiver in enumerate(waivers):
        expires = waiver.get("expires")
        latest = today + dt.timedelta(days=MAX_WAIVER_DAYS)
        if expires is not None and expires > latest:
            wanted = f"a day at most {MAX_WAIVER_DAYS} days ahead, {latest} today"
            place.at(index, "expires").wrong(expires, Bad(wanted))
        covered = (waiver.get("check"), waiver.get("instance"))
        if covered[0] is not None and covered in seen:
            place.at(index, "check").wrong(covered[0], Bad("one waiver for one check and instance"))
        seen.add(covered)


def _actions(actions: tuple[Values, ...], place: SettingPlace) -> None:
    names = [action.get("name") for action in actions]
    for index, name in enumerate(names):
        if name is not None and name in names[:index]:
            place.at(index, "name").wrong(name, Bad("a name of its own: another action has it"))


def _files(target: Values, place: SettingPlace, folder: Path) -> None:
    for name in ("release", "ca_file"):
        if name not in target:
            continue
        try:
            path = folder / Path(target[name]).expanduser()
            absent = name == "ca_file" and not path.is_file()
        except (OSError, RuntimeError, ValueError):
            absent = True
        if absent:
            place.at(name).wrong(
                target[name], Bad("the path of a file that is there" if name == "ca_file" else "a path")
            )
