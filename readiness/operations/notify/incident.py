"""The incident report: one page of Markdown that a person can send on and fill in, made when a release went wrong.

Pure but for `write`. Whatever stands in it was said by a hub or a command at some time: every text is escaped, so that
it can neither draw a heading nor hide a link.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
from typing import TYPE_CHECKING, Any, Final

from readiness.support import file_reading, file_writing, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Document = dict[str, Any]
ROWS: Final = 100
"""Findings and journal lines that the page shows; the report and the journal hold all."""
_TEXT: Final = 600
_OBEYED: Final = re.compile(r"([\\`*_{}\[\]<>#+!|~&$])")
_AT_THE_START: Final = re.compile(r"^(-|=|\d{1,9}(?=[.)](?:\s|$)))")
_LINKS_ITSELF: Final = re.compile(r"(?i)(://|\bwww(?=\.))")
"""What renderings make a link of without being asked: an address that a hub chose should not be one click away."""
_TOLD: Final = "Who was told"
_NOBODY: Final = "Nobody, as far as this page knows."
_UNTOLD: Final = {"kind", "at", "start", "boot"}
"""Of a journal's line what only resuming needs: how a process is told from a later one of its number."""
_MAX_BYTES: Final = 4_000_000
_OVER: Final = "ROLLED_BACK_VERIFIED"
_RECORD: Final = "deploy.json"
"""The record of the last deploy, in the report folder."""
_PAST: Final = {"DEPLOY", "DO NOT DEPLOY"}


def markdown(
    document: Document,
    journal: Sequence[Mapping[str, Any]] = (),
    told: Sequence[str] = (),
    *,
    before: Sequence[str] = (),
    deploy: Mapping[str, Any] | None = None,
) -> str:
    """The page, from a run's report (`readiness.json`, read back), a rollback's journal and what came of telling people.

    `journal` holds entries with `kind`, `at` (seconds since the epoch) and whatever else was noted; `before` is the
    Markdown of who had been told already, `deploy` the record of the deploy. Raises KeyError or TypeError where `document` is no report.
    """
    run, verdict = document["run"], document["verdict"]
    bad = [row for row in document["findings"] if row["outcome"] == "failed"]
    release = _release(deploy)
    gone = _ended(journal) == _OVER
    parts = [
        f"# Incident {escaped(run['id'])}: {f'{release} was rolled back' if gone else escaped(verdict['decision'])}",
        _what(document, bad, journal, release),
        _section("Timeline", _timeline(document, journal, deploy, bad)),
        _section(f"What failed in {release}, which is gone" if gone else "What failed", _failed(bad)),
        _section("What could not be proven", _unknown(document)),
        _section("What was done", _done(document, journal)),
        _section("Versions", [f"- {escaped(k)}: {escaped(v)}" for k, v in run["versions"].items() if v]),
        _section(_TOLD, list(dict.fromkeys([*before, *(f"- {escaped(text)}" for text in told)])) or [_NOBODY]),
        _section("Open questions", _questions(document, journal)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def write(
    document: Document, folder: Path, journal: Sequence[Mapping[str, Any]] = (), told: Sequence[str] = ()
) -> Path:
    """Write the page to `folder` as `incident-<run id>.md`, atomically.

    Written again it is replaced, and says besides who had been told before. Raises ReadinessError where it cannot be
    written, KeyError or TypeError where `document` is no report.
    """
    path = folder / file_name(str(document["run"]["id"]))
    file_writing.make_folder(folder)
    deploy = _deploy(document, folder, journal)
    file_writing.replace_file(path, markdown(document, journal, told, before=_told_before(path), deploy=deploy))
    return path


def _deploy(document: Document, folder: Path, journal: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The record of the deploy that went wrong: as the rollback's journal holds it, or as it lies in `folder`."""
    noted = next((entry["deploy"] for entry in journal if isinstance(entry.get("deploy"), dict)), None)
    if noted:
        return dict(noted)
    if document["verdict"]["decision"] != "ROLL BACK":
        return None
    with contextlib.suppress(ValueError, RecursionError):
        record = json.loads(file_reading.content_or_none(folder / _RECORD, _MAX_BYTES) or b"null")
        return record if isinstance(record, dict) else None
    return None


def _release(deploy: Mapping[str, Any] | None) -> str:
    """The release that was deployed, escaped."""
    return escaped((deploy or {}).get("name") or (deploy or {}).get("version") or "the release")


def _ended(journal: Sequence[Mapping[str, Any]]) -> str:
    """How the rollback ended; empty where it has not."""
    return next((str(entry.get("result", "")) for entry in reversed(journal) if entry.get("kind") == "outcome"), "")


def file_name(run_id: str) -> str:
    """The page's name for a run."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", run_id)[:60] or "run"
    return f"incident-{name}.md"


def _told_before(path: Path) -> list[str]:
    """The lines of "Who was told" in a page that is there already, as they stand."""
    content = (file_reading.content_or_none(path, _MAX_BYTES) or b"").decode("utf-8", "replace")
    section = content.partition(f"\n## {_TOLD}\n")[2].partition("\n## ")[0]
    return [text for text in section.splitlines() if text.startswith("- ")][-ROWS:]


def escaped(value: object) -> str:
    """`value` as one line that Markdown shows as it is written: no markup, no link, no mention, no HTML."""
    shown = _OBEYED.sub(r"\\\1", one_line(value, _TEXT))
    if start := _AT_THE_START.match(shown):
        digits = start[1].isdigit()
        shown = f"{start[1]}\\{shown[start.end() :]}" if digits else f"\\{shown}"
    shown = _LINKS_ITSELF.sub(lambda match: ":\\//" if match[0] == "://" else f"{match[0]}\\", shown)
    return shown.replace("@", "&#64;")


def _what(
    document: Document, bad: Sequence[Mapping[str, Any]], journal: Sequence[Mapping[str, Any]], release: str
) -> str:
    run, verdict = document["run"], document["verdict"]
    where = run["target"] or run["release"] or "the hub"
    sentence = f"{escaped(where)} ({escaped(run['environment'])}) was found {escaped(verdict['status'])}"
    over = f"**It is over:** {release} was rolled back, and the release before is proven to serve."
    lines = [
        "## What happened",
        "",
        *([over, ""] if _ended(journal) == _OVER else []),
        f"{sentence}, score {escaped(verdict['headline'])} of 100: {escaped(verdict['because'])}",
        "",
        f"Checks that failed: {len({row['check'] for row in bad})}. Decision: **{escaped(verdict['decision'])}**.",
    ]
    for end in [entry for entry in journal if entry.get("kind") == "outcome"][-1:]:
        result = str(end.get("result", "?")).replace("_", " ")
        because = f": {escaped(end['because'])}" if end.get("because") else ""
        lines += ["", f"How it ended: **{escaped(result)}**{because}."]
    return "\n".join(lines)


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"## {title}", "", *lines]) if lines else ""


def _timeline(
    document: Document,
    journal: Sequence[Mapping[str, Any]],
    deploy: Mapping[str, Any] | None,
    bad: Sequence[Mapping[str, Any]],
) -> list[str]:
    run = document["run"]
    moments = [(_when(run["started"]), "the checks began"), (_when(run["finished"]), "the verdict was reached")]
    if deploy is not None:
        moments.insert(0, (_when(deploy.get("deployed_at")), _deployed(deploy)))
    moments += _first_failing(document, deploy, bad)
    moments += [(_when(entry.get("at")), f"rollback: {_entry(entry)}") for entry in journal[:ROWS]]
    lines = [f"| {when} | {what} |" for when, what in sorted(moments, key=lambda pair: pair[0])]
    if len(journal) > ROWS:
        lines.append(f"| | and {len(journal) - ROWS} more lines in the journal |")
    return ["| when (UTC) | what |", "|---|---|", *lines]


def _deployed(deploy: Mapping[str, Any]) -> str:
    """What was deployed, over what, by which command and whom."""
    before = deploy.get("before")
    before = before if isinstance(before, dict) else {}
    parts = [f"deployed: {_release(deploy)}"]
    if deploy.get("version") and deploy.get("version") != deploy.get("name"):
        parts.append(f"version {escaped(deploy['version'])}")
    if was := deploy.get("before_name") or before.get("version") or deploy.get("previous"):
        parts.append(f"over {escaped(was)}")
    parts.append(f"by {escaped(deploy['command'])}" if deploy.get("command") else "recorded by `release --record`")
    if deploy.get("by"):
        parts.append(f"started by {escaped(deploy['by'])}")
    return ", ".join(parts)


def _first_failing(
    document: Document, deploy: Mapping[str, Any] | None, bad: Sequence[Mapping[str, Any]]
) -> list[tuple[str, str]]:
    """When each check was first seen failing; after a deploy only what had passed before it, and not before it."""
    known = {e["name"]: e["since"] for e in (document["comparison"] or {}).get("still_failing", ())}
    if deploy is None:
        return [(_when(since), f"first seen failing: {escaped(name)}") for name, since in list(known.items())[:ROWS]]
    passed, begin = set(deploy.get("passed_before") or ()), _when(deploy.get("deployed_at"))
    moments = []
    for row in bad:
        if row["check"] not in passed:
            continue
        name = f"{row['check']}[{row['instance']}]" if row.get("instance") else row["check"]
        since = _when(known.get(name, document["run"]["finished"]))
        moments.append((since if since >= begin else _when(document["run"]["finished"]), name))
    return [(since, f"first seen failing: {escaped(name)}") for since, name in moments[:ROWS]]


def _entry(entry: Mapping[str, Any]) -> str:
    """One line of a rollback's journal: what it is, and the short values beside it."""
    details = [
        f"{escaped(key)} {escaped(one_line(f'{value:.1f}' if isinstance(value, float) else value, 120))}"
        for key, value in entry.items()
        if key not in _UNTOLD and isinstance(value, (str, int, float)) and value != "" and value is not False
    ]
    return escaped(entry.get("kind", "?")) + (f" ({', '.join(details)})" if details else "")


def _failed(bad: Sequence[Mapping[str, Any]]) -> list[str]:
    if not bad:
        return ["No check failed."]
    lines = ["| check | severity | what | expected | measured | to mend it |", "|---|---|---|---|---|---|"]
    for row in bad[:ROWS]:
        name = f"{row['check']}[{row['instance']}]" if row.get("instance") else row["check"]
        unit = f" {row['unit']}" if row.get("unit") else ""
        measured = f"{row['actual']}{unit}" if row.get("actual") else ""
        cells = (name, row["severity"], row["reason"], row.get("expected") or "", measured, row.get("remedy") or "")
        lines.append("| " + " | ".join(escaped(cell) for cell in cells) + " |")
    if len(bad) > ROWS:
        lines.append(f"| and {len(bad) - ROWS} more in the report | | | | | |")
    return lines


def _unknown(document: Document) -> list[str]:
    rows = [row for row in document["findings"] if row["outcome"] == "unknown"]
    lines = [f"- {escaped(row['check'])}: {escaped(row['reason'])}" for row in rows[:ROWS]]
    return [*lines, f"- and {len(rows) - ROWS} more in the report"] if len(rows) > ROWS else lines


def _done(document: Document, journal: Sequence[Mapping[str, Any]]) -> list[str]:
    plan = document["rollback"] or {}
    lines = [f"- planned: {escaped(a['name'])}, because {escaped(a['because'])}" for a in plan.get("actions", ())]
    if plan.get("refused"):
        lines.append(f"- no rollback: {escaped(plan['refused'])}")
    lines += [f"- {_entry(entry)}" for entry in journal if entry.get("kind") in {"ended", "outcome"}]
    if not journal:
        lines.append("- nothing was carried out when this page was written")
    return lines


def _questions(document: Document, journal: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the tool cannot know and a person has to find out."""
    asked = ["Who noticed what, and when? Were people affected?"]
    if document["verdict"]["decision"] not in _PAST:
        asked.append("What did the release change that broke this, and why did nothing before the deploy show it?")
    if any(row["outcome"] == "unknown" for row in document["findings"]):
        asked.append("What would have proven the checks that stayed unknown?")
    if not any(entry.get("kind") == "outcome" for entry in journal):
        asked.append("How did it end? No rollback has reported its outcome to this page.")
    asked.append("What keeps it from happening again, who does it, and until when?")
    return [f"- [ ] {question}" for question in asked]


def _when(value: object) -> str:
    """A moment in UTC to the second: from seconds since the epoch or ISO 8601; "?" where it is neither."""
    try:
        if isinstance(value, (int, float)):
            moment = dt.datetime.fromtimestamp(value, dt.UTC)
        else:
            moment = dt.datetime.fromisoformat(str(value)).astimezone(dt.UTC)
    except (ValueError, OverflowError, OSError):
        return "?"
    return moment.strftime("%Y-%m-%d %H:%M:%S")
