"""From validated values to the frozen Config, with the defaults that depend on the environment."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

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

if TYPE_CHECKING:
    import datetime as dt

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
