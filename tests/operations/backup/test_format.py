"""A manifest is untrusted: whatever stands in it, it is read as it was written or refused with a reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness.facts.backup.layout import (
    COMMIT,
    BackupEntry,
    FormatError,
    Manifest,
    instant,
    parse,
    printable,
    render_manifest,
    safe,
    seal,
)

FILE = BackupEntry(path="release/a b", kind="file", role="configuration", mode=0o640, size=3, sha256="a" * 64)
MANIFEST = Manifest(
    created="2025-11-16T10:15:00Z",
    commit="5f0c1d6a9b8e7c4d3f2a1b0c9d8e7f6a5b4c3d2e",
    version="4.3.0",
    roots={"release": "/opt/mcp-hub"},
    entries=(
        FILE,
        BackupEntry(path="release/logs", kind="folder", role="logs", mode=0o750),
        BackupEntry(path="release/logs/to\nday", kind="link", role="logs", target="\udcff"),
    ),
    skipped=(("release/pipe", "it is a pipe"),),
)


def changed(**more: Any) -> bytes:
    """The manifest with other values, sealed as its writer would."""
    document = json.loads(render_manifest(MANIFEST)) | more
    return json.dumps(document | {"seal": seal(document)}).encode("ascii")


def with_entry(**more: Any) -> bytes:
    """The manifest with its first entry changed; None takes a key away."""
    document = json.loads(render_manifest(MANIFEST))
    document["entries"][0] = {key: value for key, value in (document["entries"][0] | more).items() if value is not None}
    return changed(entries=document["entries"])


def test_what_is_written_is_read_again() -> None:
    """Every field survives, names that no encoding knows included; sizes and origins are derived."""
    found = parse(render_manifest(MANIFEST))
    assert found == MANIFEST
    assert (found.size, found.files, found.origin(FILE)) == (3, (FILE,), "/opt/mcp-hub/a b")
    assert COMMIT.fullmatch(str(found.commit))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON"),
        (b"\xff\xfe", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (render_manifest(MANIFEST)[:-40], "perhaps truncated"),
        (b"[]", "names no format"),
        (b"{}", "names no format"),
        (changed(format="tar"), "is not known here"),
        (render_manifest(MANIFEST).replace(b"4.3.0", b"4.3.1"), "its seal does not match"),
        (changed(commit=5), "commit is int, expected a text"),
        (changed(version=["4"]), "version is list, expected a text"),
        (changed(roots=[]), "roots must name absolute folders"),
        (changed(roots={"release": "opt"}), "roots must name absolute folders"),
        (changed(roots={"a/b": "/opt"}), "roots must name absolute folders"),
        (changed(roots={"..": "/opt"}), "roots must name absolute folders"),
        (changed(roots={"other": "/opt"}), "lies below no root"),
        (changed(entries={}), "must be a list"),
        (changed(entries=[1]), "an entry is int"),
        (with_entry(path="/etc/passwd"), "leads out of the backup"),
        (with_entry(path="release/../../x"), "leads out of the backup"),
        (with_entry(path="release/./x"), "leads out of the backup"),
        (with_entry(path="release//x"), "leads out of the backup"),
        (with_entry(path="release/x\0"), "leads out of the backup"),
        (with_entry(path="release/" + "x" * 5000), "leads out of the backup"),
        (with_entry(path=5), "leads out of the backup"),
        (with_entry(path="release/logs"), "is named twice"),
        (with_entry(path="release/logs/to\nday/x"), "which is no folder"),
        (with_entry(kind="device"), "of an unknown kind"),
        (with_entry(kind="link"), "leads nowhere"),
        (with_entry(size=-1), "has no size"),
        (with_entry(size=True), "has no size"),
        (with_entry(size=1.5), "has no size"),
        (with_entry(sha256="A" * 64), "has no SHA-256"),
        (with_entry(sha256=None), "has no SHA-256"),
        (with_entry(mode="rwx"), "has no mode"),
        (with_entry(role=5), "role is int"),
    ],
)
def test_what_cannot_be_trusted_is_refused(content: bytes, words: str) -> None:
    """Truncated, changed, of wrong types, or with paths that lead elsewhere: refused, with the reason."""
    with pytest.raises(FormatError, match=words):
        parse(content)


def test_modes_are_no_more_than_permissions() -> None:
    """A manifest cannot make a restore set the setuid bit, nor a time that no clock knows."""
    found = parse(with_entry(mode="6777", modified=float("inf")))
    assert (found.entries[0].mode, found.entries[0].modified) == (0o777, 0.0)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from(["created", "commit", "version", "roots", "entries", "skipped", "bytes"]), value=VALUES)
def test_no_value_breaks_the_reader(key: str, value: Any) -> None:
    """Any JSON value under any key gives a manifest or a FormatError, and every path of a manifest stays inside."""
    try:
        found = parse(changed(**{key: value}))
    except FormatError:
        return
    assert all(safe(entry.path) for entry in found.entries)


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=200))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    """What is no manifest is refused, never a crash."""
    with pytest.raises(FormatError):
        parse(content)


def test_times_and_names_are_read_for_people() -> None:
    """A time without a zone is none, since nobody knows where it was written; what is not printable is escaped."""
    assert instant("2025-11-16T10:15:00Z") == instant("2025-11-16T11:15:00+01:00")
    assert [instant(text) for text in ("2025-11-16T10:15:00", "yesterday", "")] == [None, None, None]
    assert printable("a\nb\u202e\x1b[0m") == "a\\nb\\u202e\\x1b[0m"
    assert printable(None) == "None"
