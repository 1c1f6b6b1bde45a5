"""Parts of the reporting boundary on their own: reports, streams, log records."""

from __future__ import annotations

import io
import json
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from readiness.session.shield import FilteredStream, Streams, clean_report, portable
from readiness.support.redaction.redactor import Redactor

TOKEN = "CanAry7f3aQ9zLm2Xk8Rt5Vw1Yb6Nc4Pd0HgJ"


def test_reports_keep_the_finding_and_lose_what_cannot_travel() -> None:
    """The finding passes as it was made; Enums, surrogates and foreign objects beside it become plain texts."""
    finding = json.dumps({"reason": "x" * 300_000})
    data = {
        "nodeid": "a::b",
        "readiness": finding,
        "longrepr": "bad \ud800",
        "user_properties": [("path", Path("x"))],
        "extras": [{"format_type": "image", "content": "A" * 300_000, "name": TOKEN}],
    }
    sent = portable(data, Redactor({"T": TOKEN}))
    assert sent["readiness"] == finding
    assert sent["longrepr"] == "bad \\ud800"
    assert sent["user_properties"] == [("path", "x")]
    assert sent["extras"] == [{"format_type": "image", "content": "A" * 300_000, "name": "«redacted:T»"}]


def test_a_report_that_cannot_be_redacted_is_withheld() -> None:
    """Rather no explanation than one that nobody looked at."""

    class Stubborn:
        def __init__(self) -> None:
            self.text = TOKEN

        def toterminal(self, writer: object) -> None:
            raise NotImplementedError

        def __str__(self) -> str:
            raise RuntimeError(self.text)

        def __setattr__(self, name: str, value: object) -> None:
            object.__setattr__(self, name, TOKEN)

    report = pytest.CollectReport("x", "failed", Stubborn(), [], [("out", TOKEN)], note=[TOKEN])  # type: ignore[arg-type]
    clean_report(report, Redactor({"T": TOKEN}))
    assert "withheld" in str(report.longrepr)
    assert report.sections == [("out", "«redacted:T»")]
    assert report.note == ["«redacted:T»"]


def test_a_stream_waits_for_whole_secrets() -> None:
    """Lines are held until complete, private keys until they end, prompts not at all; bytes take the same way."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    stream = FilteredStream(out, Redactor({"T": TOKEN}).text, by_line=True)

    def shown() -> str:
        return out.buffer.getvalue().decode()  # type: ignore[attr-defined,no-any-return]

    stream.write(TOKEN[:20])
    stream.flush()
    assert shown() == ""
    stream.write(TOKEN[20:] + "\nGo on? ")
    stream.flush()
    assert shown() == "\\xabredacted:T\\xbb\nGo on? "
    stream.writelines(["-----BEGIN PRIVATE KEY-----\n", "MIIEvQIBADANBg\n", "AASCBKcwggSj\n"])
    assert "MIIE" not in shown()
    stream.writelines(["-----END PRIVATE KEY-----\n", "after\n"])
    stream.buffer.write(TOKEN.encode() + b" bytes")
    stream.drain()
    assert shown().endswith("\\xabredacted:private-key\\xbb\nafter\n\\xabredacted:T\\xbb bytes")
    stream.write("z" * 70_000)
    assert len(shown()) > 60_000


def test_everything_is_put_back() -> None:
    """After a run the process has its own streams and log records again."""
    before = (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__, logging.getLogRecordFactory())
    nothing = SimpleNamespace(pluginmanager=SimpleNamespace(getplugin=lambda name: None))
    streams = Streams(Redactor({"T": TOKEN}))
    streams.install(nothing)  # type: ignore[arg-type]
    try:
        assert sys.stdout is not before[0]
        record = logging.getLogger("x").makeRecord("x", 30, "f", 1, "%s and %d", (TOKEN, 3), None)
        assert record.getMessage() == "«redacted:T» and 3"
        clean = logging.getLogger("x").makeRecord("x", 30, "f", 1, "%s", ("hub",), None)
        assert clean.args == ("hub",)
    finally:
        streams.restore()
    assert (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__, logging.getLogRecordFactory()) == before
