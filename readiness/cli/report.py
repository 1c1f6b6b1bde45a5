"""`readiness report`: show any run again, compare two, merge the shards of a CI matrix, or list them."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime as dt
import json
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.errors import ReadinessError
from readiness.operations.notify import escaped
from readiness.operations.watch import duration
from readiness.results.history import latest, newer_than, told_of
from readiness.results.history import store as history_store
from readiness.results.report import judged_again, read, shown, superseded
from readiness.support import file_reading, one_line, shorten

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from readiness.findings import Check
    from readiness.results.history import HistoryEntry
    from readiness.results.report import Comparison, Report

_USAGE: Final = 4
_WIDE: Final = 100
_LISTED: Final = 20
_FORMATS: Final = {
    ".html": "html",
    ".htm": "html",
    ".json": "json",
    ".md": "markdown",
    ".xml": "junit",
    ".sarif": "sarif",
    ".prom": "prometheus",
    ".txt": "text",
}
"""What a file's ending asks for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb: 0 when shown, the merged verdict's exit code after merging, 4 for a wrong call.

    Raises ReadinessError where a run cannot be found, read or written.
    """
    parser = _parser()
    try:
        given = parser.parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    wrong = _wrong(given)
    if wrong:
        sys.stderr.write(f"readiness report: {wrong}\n")
        return _USAGE
    return _merge(given) if given.merge is not None else _do(given, Path.cwd() / given.readiness_report)


def _do(given: argparse.Namespace, directory: Path) -> int:

    if given.index:
        _index(directory)
    elif given.list:
        _list(directory, given.number)
    elif given.compare is not None:
        _compare(given, directory)
    else:
        _show(find(given.run, directory), given)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness report",
        description=__doc__,
        allow_abbrev=False,
        epilog="exit: 0 shown, 4 a wrong call or nothing that can be read; with --merge as the merged verdict: "
        "0 READY or CONDITIONAL, 1 NOT READY, 10 CONDITIONAL with --readiness-strict, 12 INCOMPLETE",
    )
    parser.add_argument(
        "run", nargs="?", default="last", metavar="RUN",
        help="the beginning of a run's id, `last`, `last-ready`, or a readiness.json; default: last",
    )  # fmt: skip
    parser.add_argument("--readiness-report", default="reports", metavar="DIR", help="the folder of reports")
    parser.add_argument("--format", metavar="FORMAT", help="text, or one of [report] formats; default: text")
    parser.add_argument("--output", type=Path, metavar="PATH", help="a file, or a folder; default: the terminal")
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--compare", nargs=2, metavar=("BEFORE", "AFTER"), help="how two runs differ; text, markdown or json"
    )
    what.add_argument("--merge", nargs="+", type=Path, metavar="PLACE", help="folders or files of shards: one verdict")
    what.add_argument("--list", action="store_true", help="the runs of the history, newest first")
    what.add_argument("--index", action="store_true", help="write history/index.html, the page over all runs")
    parser.add_argument("--number", type=int, default=_LISTED, metavar="N", help=f"runs to list; default: {_LISTED}")
    parser.add_argument("--shards", type=int, metavar="N", help="with --merge: how many there have to be")
    parser.add_argument(
        "--expect", action="append", default=[], metavar="SELECTION",
        help="with --merge: a shard that has to be there, by its -m; its checks are unknown where it is not",
    )  # fmt: skip
    parser.add_argument(
        "--max-age", type=duration, metavar="TIME",
        help="with --merge: 90s, 60m, 9h: shards that ended longer ago, or longer before the newest began, are no evidence; "
        "default: 3h",
    )  # fmt: skip
    parser.add_argument("--readiness-strict", action="store_true", help="with --merge: CONDITIONAL ends with 10")
    return parser


def _wrong(given: argparse.Namespace) -> str:
    """What is wrong with the call; empty: nothing."""
    only_merging = given.shards is not None or given.max_age is not None or given.expect or given.readiness_strict
    if given.merge is None and only_merging:
        return "--shards, --expect, --max-age and --readiness-strict belong to --merge"
    if given.run != "last" and (given.merge or given.compare or given.list or given.index):
        return f"{given.run!r} is one run too many for --merge, --compare, --list or --index"
    if given.number < 1 or (given.shards is not None and given.shards < 1):
        return "--number and --shards want at least 1"
    return ""


# --- one run ----------------------------------------------------------------------------------------------------------


def _show(report: Report, given: argparse.Namespace) -> None:
    """To the terminal, into a file, or as the files of a format into a folder."""
    output: Path | None = given.output
    if output is not None and (output.is_dir() or not output.suffix):
        _into_folder(report, output, [given.format] if given.format else ["json", "html"])
        return
    form = given.format or ("text" if output is None else _FORMATS.get(output.suffix.lower()))
    if form is None:
        raise ReadinessError(f"--output {output}: no format is known by this ending; add --format")
    if form == "text":
        from readiness.results.render import lines

        width = shutil.get_terminal_size().columns if output is None else _WIDE
        color = output is None and sys.stdout.isatty()
        texts = ["\n".join(lines(report, width=width, color=color, exit_status=report.exit_code)) + "\n"]
    else:
        texts = list(_made(report, form).values())
    if len(texts) > 1:
        raise ReadinessError(f"--format {form} is several files: give a folder to --output")
    _put(texts[0], output)


def _made(report: Report, form: str) -> dict[str, str]:
    from readiness.results import render

    return render.made(report, form)


def _into_folder(report: Report, folder: Path, forms: Sequence[str]) -> None:
    from readiness.support import file_writing

    file_writing.make_folder(folder, is_kept=True)
    for form in forms:
        for name, text in _made(report, form).items():
            _put(text, folder / name)


def _put(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    from readiness.support import file_writing

    file_writing.make_folder(output.parent, is_kept=True)
    file_writing.replace_file(output, text)
    sys.stdout.write(f"{output}\n")


# --- several runs -----------------------------------------------------------------------------------------------------


def _merge(given: argparse.Namespace) -> int:
    from readiness.results.report import merge

    reports, trouble = _shards(given.merge)
    if given.shards is not None and len(reports) < given.shards:
        trouble.append(f"{len(reports)} of {given.shards} shards left a report")
    selections = {report.run.selection for report in reports}
    absent = [expected for expected in given.expect if expected not in selections]
    trouble += [f"the shard that asks for {expected!r} left no report" for expected in absent]
    merged, code = merge(
        reports,
        planned=_planned(absent),
        trouble=trouble,
        strict=given.readiness_strict,
        now=time.time(),
        **({} if given.max_age is None else {"max_age": given.max_age}),
    )
    for sentence in dict.fromkeys([*trouble, *merged.trouble]):
        sys.stderr.write(f"readiness report: {sentence}\n")
    _show(merged, given)
    if given.output is not None:  # a job's log shows why it ended as it did, wherever the files went
        sys.stderr.write(f"{merged.status}: {merged.decision}, {merged.because}\n")
    return code


def _shards(places: Sequence[Path]) -> tuple[list[Report], list[str]]:
    """The reports at `places`, each file once, and a sentence for each place or file that gives none."""
    reports: dict[Path, Report] = {}
    trouble = []
    for place in places:
        reports_and_problems = shards(place)
        if not reports_and_problems:
            trouble.append(f"{place}: no readiness.json is in this folder or below it")
        for path in reports_and_problems:
            try:
                reports[path.resolve()] = load_latest(path)
            except ReadinessError as error:
                trouble.append(f"a shard cannot be read: {error}")
    return list(reports.values()), trouble


def _planned(selections: Sequence[str]) -> list[Check]:
    """The checks that ship which `selections` would have asked. Raises ReadinessError for one that selects none."""
    from readiness.session import catalogue, selected_phases

    checks: dict[str, Check] = {}
    for selection in selections:
        phases = selected_phases(selection)
        if not phases:
            raise ReadinessError(f"--expect {selection!r} selects no phase; expected what -m was given, as `health`")
        checks |= {check.id: check for check, _ in catalogue() if check.phase in phases}
    return list(checks.values())


def _compare(given: argparse.Namespace, directory: Path) -> None:
    from readiness.results.history import difference, earlier_run
    from readiness.results.report import to_json

    before, after = (find(name, directory) for name in given.compare)
    changes = difference(after, earlier_run(before))
    form = given.format or ("text" if given.output is None else _FORMATS.get(given.output.suffix.lower(), "text"))
    if form == "markdown":
        text = difference_markdown(before, after, changes)
    elif form == "json":
        document = to_json(dataclasses.replace(after, comparison=changes))["comparison"]
        text = json.dumps(difference_json(before, after, document), indent=1) + "\n"
    elif form == "text":
        text = "\n".join(difference_lines(before, after, changes)) + "\n"
    else:
        raise ReadinessError(f"--format {form}: a comparison is text, markdown or json")
    _put(text, given.output)


def _list(directory: Path, number: int) -> None:
    from readiness.results.history import store as history_store

    entries, problem = newest(directory / history_store.FOLDER)
    unended = newer_than(directory, entries[0].started if entries else 0.0)
    for sentence in filter(None, (problem, "" if unended is None else told_of(unended))):
        sys.stderr.write(f"readiness report: {sentence}\n")
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10 * _WIDE
    for text in run_lines(entries[:number], width):
        sys.stdout.write(f"{text}\n")
    sys.stdout.write(f"{len(entries)} runs in {directory / history_store.FOLDER}\n")


def _index(directory: Path) -> None:
    from readiness.results.render import runs as runs_page

    sys.stdout.write(f"{runs_page.write(directory)}\n")


FILE: Final = "readiness.json"
_MOST: Final = 1_000
"""Shards that are looked for below one folder, at most four folders down."""
_DEEP: Final = 4
_SHOWN: Final = 200
_NAMED: Final = 5


def find(name: str, directory: Path) -> Report:
    """The report that `name` means, a file's or one of the history below `directory`.

    Raises ReadinessError, saying what there is, where there is none or several, or it is damaged.
    """
    if name.endswith(".json") or "/" in name or (name and Path(name).is_dir()):
        path = Path(name)
        return load_latest(path / FILE if path.is_dir() else path)
    folder = directory / history_store.FOLDER
    entry = _entry(name, folder)
    if name == "last" and (unended := newer_than(directory, entry.started)) is not None:
        before = load(folder / entry.file)
        return superseded(
            before, run_id=unended.id, started=unended.started, selection=unended.selection, why=told_of(unended)
        )
    # the one on top may tell more than the run knew: how the release ended that it was part of
    with contextlib.suppress(ReadinessError):
        on_top = load(directory / FILE)
        if on_top.run.id == entry.id:
            return on_top
    return load(folder / entry.file)


def load(path: Path) -> Report:
    """The report in a file. Raises ReadinessError, naming it, where it cannot be read or is no report."""
    content = file_reading.content_or_none(path, history_store.MAX_BYTES)
    shown = one_line(path, _SHOWN)
    if content is None:
        why = "there is no such file" if not path.exists() else "it is no readable file of at most 64 MiB"
        raise ReadinessError(f"{shown}: {why}; expected a readiness.json")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReadinessError(f"{shown}: not JSON ({one_line(error, 80)}); expected a readiness.json") from None
    try:
        return judged_again(read(document))
    except ReadinessError as error:
        raise ReadinessError(f"{shown}: {error}") from None


def load_latest(path: Path) -> Report:
    """As `load`; where a later run than that of a folder's readiness.json began there and left no report, what that means."""
    report = load(path)
    return latest(report, path.parent) if path.name == FILE else report


def shards(place: Path) -> list[Path]:
    """The reports at a file, or anywhere below a folder, in the order of their paths; none: there is none."""
    return sorted(_below(place, _DEEP))[:_MOST] if place.is_dir() else [place]


def _below(folder: Path, deep: int) -> Iterator[Path]:
    try:
        inner = list(folder.iterdir())
    except OSError:
        return
    for path in inner:
        if path.name == FILE and not path.is_dir():
            yield path
        elif deep and path.is_dir() and not path.is_symlink() and path.name != history_store.FOLDER:
            yield from _below(path, deep - 1)


def newest(folder: Path) -> tuple[list[HistoryEntry], str]:
    """The entries of all runs, newest first, and why the history's database could not be used; empty: it could."""
    from readiness.results.history import RunDatabase

    with RunDatabase(folder) as database:
        return list(database.entries()), database.problem


def _entry(name: str, folder: Path) -> HistoryEntry:
    """The one run that `name` means."""
    entries, _ = newest(folder)
    if not entries:
        raise ReadinessError(
            f"there is no run in {one_line(folder, _SHOWN)} yet; is --readiness-report the folder of reports?"
        )
    if name == "last":
        return entries[0]
    if name == "last-ready":
        ready = [entry for entry in entries if entry.status == "READY"]
        # one that asked the same of the same hub, where there is one: others say little about what changed
        candidates = [entry for entry in ready if entry.about == entries[0].about][:1] or ready[:1]
        if not candidates:
            raise ReadinessError(f"none of the {len(entries)} runs in {one_line(folder, _SHOWN)} was READY")
    else:
        candidates = [entry for entry in entries if entry.id == name] or [e for e in entries if e.id.startswith(name)]
    if len(candidates) == 1 and name:
        return candidates[0]
    known = ", ".join(one_line(entry.id, _SHOWN) for entry in (candidates or entries)[:_NAMED])
    if candidates:
        raise ReadinessError(
            f"{len(candidates)} runs begin with {one_line(name, _SHOWN)!r}: {known}; give more of the id"
        )
    raise ReadinessError(
        f"no run begins with {one_line(name, _SHOWN)!r}; the newest are {known}; `readiness report --list` shows more"
    )


_MOST_NAMED: Final = 20
"""Checks that are named of each kind; the rest is counted."""
_TEXT: Final = 200
_LISTS: Final = (
    ("newly_failing", "newly failing"),
    ("newly_unknown", "newly unknown"),
    ("fixed", "fixed"),
    ("still_failing", "still failing"),
    ("added", "new in the plan"),
    ("removed", "no longer in the plan"),
    ("replanned", "weighed or applied otherwise"),
)


def run_lines(entries: Sequence[HistoryEntry], width: int) -> list[str]:
    """A line a run: when, verdict, decision, score, latency, id, what was asked of whom."""
    lines = [f"{'started (UTC)':<16}  {'verdict':<11}  {'decision':<14}  {'score':>5}  {'p95 ms':>7}  id"]
    for entry in entries:
        p95 = "" if entry.p95_ms is None else f"{entry.p95_ms:.4g}"
        about = " · ".join(one_line(text, _TEXT) for text in (entry.selection, entry.target, entry.environment) if text)
        head = f"{_moment(entry.started)}  {one_line(entry.status, 11):<11}  {one_line(entry.decision, 14):<14}"
        run_line = f"{head}  {entry.headline:>5.1f}  {p95:>7}  {one_line(entry.id, _TEXT)}  {about}"
        lines.append(shorten(run_line, width))
    return lines


def difference_lines(before: Report, after: Report, comparison: Comparison) -> list[str]:
    """How `after` differs from `before`, for a terminal."""
    return _told(before, after, comparison, lambda text: one_line(text, _TEXT), ("", "  "))


def difference_markdown(before: Report, after: Report, comparison: Comparison) -> str:
    """The same for a merge request or a channel: whatever a hub said is escaped."""
    return "\n".join(["### Readiness, compared", "", *_told(before, after, comparison, escaped, ("- ", "  - "))]) + "\n"


def difference_json(before: Report, after: Report, document: dict[str, Any]) -> dict[str, Any]:
    """The same for programs: the report's own `comparison`, and both verdicts."""
    ends = {
        name: {
            "id": run.run.id,
            "status": run.status,
            "decision": run.decision,
            "score": shown(run.score),
            "headline": shown(run.headline),
        }
        for name, run in (("before", before), ("after", after))
    }
    return {**ends, "comparison": document}


def _told(
    before: Report, after: Report, comparison: Comparison, safe: Callable[[object], str], marks: tuple[str, str]
) -> list[str]:
    one, two = marks
    lines = [
        f"{one}{name}: {safe(run.run.id)}, {_moment(run.run.started)} UTC: {safe(run.status)}, {safe(run.decision)}, "
        f"score {shown(run.headline)}{safe(_capped(run))}: {safe(run.because)}"
        for name, run in (("before", before), ("after", after))
    ]
    lines.append(f"{one}score {comparison.score_change:+.1f}: {_split(comparison)}")
    lines += [
        f"{one}{safe(what)}: {safe(then or 'not known')} → {safe(now or 'not known')}"
        for what, then, now in _versions(before, after)
    ]
    for name, words in _LISTS:
        keys = [
            entry if isinstance(entry, str) else f"{entry[0]} (since {entry[1][:16]})"
            for entry in getattr(comparison, name)
        ]
        if keys:
            lines += [f"{one}{words}: {len(keys)}", *(f"{two}{safe(key)}" for key in keys[:_MOST_NAMED])]
            lines += [f"{two}and {len(keys) - _MOST_NAMED} more"] if len(keys) > _MOST_NAMED else []
    return lines


def _capped(report: Report) -> str:
    """Why the score that a page shows is below the one that is compared; empty where it is not."""
    return f" ({report.cap})" if report.cap else ""


def _split(comparison: Comparison) -> str:
    """What the change of the score is made of."""
    if comparison.same_plan:
        return "by outcomes alone, both had to prove the same"
    return f"{comparison.outcome_change:+.1f} by outcomes, {comparison.plan_change:+.1f} by what had to be proven"


def _versions(before: Report, after: Report) -> Iterable[tuple[str, str, str]]:
    names = dict.fromkeys([*before.run.versions, *after.run.versions])
    pairs = ((name, before.run.versions.get(name, ""), after.run.versions.get(name, "")) for name in names)
    return [(name, then, now) for name, then, now in pairs if then != now]


def _moment(seconds: float) -> str:
    return f"{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y-%m-%d %H:%M}"
