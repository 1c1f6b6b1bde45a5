"""One search for secrets over a list of files: bounded, each file once, every finding with its place.

What is found is never kept: file, line, kind and a fingerprint.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from readiness.facts.secretscan import heuristics
from readiness.facts.secretscan.stream_search import Hit, Needles, fingerprint, search_stream
from readiness.support import file_streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BUDGET: Final = 8 * 1024**3
"""Bytes searched in one place at most, unpacked: about a minute."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A secret where it should not be; `file` as it is shown, relative to the release where it lies below it."""

    file: str
    line: int | None
    """A line of the file, or of its `member` where it is an archive."""
    kind: str
    fingerprint: str
    member: str = ""
    doubt: str = ""
    """Why it is none, though it has the shape of one."""

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.member, self.line or "") if part)
        return f"{where}: {self.kind} (fingerprint {self.fingerprint}){': ' if self.doubt else ''}{self.doubt}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ScanResult:
    """The result of a search: `unread` could not be read, `skipped` holds no text.

    `files` were searched; `private` need not be. `nothing` says why there was nothing to search, where that is as it should be, `mistake` where it is not.
    """

    leaks: tuple[Leak, ...] = ()
    unread: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    files: int = 0
    size: int = 0
    private: int = 0
    doubtful: tuple[Leak, ...] = ()
    """What has the shape of a secret and is none, each with its reason: keys of tests, and those that `[secrets] known` names."""
    nothing: str = ""
    mistake: str = ""

    def __str__(self) -> str:
        if self.private and not self.files:
            return f"{self.private} files, which only their owner may read"
        private = f", and {self.private} that only their owner may read" if self.private else ""
        return self.nothing or f"{len(self.leaks)} secrets in {self.files} files{private}"


class _Bounded:
    """A stream that ends when its source fails or after `limit` bytes; `error` says why."""

    def __init__(self, source: Iterator[tuple[int, bytes]], limit: int) -> None:
        self._source, self._limit = source, limit
        self.size = 0
        self.error: OSError | None = None

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        try:
            for offset, piece in self._source:
                self.size += len(piece)
                yield offset, piece
                if self.size >= self._limit:
                    self.error = file_streams.Closed(f"searched up to byte {offset + len(piece)} only: it is enormous")
                    return
        except OSError as error:
            self.error = error


class FileScan:
    """One search over a list of files, each once however many links lead to it."""

    def __init__(
        self,
        listing: file_streams.Listing,
        needles: Needles,
        name: Callable[[Path], str],
        doubt: Callable[[str, str, bool], str] = lambda _path, _value, _issued: "",
    ) -> None:
        """`doubt`: why a value of a file is no secret, asked with whether it has an issuer's shape."""
        self.listing, self.needles, self.name, self.doubt = listing, needles, name, doubt
        self.leaks: list[Leak] = []
        self.unread, self.skipped = list(listing.unread), list(listing.skipped)
        self.files = self.size = 0
        self._seen: set[tuple[int, int]] = set()
        self._guesser = heuristics.Guesser()

    def run(self, *, guess: bool = False) -> None:
        """Search every file; `guess`: small texts also for literals under secret names."""
        for path in self.listing.files:
            if self.size >= BUDGET:
                self.unread.append(f"only {BUDGET // 1024**3} GiB of {len(self.listing.files)} files were searched")
                return
            try:
                self._file(path, guess=guess)
            except FileNotFoundError:
                continue  # rotated away meanwhile
            except OSError as error:
                self.unread.append(f"{self.name(path)}: {error.strerror or error}")

    def _file(self, path: Path, *, guess: bool) -> None:
        facts = path.stat()
        if (facts.st_dev, facts.st_ino) in self._seen:
            return
        self._seen.add((facts.st_dev, facts.st_ino))
        self.files += 1
        content = _Bounded(file_streams.pieces(path), BUDGET - self.size)
        shown = self.name(path)
        hits = search_stream(content, self.needles, doubt=lambda value: self.doubt(shown, value, True))  # noqa: FBT003
        self.size += content.size
        self.leaks += [self._leak(path, hit) for hit in hits]
        if guess and facts.st_size <= heuristics.SIZE_LIMIT:
            self._guess(path)
        if content.error:
            raise content.error

    def _leak(self, path: Path, hit: Hit) -> Leak:
        name, line = file_streams.locate(path, hit.offset)
        return Leak(
            file=self.name(path), line=line, kind=hit.kind, fingerprint=hit.fingerprint, member=name, doubt=hit.doubt
        )

    def _guess(self, path: Path) -> None:
        with file_streams.opened(path) as file:
            content = file.read(heuristics.SIZE_LIMIT) or b""
        for value, kind, line in self._guesser.guesses(path.name, content):
            if not search_stream([(0, value.encode())], self.needles):  # or it was found already, for what it is
                shown = self.name(path)
                why = self.doubt(shown, value, False)  # noqa: FBT003
                self.leaks.append(Leak(file=shown, line=line, kind=kind, fingerprint=fingerprint(value), doubt=why))

    def done(self) -> ScanResult:
        """What it came to."""
        return ScanResult(
            leaks=tuple(leak for leak in dict.fromkeys(self.leaks) if not leak.doubt),
            doubtful=tuple(leak for leak in dict.fromkeys(self.leaks) if leak.doubt),
            unread=tuple(self.unread),
            skipped=tuple(self.skipped),
            files=self.files,
            size=self.size,
        )
