"""From a file, the environment and options to one frozen Config; every mistake is named, all at once."""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.config import file as source
from readiness.config.build import build
from readiness.config.kinds import read_table, url
from readiness.config.mistakes import Bad, Mistakes, SettingPlace, did_you_mean, printable, quoted
from readiness.config.model import Config
from readiness.config.rules import cross_check, refuse_literals
from readiness.config.schema import ROOT, SECTIONS
from readiness.config.urls import is_loopback
from readiness.errors import ConfigError
from readiness.support.environment import EXPECTED_VERSION, INTERNAL_URL, WINDOW

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

URL_VARIABLE: Final = "MCP_HUB_URL"
RELEASE_VARIABLE: Final = "MCP_HUB_RELEASE"


def load(  # noqa: PLR0913 - one keyword a source; all optional
    *,
    file: Path | None = None,
    start: Path | None = None,
    environ: Mapping[str, str] | None = None,
    demo: bool = False,
    demo_url: str | None = None,
    demo_release: Path | None = None,
    strict: bool = False,
    drill: bool = False,
    report_dir: Path | None = None,
) -> Config:
    """What a run was told.

    `file`, or the nearest readiness.toml in `start` (default: the working directory) or above it; what it leaves out of
    url and release comes from MCP_HUB_URL and MCP_HUB_RELEASE, which are all there is without a file (a first look).
    `demo` and `demo_url` ask for the embedded hub's own settings and ignore file and environment.
    Raises ConfigError with every mistake, one a line.
    """
    options = Config(
        demo=demo or demo_url is not None,
        strict=strict,
        drill_requested=drill,
        report_dir=Path("reports") if report_dir is None else report_dir,
    )
    here = Path.cwd() if start is None else start
    if options.demo:
        return _demo(options, demo_url, demo_release, here)
    path = source.find(here) if file is None else file
    document = source.read(path) if path is not None else {}
    return _from_document(document, options, path, here, os.environ if environ is None else environ)


def parse(document: dict[str, Any], *, source_name: str, folder: Path) -> Config:
    """A Config from an already parsed document alone, as if it were a file in `folder`. Raises ConfigError."""
    return _from_document(document, Config(), folder / source_name, folder, {})


def _demo(options: Config, demo_url: str | None, release: Path | None, here: Path) -> Config:
    from readiness.config.demo import demo_settings

    settings = demo_settings(release)
    where = {"url": demo_url, "release": None if release is None else str(release)}
    settings["target"] |= {name: value for name, value in where.items() if value is not None}
    return _from_document(settings, options, None, here, {})


def _from_document(
    document: dict[str, Any], options: Config, path: Path | None, here: Path, environ: Mapping[str, str]
) -> Config:
    folder = here if path is None else Path(os.path.abspath(path)).parent  # noqa: PTH100 - as source.find
    book = Mistakes("" if path is None else printable(str(path)))
    today = dt.datetime.now(tz=dt.UTC).date()
    try:
        refuse_literals(document, book)
        values = _read(document, SettingPlace(book))
        cross_check(values, SettingPlace(book), folder, today)
    except RecursionError:
        raise ConfigError(f"{book.source}: nested far too deeply; a setting is at most a few levels deep") from None
    book.source = ""
    target = values.setdefault("target", {})
    _fill_in(target, book, here, environ)
    if environ.get(EXPECTED_VERSION):
        target["version"] = environ[EXPECTED_VERSION]
    if environ.get(INTERNAL_URL):
        target["internal_url"] = environ[INTERNAL_URL]
    if environ.get(WINDOW, "").isdecimal():
        values.setdefault("rollback", {})["window"] = int(environ[WINDOW])
    book.raise_all()
    if path is None and (options.demo or is_loopback(target.get("url"))):
        values["environment"] = "local"
    return build(values, dataclasses.replace(options, path=path), folder, today)


def _read(document: dict[str, Any], place: SettingPlace) -> dict[str, Any]:
    known = {name: value for name, value in document.items() if name in ROOT}
    for name in document.keys() - known.keys():
        place.unknown_key(name, ROOT, _elsewhere(name))
    return read_table(ROOT, known, place)


def _elsewhere(name: str) -> str:
    homes = [section for section, keys in SECTIONS.items() if name in keys]
    return f"did you mean {name} under [{homes[0]}]? " if homes else ""


def _fill_in(target: dict[str, Any], book: Mistakes, here: Path, environ: Mapping[str, str]) -> None:
    """Take from the environment what the file leaves out."""
    if "url" not in target and environ.get(URL_VARIABLE):
        place = SettingPlace(book, (URL_VARIABLE,))
        try:
            target["url"] = url("http", "https").read(environ[URL_VARIABLE], place)
        except Bad as bad:
            place.wrong(environ[URL_VARIABLE], bad)
    if "release" not in target and environ.get(RELEASE_VARIABLE):
        release = environ[RELEASE_VARIABLE]
        if release.isprintable():
            target["release"] = str(here / release)
        else:
            SettingPlace(book, (RELEASE_VARIABLE,)).wrong(release, Bad("a path"))


def missing_target(config: Config, phases: Collection[str]) -> str | None:
    """What to set, as the text of a usage error, where nothing says what to look at; None where something does.

    `phases` are those a run selects; infra alone with a file needs neither a URL nor a release, and phases that ask the
    running hub alone are not served by a release.
    """
    target = config.target
    if config.demo or target.facts_url or (target.release and "preflight" in phases):
        return None
    if config.path is not None and set(phases) <= {"infra"}:
        return None
    hub = f"[target] url (or {URL_VARIABLE}) to the address of the hub"
    release = f"[target] release (or {RELEASE_VARIABLE}) to the release tree"
    wanted = release if set(phases) == {"preflight"} else f"{hub}, and for preflight {release}"
    where = f"{printable(str(config.path))} names none" if config.path else f"there is no {source.NAME} here or above"
    return (
        f"nothing says which hub or release to look at: {where}. Set {wanted}; "
        f"`readiness init --url URL` writes a first {source.NAME}; --readiness-demo runs against the embedded hub"
    )


def unknown_check_ids(config: Config, known: Collection[str]) -> list[str]:
    """One message for each check that [limits.ID] or a waiver names and that is not among `known`, with the nearest id."""
    path = printable(str(config.path)) if config.path else "the configuration"
    named = [(f"[limits.{name}]", name) for name in config.limits]
    named += [(f"[[waiver]] {index} check", waiver.check) for index, waiver in enumerate(config.waivers, 1)]
    messages = []
    for place, name in named:
        if name not in known:
            hint = did_you_mean(name, known)
            messages.append(f"{path}: {place} = {quoted(name)}: there is no such check" + (f"; {hint}" if hint else ""))
    return messages
