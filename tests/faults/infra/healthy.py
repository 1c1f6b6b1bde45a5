"""What a healthy host answers, gathered from the topics, and the readiness.toml that goes with it.

A topic is a module of this package with `FAULTS`, and with whichever of these its checks need: `HEALTHY` (an answer's name
to its exit status and text), `CONFIG` (laid over readiness.toml) and `PATCH` (what stands for the world around the host).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Final

from readiness.facts.host.batch import HostAnswer, HostAnswers
from tests.faults.infra import (
    firewall,
    hosts,
    logs,
    network,
    process,
    proxy,
    resources,
    secrets,
    service,
    supervisors,
    surroundings,
)
from tests.faults.infra.world import CONFIG

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from tests.faults.infra.model import Edit, Fault, Told

TOPICS: Final[tuple[ModuleType, ...]] = (
    hosts,
    resources,
    network,
    firewall,
    service,
    surroundings,
    supervisors,
    process,
    secrets,
    logs,
    proxy,
)
"""In the order of the matrix. A new topic's module is named here, and nowhere else."""


def recorded() -> dict[str, Told]:
    """Every answer of the healthy host, by its name."""
    found: dict[str, Told] = {}
    for topic in TOPICS:
        own: Mapping[str, Told] = getattr(topic, "HEALTHY", {})
        assert not set(found) & set(own), topic.__name__
        found |= own
    return found


def answers(fault: Fault) -> HostAnswers:
    """What the host answers that `fault` describes. A fault that edits an unknown answer fails its test."""
    told = recorded()
    for name, edit in fault.edits.items():
        assert name in told, f"{fault.name}: the healthy host was never asked {name}"
        _edit(told, name, edit)
    said = {name: HostAnswer(name=name, code=code, text=text) for name, (code, text) in told.items()}
    return HostAnswers(said, privileged=fault.privileged)


def _edit(told: dict[str, Told], name: str, edit: Edit) -> None:
    if edit is None:
        del told[name]
    elif callable(edit):
        code, text = told[name]
        told[name] = (code, edit(text))
    else:
        told[name] = edit


def settings(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The run's readiness.toml: the healthy one, the topics' own parts, then `extra`."""
    merged = copy.deepcopy(dict(CONFIG))
    for part in (*(getattr(topic, "CONFIG", {}) for topic in TOPICS), extra):
        merged = lay(merged, part)
    return merged


def lay(base: dict[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """`extra` laid over `base`, table by table; None drops a key."""
    merged = dict(base)
    for key, value in extra.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = lay(merged[key], value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged
