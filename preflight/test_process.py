"""A deploy at the right time, alone, of what was reviewed, with a way back that was tried and a person to call."""

from __future__ import annotations

import datetime as dt

import pytest

from readiness import Limits, check, compared, measure, note, unknown, warn, where_found

pytestmark = pytest.mark.preflight

PLACEHOLDERS = (
    "contact",
    "name",
    "your name",
    "on-call",
    "on_call",
    "tbd",
    "todo",
    "tba",
    "none",
    "nobody",
    "n/a",
    "xxx",
    "?",
)


@check(
    "on-call-contact-is-named",
    severity="medium",
    needs=("release",),
    where="tree",
    remedy='Name a person or a rota: [contacts] on_call = "…" in readiness.toml.',
)
def test_on_call_contact_is_named(release):
    """Somebody is named who is called when the deploy goes wrong."""
    told = release.config.contacts.get("on_call", "").strip()
    compared(expected="a name or address", actual=told or "none")
    assert told, "[contacts] on_call names nobody"
    bracketed = told[0] in "[<{(" and told[-1] in "]>})"
    bare = told.strip("[]<>{}()").strip().lower()
    assert not bracketed and bare not in PLACEHOLDERS, f"[contacts] on_call is a placeholder: {told}"  # noqa: PT018 - one
    assert any(letter.isalnum() for letter in told), f"[contacts] on_call is no name: {told}"


@check(
    "no-other-deployment-is-running",
    severity="high",
    needs=("release",),
    where="host",
    remedy="Wait until the other deployment has ended; a lock that names no living process may be removed.",
)
def test_no_other_deployment_is_running(release, operation):
    """Nobody else holds the deployment lock."""
    lock = operation.lock()
    compared(expected="no other deployment", actual="none" if lock is None else f"process {lock.holder}")
    if lock is None:
        return
    where_found(release.shown(lock.path))
    assert lock.holder is None, f"process {lock.holder} holds {release.shown(lock.path)}"
    if lock.names_nobody:
        unknown(f"{release.shown(lock.path)} is there and names no process: see who made it, and remove it")
    note(f"{release.shown(lock.path)} is left over: no process holds it")


@check(
    "deployment-window-is-open",
    severity="low",
    needs=("release",),
    where="host",
    remedy="Deploy inside a window of [release] windows, or add one for this deploy.",
)
def test_deployment_window_is_open(release, operation):
    """Now is a time at which deploys are allowed."""
    windows = release.config.release.windows
    if not windows:
        note("no deployment windows are configured: any time will do")
        return
    found = operation.open_window()
    compared(expected=" or ".join(windows), actual=found or "outside")
    assert found, f"now is outside of every deployment window: {', '.join(windows)}"


@check(
    "rollback-was-rehearsed",
    severity="high",
    limits=Limits(critical=30, unit="days"),
    needs=("release", "rehearsal", "hub_release"),
    where="host",
    remedy="Rehearse the rollback in a quiet hour, by the drill rollback-restores-service or by hand, and keep its record "
    "with the time it took: rehearsal.json.",
)
def test_rollback_was_rehearsed(release, operation):
    """A rollback was tried within the last 30 days, succeeded, and was timed."""
    wrong = release.wrong(operation.rehearsal)
    where_found(release.shown(operation.rehearsal_file))
    if wrong is not None:
        pytest.fail(f"no rehearsed rollback is on record: {wrong}", pytrace=False)
    found = operation.rehearsal()
    age = (dt.datetime.now(dt.UTC) - found.when) / dt.timedelta(days=1)
    assert found.succeeded, f"the rollback rehearsed on {found.when:%Y-%m-%d} did not succeed"
    assert age > -1, f"the rehearsal is dated {found.when:%Y-%m-%d}, which is still to come"
    measure(max(0.0, round(age, 1)), what="days since the last rehearsal")
    if found.seconds is None:
        warn("the record does not say how long the rollback took")
    else:
        note(f"rehearsed on {found.when:%Y-%m-%d}, in {found.seconds:.0f} s")


@check(
    "release-commit-was-reviewed",
    severity="medium",
    needs=("release", "git"),
    where="tree",
    remedy="Merge through a reviewed request, sign the release's tag, or add a Reviewed-by: trailer.",
)
def test_release_commit_was_reviewed(release):
    """A second person has seen what is released: a signed tag, a merge, or an attested review."""
    git = release.git
    tags = git.tags()
    bad = [tag.name for tag in tags if tag.verified is False]
    assert not bad, f"the signature of the tag {bad[0]} is not valid"
    signed = [tag for tag in tags if tag.signed]
    author = git.author().lower()
    others = [name for name in git.reviewers() if not author or author not in name.lower()]
    compared(expected="a signed tag, a merge or a review", actual=git.commit[:12])
    if len(git.parents()) > 1:
        note("a merge commit")
    elif others:
        note(f"attested: reviewed by {others[0]}")
    elif signed:
        known = "" if signed[0].verified else "; the signer's key is not known here"
        note(f"the tag {signed[0].name} is signed{known}")
    else:
        if git.shallow:
            unknown("history is cut off, so whether the commit is a merge cannot be told: git fetch --unshallow")
        pytest.fail(
            f"commit {git.commit[:12]} is no merge, has no signed tag and no Reviewed-by: of another person",
            pytrace=False,
        )
