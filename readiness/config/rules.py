"""What single values cannot show: settings that contradict each other, and literal secrets anywhere."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, Final

from readiness.config.literals import find_literals
from readiness.config.mistakes import Bad, Mistakes, SettingPlace, nearest
from readiness.findings import PHASES

MAX_WAIVER_DAYS: Final = 90
"""Days a waiver may reach ahead: long enough to mend something, too short to forget it."""

Values = dict[str, Any]


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
