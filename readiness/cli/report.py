"""`readiness report`: show any run again, compare two, merge the shards of a CI matrix, or list them."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.errors import ReadinessError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.findings import Check
    from readiness.results.report import Report

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
    from readiness.cli.report_find import find

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
    parser.add_argument("--readiness-strict", action="store_true", help="with --merge: CONDITIONAL ends with 10")
    return parser


def _wrong(given: argparse.Namespace) -> str:
    """What is wrong with the call; empty: nothing."""
    if given.merge is None and (given.shards is not None or given.expect or given.readiness_strict):
        return "--shards, --expect and --readiness-strict belong to --merge"
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
        from readiness.results.render.terminal import lines

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

    file_writing.make_folder(folder)
    for form in forms:
        for name, text in _made(report, form).items():
            _put(text, folder / name)


def _put(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    from readiness.support import file_writing

    file_writing.make_folder(output.parent)
    file_writing.replace(output, text)
    sys.stdout.write(f"{output}\n")


# --- several runs -----------------------------------------------------------------------------------------------------


def _merge(given: argparse.Namespace) -> int:
    from readiness.results.report.merge import merge

    reports, trouble = _shards(given.merge)
    if given.shards is not None and len(reports) < given.shards:
        trouble.append(f"{len(reports)} of {given.shards} shards left a report")
    selections = {report.run.selection for report in reports}
    absent = [expected for expected in given.expect if expected not in selections]
    trouble += [f"the shard that asks for {expected!r} left no report" for expected in absent]
    for sentence in trouble:
        sys.stderr.write(f"readiness report: {sentence}\n")
    merged, code = merge(reports, planned=_planned(absent), trouble=trouble, strict=given.readiness_strict)
    _show(merged, given)
    if given.output is not None:  # a job's log shows why it ended as it did, wherever the files went
        sys.stderr.write(f"{merged.status}: {merged.decision}, {merged.because}\n")
    return code


def _shards(places: Sequence[Path]) -> tuple[list[Report], list[str]]:
    """The reports at `places`, each file once, and a sentence for each place or file that gives none."""
    from readiness.cli.report_find import load, shards

    reports: dict[Path, Report] = {}
    trouble = []
    for place in places:
        found = shards(place)
        if not found:
            trouble.append(f"{place}: no readiness.json is in this folder or below it")
        for path in found:
            try:
                reports[path.resolve()] = load(path)
            except ReadinessError as error:
                trouble.append(f"a shard cannot be read: {error}")
    return list(reports.values()), trouble


def _planned(selections: Sequence[str]) -> list[Check]:
    """The checks that ship which `selections` would have asked. Raises ReadinessError for one that selects none."""
    from readiness.session.plan.plan import catalogue, selected_phases

    found: dict[str, Check] = {}
    for selection in selections:
        phases = selected_phases(selection)
        if not phases:
            raise ReadinessError(f"--expect {selection!r} selects no phase; expected what -m was given, as `health`")
        found |= {check.id: check for check, _ in catalogue() if check.phase in phases}
    return list(found.values())


def _compare(given: argparse.Namespace, directory: Path) -> None:
    from readiness.cli import report_words
    from readiness.cli.report_find import find
    from readiness.results.history.history import difference
    from readiness.results.report import to_json

    before, after = (find(name, directory) for name in given.compare)
    found = difference(after, to_json(before))
    form = given.format or ("text" if given.output is None else _FORMATS.get(given.output.suffix.lower(), "text"))
    if form == "markdown":
        text = report_words.difference_markdown(before, after, found)
    elif form == "json":
        document = to_json(dataclasses.replace(after, comparison=found))["comparison"]
        text = json.dumps(report_words.difference_json(before, after, document), indent=1) + "\n"
    elif form == "text":
        text = "\n".join(report_words.difference_lines(before, after, found)) + "\n"
    else:
        raise ReadinessError(f"--format {form}: a comparison is text, markdown or json")
    _put(text, given.output)


def _list(directory: Path, number: int) -> None:
    from readiness.cli.report_find import newest
    from readiness.cli.report_words import run_lines
    from readiness.results.history import store as history_store

    entries = newest(directory / history_store.FOLDER)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10 * _WIDE
    for text in run_lines(entries[:number], width):
        sys.stdout.write(f"{text}\n")
    sys.stdout.write(f"{len(entries)} runs in {directory / history_store.FOLDER}\n")


def _index(directory: Path) -> None:
    from readiness.results.render.page import write_runs as runs_page

    sys.stdout.write(f"{runs_page.write(directory)}\n")
