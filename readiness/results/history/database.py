"""The history's SQLite database: what the runs' files say, a row a run, so that thousands are looked through without opening them.

The files are the truth. Whenever the database is opened it is compared with the folder: a row counts where its checksum is
right and its file still has the size and the time of the last change that the row names. Every other file is read again, and a
database that is damaged is made anew. Where it cannot be written, the same rows are held in memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
import stat
import zlib
from typing import TYPE_CHECKING, Any, Final, Self

from readiness.errors import ReadinessError
from readiness.results.history import store
from readiness.results.history.store import HistoryEntry, names_digest, plain_text, read_entry
from readiness.support import locks, one_line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

DATABASE: Final = "runs.sqlite3"
_VERSION: Final = 1
"""Of the tables below; a database of another version is made anew."""
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(HistoryEntry))
_TABLES: Final = f"""
    CREATE TABLE runs (
        file TEXT PRIMARY KEY, target TEXT, environment TEXT, selection TEXT, demo INTEGER, status TEXT, decision TEXT, id TEXT,
        started REAL, finished REAL, score REAL, headline REAL, p95_ms REAL, plan_hash TEXT, versions TEXT, names TEXT, outcomes TEXT,
        size INTEGER NOT NULL, changed INTEGER NOT NULL, checksum INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE names (digest TEXT PRIMARY KEY, checks TEXT NOT NULL) WITHOUT ROWID;
    PRAGMA user_version = {_VERSION};
"""
"""`runs`: the fields of HistoryEntry, all NULL but `file` where a file holds no run; `names`: JSON lists that runs share."""
_NAMES: Final = _FIELDS.index("names")
_INSERT: Final = "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DAMAGE: Final = frozenset(
    {None, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT}
)
"""What SQLite says of a file that is no database of ours; the rest (locked, read-only, full) says that it cannot be used now."""


class RunDatabase:
    """The runs of a history folder; a context manager, so that nobody waits for it longer than needed."""

    def __init__(self, folder: Path) -> None:
        """Open the database of `folder`, and bring it up to date with the files there. Raises nothing."""
        self.problem = ""
        """Why the database could not be used, so that the runs were read from their files; empty: it could."""
        self._folder = folder
        self._connection = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def entries(self) -> Iterator[HistoryEntry]:
        """All runs, newest first, one at a time in memory. Raises ReadinessError where the database is damaged meanwhile."""
        try:
            for row in self._connection.execute("SELECT * FROM runs WHERE status IS NOT NULL ORDER BY file DESC"):
                yield _entry(row)
        except sqlite3.Error as error:
            raise ReadinessError(f"the history changed while it was read ({one_line(error, 80)}); try again") from None

    def before(self, file: str, about: tuple[str, str, str, bool], limit: int) -> list[HistoryEntry]:
        """The last `limit` runs about the same as `about` whose files sort before `file`, newest first."""
        return self._comparable(file, about, None, limit)

    def last_ready(self, file: str, about: tuple[str, str, str, bool]) -> HistoryEntry | None:
        """The newest of those runs that was READY."""
        return next(iter(self._comparable(file, about, "READY", 1)), None)

    def names(self, digests: Collection[str]) -> dict[str, list[str]]:
        """The names of checks behind each of `digests`; what is nowhere is left out."""
        rows = {digest: self._rows("SELECT checks FROM names WHERE digest = ?", digest) for digest in digests}
        return {digest: json.loads(found[0][0]) for digest, found in rows.items() if found}

    def _comparable(
        self, file: str, about: tuple[str, str, str, bool], status: str | None, limit: int
    ) -> list[HistoryEntry]:
        target, environment, selection, demo = about
        rows = self._rows(
            "SELECT * FROM runs WHERE target = ? AND environment = ? AND selection = ? AND demo = ? AND file < ? "
            "AND status = ifnull(?, status) ORDER BY file DESC LIMIT ?",
            *(plain_text(target), plain_text(environment), plain_text(selection), int(demo), file, status, limit),
        )
        return [_entry(row) for row in rows]

    def _rows(self, statement: str, *values: str | int | None) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:  # damaged, or locked for long, since it was opened
            self._connection.close()
            self._connection = self._in_memory(error)
            return self._connection.execute(statement, values).fetchall()

    # --- opening ------------------------------------------------------------------------------------------------------

    def _open(self) -> sqlite3.Connection:
        path = self._folder / DATABASE
        files = store.run_files(self._folder)
        if not files:
            return _update(sqlite3.connect(":memory:", isolation_level=None), self._folder)
        with contextlib.suppress(sqlite3.Error):
            connection = _connect(path, "ro")
            with _closed_on_error(connection):
                if _is_current(connection, files):
                    return connection
                connection.close()
        with locks.locked(self._folder / store.LOCK, store.WAIT) as is_held:
            try:
                return _updated_file(path)
            except sqlite3.Error as error:
                # only who holds the lock replaces the file: another process may be making it anew
                if not (is_held and _is_damage(error) and _removed(path)):
                    return self._in_memory(error)
            try:
                return _updated_file(path)
            except sqlite3.Error as error:
                return self._in_memory(error)

    def _in_memory(self, problem: sqlite3.Error) -> sqlite3.Connection:
        self.problem = f"{self._folder / DATABASE} cannot be used ({one_line(problem, 80)}): the past runs were read from their own files, which takes longer"
        memory = sqlite3.connect(":memory:", isolation_level=None)
        try:
            with contextlib.closing(_connect(self._folder / DATABASE, "ro")) as readable:
                readable.backup(memory)
            return _update(memory, self._folder)
        except sqlite3.Error:
            memory.close()
            return _update(sqlite3.connect(":memory:", isolation_level=None), self._folder)


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open the file. Raises sqlite3.Error, also for what is no regular file: a pipe would be waited for."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise sqlite3.DatabaseError("it is no regular file")
    except OSError as error:
        if mode == "ro":
            raise sqlite3.OperationalError(error.strerror) from None
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(uri, uri=True, timeout=store.WAIT, isolation_level=None)
    with _closed_on_error(connection):
        # a loss of power may leave any mixture of old and new pages: checksums and the files themselves make up for it
        connection.execute("PRAGMA synchronous = OFF")
    return connection


def _updated_file(path: Path) -> sqlite3.Connection:
    connection = _connect(path, "rwc")
    with _closed_on_error(connection):
        return _update(connection, path.parent)


@contextlib.contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return (None if code is None else code & 0xFF) in _DAMAGE


def _removed(path: Path) -> bool:
    """Remove the database with its journal, the journal first: it would be played back into the next database."""
    try:
        for suffix in ("-journal", "-wal", "-shm", ""):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError:
        return False
    return True


# --- rows and files ---------------------------------------------------------------------------------------------------


def _is_current(connection: sqlite3.Connection, files: dict[str, tuple[int, int]]) -> bool:
    """Whether the database has a right row for each of `files`, and no other."""
    if connection.execute("PRAGMA user_version").fetchone() != (_VERSION,):
        return False
    current, others = _current(connection, files)
    return not others and len(current) == len(files)


def _current(connection: sqlite3.Connection, files: dict[str, tuple[int, int]]) -> tuple[set[str], list[str]]:
    """The files that have a right row, and the rows that are about no file, about a changed one, or damaged."""
    digests = {
        digest
        for digest, checks in connection.execute("SELECT digest, checks FROM names")
        if names_digest(_names(checks)) == digest
    }
    current: set[str] = set()
    others: list[str] = []
    for row in connection.execute("SELECT * FROM runs"):
        file, size, changed = row[0], row[-3], row[-2]
        has_names = row[_NAMES] is None or row[_NAMES] in digests
        if files.get(file) == (size, changed) and _checksum(row[:-1]) == row[-1] and has_names and file not in current:
            current.add(file)
        else:
            others.append(file)
    return current, others


def _update(connection: sqlite3.Connection, folder: Path) -> sqlite3.Connection:
    """Read the files that have no right row, and forget the rows that are about none. Raises sqlite3.Error."""
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != _VERSION:
        if version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise sqlite3.DatabaseError("it is a database of another version")
        for statement in _TABLES.split(";"):
            connection.execute(statement)
    files = store.run_files(folder)
    current, others = _current(connection, files)
    connection.executemany("DELETE FROM runs WHERE file = ?", ((file,) for file in others))
    for file in sorted(files.keys() - current):
        row, names = read_row(folder, file)
        if names is not None:
            connection.execute("INSERT OR REPLACE INTO names VALUES (?, ?)", (row[_NAMES], json.dumps(names)))
        row = (*row, *files[file])
        connection.execute(_INSERT, (*row, _checksum(row)))
    if others:
        connection.execute("DELETE FROM names WHERE digest NOT IN (SELECT names FROM runs WHERE names IS NOT NULL)")
    connection.execute("COMMIT")
    return connection


def read_row(folder: Path, file: str) -> tuple[tuple[Any, ...], list[str] | None]:
    """The row of a run from its file, and the names of its checks; empty, without names, where the file holds no run."""
    try:
        return entry_row(*read_entry(file, store.read_document(folder / file) or {}))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return (file, *(None for _ in _FIELDS[1:])), None


def entry_row(entry: HistoryEntry, names: list[str]) -> tuple[tuple[Any, ...], list[str]]:
    """The row of an entry, and its names."""
    values = {name: getattr(entry, name) for name in _FIELDS}
    values |= {"demo": int(entry.demo), "versions": json.dumps(dict(entry.versions))}
    return tuple(values.values()), names


def _entry(row: tuple[Any, ...]) -> HistoryEntry:
    values = dict(zip(_FIELDS, row, strict=False))
    return HistoryEntry(**values | {"demo": bool(values["demo"]), "versions": json.loads(values["versions"])})


def _names(checks: object) -> list[str]:
    """The names of checks that are kept as JSON; none where that is damaged."""
    with contextlib.suppress(ValueError, TypeError):
        return [str(name) for name in json.loads(str(checks))]
    return []


def _checksum(row: tuple[Any, ...]) -> int:
    return zlib.crc32(repr(row).encode("utf-8", "backslashreplace"))
