"""The places that are searched for secrets: configuration, tracked files, logs, backups. No value found is ever shown.

A search says what it found, what it could not look into, and what it left alone; it does not judge.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import re
import stat
from typing import TYPE_CHECKING, Final

from readiness.facts.deployment import hub_config, hub_folders
from readiness.facts.release import Git, Release, SecretResolver
from readiness.facts.secretscan import heuristics, made_up
from readiness.facts.secretscan.known_secrets import KnownSecrets, gather_known_secrets
from readiness.facts.secretscan.scanner import FileScan, Leak, ScanResult
from readiness.facts.secretscan.stream_search import SHORTEST, Needles, fingerprint
from readiness.support import child_process, file_reading, file_streams, printable_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from readiness.config import Config
    from readiness.facts.release import GitTimeouts

_CONFIGURATIONS: Final = (
    *("mcp-servers.json", "mcp.json", ".mcp.json", ".vscode/mcp.json", ".cursor/mcp.json", "config.json", ".npmrc"),
    *("docker-compose.yml", "docker-compose.yaml", "compose.yml", "compose.yaml", "Dockerfile", "ecosystem.config.js"),
)
"""Files of a release that configure it, beside its hub configuration and what lies with that."""
_LOG: Final = re.compile(r"\.log(?:[.-][\w.-]*)?$|^nohup\.out$|\.out$|\.(?:log|out)\.gz$")
_OUTSIDE: Final = frozenset({".git", "node_modules", "logs", "log"})
"""Folders that are not the release's own text where no git says what is."""


class SecretSearch:
    """The searches over one deployment; what is known is gathered once."""

    def __init__(
        self, config: Config, resolver: SecretResolver | None = None, silence: GitTimeouts | None = None
    ) -> None:
        self.config, self.silence = config, silence
        self.resolver = resolver or SecretResolver(config)

    @functools.cached_property
    def known(self) -> KnownSecrets:
        """The values that are looked for."""
        return gather_known_secrets(self.config, self.resolver)

    @functools.cached_property
    def needles(self) -> Needles:
        """The same in all their encodings."""
        return Needles(self.known.values)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What every search leaves out."""
        short = self.needles.short
        words = f"{short} of the known values have fewer than {SHORTEST} characters and were not looked for"
        return (words,) if short else ()

    @property
    def root(self) -> Path:
        """The release tree. Raises Unreadable."""
        root = self.config.target.release
        if root is None:
            raise file_reading.Unreadable("no [target] release: there is no tree to search", "untold")
        if not root.is_dir():
            raise file_reading.Unreadable(f"{root} is no folder that can be looked into", "missing", root)
        return root

    def configuration(self) -> ScanResult:
        """The hub's configuration, what lies in its folder, and what else configures the release. Raises Unreadable."""
        file = Release(self.root, self.config).config_files()[-1]
        listing = file_streams.walk(file.parent) if file.parent != self.root else file_streams.walk(file)
        others = [self.root / name for name in _CONFIGURATIONS]
        files = dict.fromkeys([*listing.files, *(path for path in others if path.is_file())])
        work = self._work(file_streams.Listing(files=tuple(files), skipped=listing.skipped, unread=listing.unread))
        work.run(guess=True)
        work.leaks += list(self._literals(file, work))
        return self._done(work)

    def _literals(self, file: Path, work: FileScan) -> Iterator[Leak]:
        """Literals under secret names in the parsed configuration that no other search found in this file."""
        try:
            data = hub_config.read_files((file,)).data
            lines = file_reading.text(file).splitlines()
        except file_reading.Unreadable:
            return
        seen = {leak.fingerprint for leak in work.leaks}
        for path, _, value in heuristics.secret_literals(data):
            mark = fingerprint(value)
            if mark not in seen:
                seen.add(mark)
                line = next((number for number, text in enumerate(lines, 1) if value in text), None)
                yield Leak(file=self._name(file), line=line, kind=f"a literal {path}", fingerprint=mark)

    def tracked(self) -> ScanResult:
        """What git tracks; without git every text of the release. The env file itself is another check's business."""
        try:
            names = Git(self.root, self.silence).tracked()
        except child_process.ToolNotInstalled:
            if any(file_reading.exists(folder / ".git") for folder in (self.root, *self.root.resolve().parents)):
                raise
            listing = self._tree()
        except file_reading.Unreadable as error:
            if error.why != "untold":
                raise
            listing = self._tree()
        else:
            lost = tuple(f"{printable_path(name)}: its name is no UTF-8" for name in names if "\ufffd" in name)
            listing = _regular(self.root / name for name in names)
            listing = dataclasses.replace(listing, unread=(*listing.unread, *lost))
        own = self.config.target.environment_file
        work = self._work(
            dataclasses.replace(listing, files=tuple(f for f in listing.files if own is None or f != own)),
            lambda path, value, issued: made_up.doubt(path, value, issued=issued),
        )
        work.run(guess=True)
        return self._done(work)

    def _tree(self) -> file_streams.Listing:
        parts = [
            file_streams.walk(path)
            for path in sorted(self.root.iterdir())
            if path.name not in _OUTSIDE and path not in self.config.target.backups_dirs
        ]
        return _together(parts)

    def logs(self, is_running: Callable[[], bool] = lambda: False) -> ScanResult:
        """The release's log folder and files, and the hub's own log in its state folder; `is_running`: a hub answers."""
        places = [path for name in ("logs", "log") if (path := self.root / name).is_dir()]
        places += sorted(path for path in self.root.iterdir() if _is_log(path.name) and not path.is_dir())
        state = hub_folders.state(self.config)
        if state is not None and (state / "logs").is_dir():
            places.append(state / "logs")
        work = self._work(_together([file_streams.walk(path) for path in places]))
        work.run()
        return self._doubted(self._done(work), state, is_running)

    def _doubted(self, result: ScanResult, state: Path | None, is_running: Callable[[], bool]) -> ScanResult:
        """What a search of logs proves: nothing where the hub's own were not met, unless no hub has run here yet."""
        is_there, configured = state is not None and state.is_dir(), self.config.target.state is not None
        if (is_there or not configured) and result.files:
            return result
        running = is_running()
        if not is_there and (running or not result.files):
            named = "[target] state names" if configured else "the hub would keep its log below"
            where = f"{named} {state}, which is not there" if state else "where the hub keeps its log is not known"
            return dataclasses.replace(result, mistake=f"{where}: correct [target] state")
        if is_there and not running and not result.unread:
            return dataclasses.replace(result, nothing=f"no log yet: {state} holds none, and no hub is running")
        return result

    def backups(self) -> ScanResult:
        """Files of the backups that others may read; one that is private may hold secrets in clear."""
        folder = self.config.target.backups_dir
        folders = [one for one in self.config.target.backups_dirs if file_reading.exists(one)]
        if not folders:
            where = f"{folder} is not there" if folder else "where backups are is not known"
            return ScanResult(mistake=f"{where}: correct [target] backups, or make one with `readiness backup`")
        listing = _together([file_streams.walk(one) for one in folders])
        exposed = tuple(
            path for path in listing.files if any(path.is_relative_to(one) and _exposed(path, one) for one in folders)
        )
        work = self._work(dataclasses.replace(listing, files=exposed))
        work.run()
        return dataclasses.replace(self._done(work), private=len(listing.files) - len(exposed))

    def _work(
        self, listing: file_streams.Listing, doubt: Callable[[str, str, bool], str] = lambda _path, _value, _issued: ""
    ) -> FileScan:
        return FileScan(listing, self.needles, self._name, doubt)

    def _done(self, work: FileScan) -> ScanResult:
        """What a search came to; what `[secrets] known` names by its fingerprint is no leak until that expires."""
        result, today = work.done(), dt.datetime.now(dt.UTC).date()
        known = {one.fingerprint: one for one in self.config.secrets.known}
        leaks, allowed = [], []
        for leak in result.leaks:
            one = known.get(leak.fingerprint)
            if one is None:
                leaks.append(leak)
            elif one.expires < today:
                leaks.append(dataclasses.replace(leak, kind=f"{leak.kind}, allowed until {one.expires}"))
            else:
                why = f"allowed until {one.expires} by {one.owner}: {one.reason}"
                allowed.append(dataclasses.replace(leak, doubt=why))
        return dataclasses.replace(result, leaks=tuple(leaks), doubtful=(*allowed, *result.doubtful))

    def _name(self, path: Path) -> str:
        root = self.config.target.release
        if root is not None and path.is_relative_to(root):
            return printable_path(path.relative_to(root))
        return printable_path(path)


def _together(parts: Iterable[file_streams.Listing]) -> file_streams.Listing:
    """Several listings as one."""
    listings = list(parts)
    return file_streams.Listing(
        files=tuple(file for one in listings for file in one.files),
        skipped=tuple(text for one in listings for text in one.skipped),
        unread=tuple(text for one in listings for text in one.unread),
    )


def _regular(paths: Iterable[Path]) -> file_streams.Listing:
    """Those of `paths` that are regular files themselves: a tracked link is a path, not a content."""
    files, skipped = [], []
    for path in paths:
        try:
            mode = path.lstat().st_mode
        except OSError:
            continue  # deleted, and not committed yet
        if stat.S_ISREG(mode):
            files.append(path)
        elif stat.S_ISLNK(mode):
            skipped.append(f"{printable_path(path)} (a link)")
    return file_streams.Listing(files=tuple(files), skipped=tuple(skipped))


def _is_log(name: str) -> bool:
    return _LOG.search(name) is not None


def _exposed(path: Path, top: Path) -> bool:
    """Whether others may read the file, going by its mode and those of the folders from `top` down to it.

    Folders above `top` do not count: a copy of the backups is as private as it was made.
    """
    try:
        if not path.stat().st_mode & stat.S_IROTH:
            return False
        folders = [top, *(folder for folder in path.parents if top in folder.parents)]
        return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders if folder.is_dir())
    except OSError:
        return True
