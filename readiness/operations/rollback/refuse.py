"""Why a fired trigger leads to no rollback, each a sentence; pure, of what is known before anything is looked at again."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from readiness.config.model import Config
    from readiness.operations.deploys.record import DeployRecord
    from readiness.results.verdict.verdict import Judgement

_CLOCK_SKEW: Final = dt.timedelta(seconds=60)
"""How far ahead of this clock the record's may be."""


def not_judged_so(judgement: Judgement, config: Config) -> Iterator[str]:
    """The verdict is another one, nothing was declared, or the hub was seen through its proxy alone."""
    # the status is compared by its value: importing the verdict for one name would tie the two modules together
    if judgement.status.value != "NOT READY":
        yield f"the verdict is {judgement.status.value}: only NOT READY rolls back"
    if config.first_look:
        yield "a first look never rolls back: nothing was declared about this deployment"
    if config.production and config.target.internal_url is None and not _loopback(config.target.url):
        yield (
            "the hub was seen only through its proxy, which may be at fault itself: "
            "set [target] internal_url to the hub's own port"
        )


def no_deploy(config: Config, deploy: DeployRecord | None, now: dt.datetime) -> Iterator[str]:
    """No deploy inside its window, or none with a release to return to."""
    if deploy is None:
        yield "no deploy is recorded, so nothing shows that one caused this: hold, restart, page"
        return
    age = now - deploy.deployed_at
    when = f"{deploy.deployed_at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    if age < -_CLOCK_SKEW:
        yield f"the recorded deploy of {when} lies in the future: set the clocks right"
    if age > dt.timedelta(minutes=config.rollback.window):
        window = f"the window of {config.rollback.window} min is over"
        yield f"the last deploy was at {when}, and {window}: hold, restart, page"
    if deploy.previous is None:
        yield "there is no release to return to: hold"


def other_release(deploy: DeployRecord | None, version: str | None, commit: str | None) -> Iterator[str]:
    """Identity: the release that was judged must be proven to be the one that was deployed."""
    if deploy is None:
        return
    proven = False
    for name, judged, recorded in (("commit", commit, deploy.commit), ("version", version, deploy.version)):
        if judged is None or recorded is None:
            continue
        if judged.removeprefix("v") != recorded.removeprefix("v"):
            yield f"the recorded deploy is of {name} {recorded}, and {name} {judged} was judged"
        proven = True
    if not proven:
        yield "nothing proves that the judged release is the recorded one: set [target] version"


def _loopback(url: str | None) -> bool:
    try:
        host = urlsplit(url or "").hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
