"""Files as streams: holes, gzip, archives, what is no file, and flat memory."""

from __future__ import annotations

import gzip
import io
import os
import random
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

import pytest

from readiness.support import file_streams

if TYPE_CHECKING:
    from pathlib import Path


def content(path: Path) -> bytes:
    """Everything that a stream gives, holes as zeros."""
    found = bytearray()
    for offset, piece in file_streams.pieces(path):
        found.extend(b"\0" * (offset - len(found)))
        found += piece
    return bytes(found)


@pytest.mark.parametrize("size", [0, 1, file_streams.PIECE - 1, file_streams.PIECE, 2 * file_streams.PIECE + 5])
def test_plain_and_packed_files_give_their_content(size: int, tmp_path: Path) -> None:
    """Byte for byte, in several gzip members as rotated logs have them too."""
    data = random.Random(size).randbytes(size)
    (tmp_path / "plain").write_bytes(data)
    (tmp_path / "packed").write_bytes(gzip.compress(data[: size // 2]) + gzip.compress(data[size // 2 :]))
    assert content(tmp_path / "plain") == data
    assert content(tmp_path / "packed") == data


def test_holes_are_skipped(tmp_path: Path) -> None:
    """Of 4 GB with a word at each end, two pieces are read."""
    file = tmp_path / "sparse"
    with file.open("wb") as made:
        made.write(b"first")
        made.seek(4 * 1024**3)
        made.write(b"last")
    found = list(file_streams.pieces(file))
    assert sum(len(piece) for _, piece in found) < 3 * file_streams.PIECE
    assert found[-1][0] + found[-1][1].index(b"last") == 4 * 1024**3


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xfd7zXZ\0", b"BZh91AY", b"\x28\xb5\x2f\xfd"])
def test_other_compression_is_said(start: bytes, tmp_path: Path) -> None:
    """What is packed in another way is never taken for searched."""
    (tmp_path / "packed").write_bytes(start + b"x" * 50)
    with pytest.raises(file_streams.Closed, match="packed with"):
        content(tmp_path / "packed")


@pytest.mark.parametrize("damage", ["cut", "garbled", "header-only"])
def test_broken_gzip_is_said(damage: str, tmp_path: Path) -> None:
    """A compressed file that ends early or is damaged inside."""
    data = bytearray(gzip.compress(random.Random(1).randbytes(5000)))
    if damage == "garbled":
        data[2000:2100] = b"\xff" * 100
    (tmp_path / "log.gz").write_bytes(bytes(data[: {"cut": -500, "garbled": len(data), "header-only": 5}[damage]]))
    with pytest.raises(file_streams.Closed, match="gzip is broken"):
        content(tmp_path / "log.gz")


def test_a_walk_waits_for_nothing_and_follows_no_circle(tmp_path: Path) -> None:
    """Pipes, devices, sockets and links are named with their kind; files are found at any depth."""
    deep = tmp_path
    for _ in range(60):
        deep /= "d"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "up").symlink_to(tmp_path)
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    (tmp_path / "link").symlink_to(deep / "file")
    found = file_streams.walk(tmp_path)
    assert {path.name for path in found.files} == {"file", "link"}
    kinds = {text.rpartition("/")[2] for text in found.skipped}
    assert kinds == {
        "pipe (a pipe)",
        "loop (a link that leads nowhere)",
        "up (a link to a folder)",
        "null (a device)",
        "gone (a link that leads nowhere)",
    }
    assert found.unread == ()


def test_a_walk_from_a_link_a_file_or_nothing(tmp_path: Path) -> None:
    """The top itself may be a link to a folder or a file; one that is missing holds nothing."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert [path.name for path in file_streams.walk(tmp_path / "link").files] == ["a"]
    assert file_streams.walk(tmp_path / "real" / "a").files == (tmp_path / "real" / "a",)
    assert file_streams.walk(tmp_path / "missing") == file_streams.Listing(files=())


def test_a_pipe_in_a_files_place_does_not_hang(tmp_path: Path) -> None:
    """A file that became a pipe after it was listed is refused at once."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(file_streams.Closed, match="a pipe"):
        content(tmp_path / "pipe")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_said(tmp_path: Path) -> None:
    """A closed folder is named."""
    (tmp_path / "closed").mkdir(mode=0)
    assert [text for text in file_streams.walk(tmp_path).unread if "closed: Permission denied" in text]


def test_names_are_shown_on_one_line() -> None:
    """Line breaks, escapes and undecodable bytes are written out."""
    assert file_streams.printable_path("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert file_streams.printable_path(os.fsdecode(b"x\xff")) == "x\\udcff"
    assert file_streams.printable_path("plain é.log") == "plain é.log"


def archive(path: Path, members: dict[str, bytes], mode: str) -> None:
    """A tar file."""
    with tarfile.open(path, mode) as made:  # type: ignore[call-overload]
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_places_in_archives_have_member_and_line(mode: str, tmp_path: Path) -> None:
    """The member's own line is told, also behind empty members and long names."""
    members = {"empty": b"", "n" * 150: b"1\n2\n", "dir/env": b"A=1\nB=2\nC=needle\n"}
    archive(tmp_path / "a.tar", members, mode)
    offset = content(tmp_path / "a.tar").index(b"needle")
    assert file_streams.locate(tmp_path / "a.tar", offset) == ("dir/env", 3)


def test_places_in_plain_files_have_lines(tmp_path: Path) -> None:
    """Lines are counted from 1, across pieces and holes."""
    file = tmp_path / "log"
    file.write_bytes(b"x\n" * file_streams.PIECE + b"needle")
    assert file_streams.locate(file, 0) == ("", 1)
    assert file_streams.locate(file, 2 * file_streams.PIECE) == ("", file_streams.PIECE + 1)
    assert file_streams.locate(tmp_path / "gone", 5) == ("", None)


def test_a_header_that_announces_gigabytes_costs_nothing(tmp_path: Path) -> None:
    """An archive whose extended header claims 4 GB has no member to name, and is not read into memory."""
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 4 * 1024**3
    (tmp_path / "a.tar").write_bytes(header.tobuf(tarfile.USTAR_FORMAT) + b"needle" * 1000)
    assert file_streams.locate(tmp_path / "a.tar", 600)[0] == ""


# VmHWM starts anew with the program; the maximum that getrusage gives holds the parent's, which is pytest
MEASURE = """
import re, sys
from pathlib import Path
from readiness.support import file_streams
from readiness.facts.secretscan.stream_search import Needles, search_stream
needles = Needles({"no-such-value-" + str(n): "v" for n in range(12)})
peak = lambda: int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1])
before = peak()
for path in file_streams.walk(Path(sys.argv[1])).files:
    search_stream(file_streams.pieces(path), needles)
print(before, peak())
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/status")
def test_memory_stays_flat(tmp_path: Path) -> None:
    """A gzip that unpacks to 60 MB, a line of 6 MB and a hole cost a few pieces, and the process stays below 150 MB."""
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=1) as packed:
        for _ in range(60):
            packed.write(b"\0" * 1_000_000)
    (tmp_path / "line").write_bytes(b"sk-" * 2_000_000)
    with (tmp_path / "hole").open("wb") as made:
        made.truncate(2 * 1024**3)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path], capture_output=True, text=True, timeout=60, check=True
    )
    before, after = (int(number) / 1024 for number in done.stdout.split())
    assert after - before < 20
    assert after < 150
