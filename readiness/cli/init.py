"""`readiness init`: look at a hub and write a first `readiness.toml` for a person to confirm."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from readiness.config.file import NAME
from readiness.config.load import parse
from readiness.config.mistakes import Bad, printable
from readiness.config.urls import is_loopback, read_url
from readiness.errors import ConfigError, ReadinessError
from readiness.support.file_writing import replace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from readiness.cli.firstlook import Call, Seen

_USAGE: Final = 4
_ANALYSIS: Final = "prompt_analysis"
_CLAIMS: Final = ("filtering", "llm", _ANALYSIS, "telemetry", "config_api", "tools_api")
"""`prompt_analysis` stands only where the hub filters at all: without filtering it is not asked for."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the verb: 0 when a file was written, 1 when none could be, 4 for a call that cannot be understood."""
    parser = _parser()
    try:
        given = parser.parse_args(argv)
    except SystemExit as end:
        return _USAGE if end.code else 0
    try:
        url = read_url(given.url, ("http", "https"), "an address like https://hub.example.com")
    except Bad as bad:
        sys.stderr.write(f"readiness init: --url: expected {bad.wanted}\n")
        return _USAGE
    output = Path(given.output)
    try:
        _refuse_early(output, force=given.force)
        release = _release(given.release)
        text, seen = first_file(url, release, output.absolute().parent)
        write(output, text, force=given.force)
    except ReadinessError as error:
        sys.stderr.write(f"readiness init: {error}\n")
        return 1
    sys.stdout.write(_summary(output, text, seen))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness init",
        description=__doc__,
        epilog="exit: 0 a file was written, 1 none could be, 4 a wrong call",
    )
    parser.add_argument("--url", required=True, help="address of the hub, as clients use it")
    parser.add_argument("--release", metavar="DIR", help="the release tree, for preflight")
    parser.add_argument("--output", default=NAME, metavar="FILE", help="what to write (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    return parser


def _refuse_early(output: Path, *, force: bool) -> None:
    if output.is_dir():
        raise ReadinessError(f"{output} is a directory; name a file")
    if not force and os.path.lexists(output):
        raise ReadinessError(f"{output} is there already and was left as it is; --force replaces it")


def _release(given: str | None) -> Path | None:
    if given is None:
        return None
    # absolute: in the file it would be relative to the file's folder, on the command line it is to the working one
    release = Path(os.path.abspath(given))  # noqa: PTH100 - resolve() would freeze a `current` link to today's release
    if not release.is_dir():
        raise ReadinessError(f"--release {printable(given)}: there is no such directory")
    return release


def first_file(url: str, release: Path | None, folder: Path) -> tuple[str, Seen]:
    """The file's text, proven to load from `folder`, and what was seen. Raises ReadinessError."""
    from readiness.cli.firstlook import look

    seen = look(url)
    text = compose(seen, release)
    try:
        parse(tomllib.loads(text), source_name=NAME, folder=folder)
    except (ConfigError, ValueError) as error:
        raise ReadinessError(f"what was seen makes no valid file, write it by hand: {printable(str(error))}") from error
    return text, seen


def compose(seen: Seen, release: Path | None) -> str:
    """The text of a readiness.toml that claims what was seen."""
    environment = "local" if is_loopback(seen.url) else "production"
    lines = [
        "# Written by `readiness init` from what the hub showed. Confirm each line: it says what this deployment claims.",
        f"environment = {_toml(environment)}",
        "",
        "[target]",
        f"url = {_toml(seen.url)}",
        *_target_lines(seen, release),
        "",
        "[expect]",
        *_expect_lines(seen),
        *_unseen_lines(seen, release),
    ]
    for call in seen.calls:
        lines += ["", "[[expect.tool_call]]", *_call_lines(call)]
    return "\n".join(lines) + "\n"


def _target_lines(seen: Seen, release: Path | None) -> list[str]:
    lines = []
    if release is not None:
        lines.append(f"release = {_toml(str(release))}")
    elif seen.folder is not None:
        lines.append(f"# release = {_toml(seen.folder)}  # where the hub runs; needed for preflight")
    if seen.version is not None:
        lines.append(f"version = {_toml(seen.version)}")
    else:
        lines.append('# version = ""  # this hub publishes none')
    if seen.config is not None:
        lines.append(f"config = {_toml(_relative(seen.config, release))}")
    return lines


def _relative(config: str, release: Path | None) -> str:
    with contextlib.suppress(ValueError):
        if release is not None:
            return str(Path(config).relative_to(release))
    return config


def _expect_lines(seen: Seen) -> list[str]:
    lines = []
    for claim in _CLAIMS:
        found = seen.claims.get(claim)
        if found is True:
            lines.append(f"{claim} = true")
        elif isinstance(found, str):
            lines.append(f"{claim} = {{ expected = false, reason = {_toml(found)} }}")
        elif claim != _ANALYSIS:
            lines.append(f"# {claim} = true  # not known: {seen.unclear.get(claim, 'the hub does not say')}")
    if seen.servers:
        lines.append(f"servers = [{', '.join(_toml(name) for name in seen.servers)}]")
    else:
        lines.append('# servers = [""]  # the hub showed none: declare those it should have')
    return lines


def _unseen_lines(seen: Seen, release: Path | None) -> list[str]:
    """What this look could not have seen, as claims to confirm: checks of it are left out, with that reason."""
    unseen = {}
    if release is None:
        unseen["release"] = "no release tree was named (readiness init --release DIR)"
    if not is_loopback(seen.url):
        unseen["logs"] = "the hub runs on another host"
    elif seen.version is not None and seen.version.startswith("4.2."):
        unseen["logs"] = f"the log file of {seen.version} carries no levels"
    return [f"{claim} = {{ expected = false, reason = {_toml(why)} }}" for claim, why in unseen.items()]


def _call_lines(call: Call) -> list[str]:
    lines = [f"server = {_toml(call.server)}", f"tool = {_toml(call.tool)}"]
    if call.message is None:
        return [*lines, '# contains = ""  # what its answer must contain']
    return [*lines, f"arguments = {{ message = {_toml(call.message)} }}", f"contains = {_toml(call.message)}"]


def _toml(text: str) -> str:
    """`text` as a TOML basic string: JSON's escapes are a subset of TOML's, and nothing unprintable is left in it."""
    return json.dumps(printable(text), ensure_ascii=False)


def write(path: Path, text: str, *, force: bool) -> None:
    """Write `path` whole or not at all, and never over a file unless `force`. Raises ReadinessError."""
    if force:
        replace(path, text)
        return
    ready = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    replace(ready, text)
    try:
        os.link(ready, path)  # fails where a file is, even one that came this very moment
    except FileExistsError:
        raise ReadinessError(f"{path} is there already and was left as it is; --force replaces it") from None
    except OSError as error:
        raise ReadinessError(f"cannot write {path}: {error.strerror}") from None
    finally:
        ready.unlink(missing_ok=True)


def _summary(output: Path, text: str, seen: Seen) -> str:
    count = f"{len(seen.servers)} server{'' if len(seen.servers) == 1 else 's'}"
    version = f" {seen.version}" if seen.version else ""
    lines = [f"wrote {printable(str(output))}: MCP Hub{version} at {seen.url}, {count}", "", "confirm these lines:"]
    lines += [f"  {line}" for line in text.splitlines()[1:] if line]
    lines += ["", *(f"note: {note}" for note in seen.notes)] if seen.notes else []
    option = "" if output.name == NAME else f" --readiness-config {printable(str(output))}"
    return "\n".join([*lines, "", f"next: readiness check -m health{option}"]) + "\n"
