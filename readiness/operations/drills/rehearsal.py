"""A broken release deployed on purpose: whether it is noticed, rolled back and proven, and in what time.

The product itself does it, as in a real release: `readiness release` in a child, with a report folder of its own, so that
neither the deploy's record nor a quarantine of the drill's outlives it. What it claims is then looked at once more.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
import os
import shutil
import sys
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError, Unknown
from readiness.facts.deployment import DeployConditions
from readiness.facts.release import Release
from readiness.operations.deploys import read_summary
from readiness.operations.drills import permit
from readiness.operations.rollback import FOLDER as ROLLBACKS
from readiness.operations.rollback import rollbacks, unfinished_rollback
from readiness.support import child_process, file_writing, for_drill

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from readiness.config import Config
    from readiness.operations.deploys import ReleaseSummary
    from readiness.operations.drills.drill import DrillRun, Scene
    from readiness.support import FinishedProcess

PRODUCT: Final = (sys.executable, "-P", "-m", "readiness")
"""How this program is called."""
FOLDER: Final = "rollback-drill"
"""The folder of the last drill's reports, in the report folder."""
BEFORE_MINUTES: Final = 10.0
"""Minutes that backup, preflight, the checks before and the deploy may take, besides the recovery objective."""
VERIFIED: Final = "ROLLED_BACK_VERIFIED"
_AFTER: Final = ("deploy", "ready", "verify", "rollback")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What came of the broken release. `outcome` is the product's own word, `trouble` what a look afterwards found wrong."""

    outcome: str
    because: str
    phases: tuple[tuple[str, str, float, str], ...]
    """Name, status, seconds and detail of each."""
    seconds: float
    """From the deploy to the end."""
    recovery: float
    """From the failed verdict to the end."""
    allowed: float
    """Seconds that the recovery may take."""
    by_hand: bool
    """[rollback] mode would have waited for a person, and the drill did what that person does."""
    trouble: str
    record: str
    """Where it was written down; empty where it was not, and then `unwritten` may say why."""
    unwritten: str
    restored: str

    @property
    def noticed(self) -> str:
        """By which phase the broken release was noticed, in words; empty where by none."""
        return next((f"{name}: {detail}" for name, status, _, detail in self.phases if _fails(name, status)), "")

    @property
    def verified(self) -> bool:
        """Whether it was rolled back, and both the product and a look of our own say so."""
        return self.outcome == VERIFIED and not self.trouble

    @property
    def times(self) -> str:
        """The time of each phase from the deploy on."""
        return ", ".join(f"{name} {seconds:.1f} s" for name, _, seconds, _ in self.phases if name in _AFTER)


def _fails(name: str, status: str) -> bool:
    return name in _AFTER[:-1] and status == "failed"


def rehearse(drills: DrillRun, allowed: float | None) -> Rehearsal:
    """Deploy the broken release that `[drill] deploy` names, and see it rolled back; `allowed` seconds to recover.

    Without `allowed` the recovery objective counts. Raises Unknown, with nothing done, where that may not be. On the
    embedded hub, which nobody deploys, a site is made for it, with a hub of its own.
    """
    why = permit.refusal(drills.config, minutes=_minutes(drills.config))
    if why:
        raise Unknown(why)
    if not drills.config.demo:
        return _rehearsed(drills, allowed, dict(os.environ), drills.config)
    from readiness.config import load
    from readiness.demo import DemoError
    from readiness.demo.site import make
    from readiness.operations.drills.drill import DrillRun

    try:
        site = make()
    except DemoError as error:
        raise Unknown(f"not drilled: {error}") from None
    with site:
        drills.say("drill: the embedded hub is never deployed: made a site with a hub of its own, to deploy to")
        config = load(file=site.config, report_dir=site.reports, drill=True)
        return _rehearsed(DrillRun(config, say=drills.say), allowed, site.environment(), drills.config)


def _minutes(config: Config) -> float:
    return BEFORE_MINUTES + config.rollback.objective


def _rehearsed(drills: DrillRun, allowed: float | None, environ: Mapping[str, str], recorded: Config) -> Rehearsal:
    config = drills.config
    _configured(config)
    limit = config.rollback.objective * 60.0 if allowed is None else allowed
    with drills.scene(_minutes(config)) as scene:
        scene.tell(
            f"deploys a release that is broken ({' '.join(config.drill.deploy[:3])}), lets `readiness release` notice it "
            f"and roll it back, and looks whether the hub is as before"
        )
        product = Product(drills, environ)
        with _put_back(scene, product) as after:
            product.release()
        seen = product.result(limit)
    found = dataclasses.replace(seen, trouble=after.trouble, restored=after.words)
    if not found.verified or found.recovery > limit:
        return found
    try:
        return dataclasses.replace(found, record=_record(recorded, found))
    except (ReadinessError, OSError) as error:
        return dataclasses.replace(found, unwritten=str(error))


def _configured(config: Config) -> None:
    """Raise Unknown where something is missing without which nothing broken may be deployed."""
    if not config.drill.deploy:
        raise Unknown(
            "not drilled: nothing says how a broken release is deployed: set [drill] deploy to a command that deploys one"
        )
    if not config.rollback.actions:
        raise Unknown("not drilled: no [[rollback.action]] is configured, so nothing could bring the release back")
    if config.target.release is None:
        raise Unknown("not drilled: [target] release is not set, so nothing tells which release would come back")
    if config.path is None:
        raise Unknown("not drilled: nothing was declared about this deployment: write a readiness.toml")


# --- the product ----------------------------------------------------------------------------------------------------------


class Product:
    """`readiness`, called as an operator calls it, with the drill's own folder of reports."""

    def __init__(self, drills: DrillRun, environ: Mapping[str, str]) -> None:
        """`environ` is what it is called with, without what belongs to this run."""
        self.config, self.by_hand, self.begun = drills.config, False, False
        self.folder = self.config.report_dir.absolute() / FOLDER
        self._environ = for_drill(environ)
        release = self.config.target.release
        self._cwd = release if release is not None and release.is_dir() else None

    def release(self) -> None:
        """The release, to its end; a rollback that waits for a person is carried out."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.begun = True
        done = self._call("release", "--bake", "0", then=self.config.drill.deploy)
        if (
            self.summary is not None
            and self.summary.outcome == "HELD"
            and (self.folder / "rollback-plan.json").is_file()
        ):
            self.by_hand = True
            done = self._call("rollback", "--yes")
        if self.summary is None:
            raise Unknown(f"`readiness release` {done.ending} and told of nothing: {done.last_words()}")

    def back(self) -> str:
        """Roll back by hand, or finish what was begun; what came of it, in words."""
        if self.summary is None or self.summary.outcome is None:
            done = self._call("release", "--resume")
        elif self._unfinished():
            done = self._call("rollback", "--resume")
        else:
            done = self._call("rollback", "--yes", "--action", self.config.rollback.actions[0].name)
        return f"`readiness {done.argv[len(PRODUCT)]}` {done.ending}"

    def _call(self, *arguments: str, then: tuple[str, ...] = ()) -> FinishedProcess:
        places = ("--readiness-config", str(self.config.path), "--readiness-report", str(self.folder))
        argv = [*PRODUCT, arguments[0], *places, *arguments[1:], *(("--", *then) if then else ())]
        seconds = _minutes(self.config) * 60 + self.config.release.timeout
        return child_process.run(argv, timeout=seconds, cwd=self._cwd, env=self._environ)

    @property
    def summary(self) -> ReleaseSummary | None:
        """What the release says of itself."""
        return read_summary(self.folder)

    def _unfinished(self) -> bool:
        return unfinished_rollback(self.folder / ROLLBACKS) is not None

    def result(self, limit: float) -> Rehearsal:
        """What came of it, by its own words."""
        summary = self.summary
        finished = () if summary is None else summary.phases
        phases = tuple((one.name, str(one.status), float(one.seconds), one.detail) for one in finished)
        outcome, because = ("None", "None") if summary is None else (str(summary.outcome), str(summary.because))
        took = {name: seconds for name, _, seconds, _ in phases}
        recovery = took.get("rollback", 0.0)
        states = rollbacks(self.folder / ROLLBACKS)
        if self.by_hand and states and (ended := states[-1].outcome) is not None:
            outcome, because = ended.result.value, ended.because
            recovery = sum(ended.seconds.get(phase, 0.0) for phase in ("decide", "act", "verify"))
        detected = sum(seconds for name, seconds in took.items() if name in _AFTER[:-1])
        return Rehearsal(
            outcome=outcome, because=because, phases=phases, seconds=detected + recovery, recovery=recovery,
            allowed=limit, by_hand=self.by_hand, trouble="", record="", unwritten="", restored="",
        )  # fmt: skip


# --- whatever happens -----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(slots=True)
class _After:
    """How the hub was found afterwards: `trouble` is what was not as before, before anybody helped."""

    trouble: str = ""
    words: str = ""


@contextlib.contextmanager
def _put_back(scene: Scene, product: Product) -> Iterator[_After]:
    """Whatever happens inside (a Ctrl-C, too), have the release from before back; what was found goes into the value."""
    place, version = _placed(scene.config), _version(scene)
    after = _After()
    try:
        yield after
    finally:
        after.trouble = _other(scene, place, version) if product.begun else ""
        left = after.trouble
        if left:
            scene.drills.say(f"drill: the release from before is not back ({left}); rolling back by hand")
            with contextlib.suppress(Unknown):
                after.words = product.back()
            left = _other(scene, place, version)
        after.words = f"it is NOT back ({left}; {after.words}): do it by hand now" if left else "the hub is as before"
        if left:
            scene.drills.left = left
        scene.drills.replaced()
        scene.drills.say(f"drill: {after.words}")


def _placed(config: Config) -> Path:
    assert config.target.release is not None
    return config.target.release.resolve()


def _version(scene: Scene) -> str | None:
    with contextlib.suppress(Unknown), scene.watch.hub() as hub:
        return hub.version()
    return None


def _other(scene: Scene, place: Path, version: str | None) -> str:
    """What is not as it was before; waits for it within the hub's start-up budget. Empty where all is."""
    found = scene.watch.back(scene.before, scene.watch.budget, other=False)
    if found.seconds is None:
        return found.why
    now = _version(scene)
    if now != version:
        return f"version {now} answers, and {version} did before"
    here = _placed(scene.config)
    return "" if here == place else f"{here} is in place, and {place} was before"


def _record(config: Config, rehearsal: Rehearsal) -> str:
    """Write down that a rollback was rehearsed, where preflight looks for it. Raises ReadinessError, OSError."""
    file = DeployConditions(Release.of(config)).rehearsal_file
    document = {
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seconds": round(rehearsal.seconds, 1),
        "recovery": round(rehearsal.recovery, 1),
        "result": "verified",
        "by": "rollback-restores-service",
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file_writing.replace_file(file, json.dumps(document) + "\n")
    return str(file)
