"""The provider's double answers as a provider does, and the demonstration's settings lead there."""

from __future__ import annotations

import socket
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest

from readiness import demo
from readiness.config.demo import NOBODY, demo_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def hub() -> Iterator[demo.DemoHub]:
    """One embedded hub, with the double beside it."""
    with demo.start() as running:
        yield running


def test_only_the_samples_key_is_valid(hub: demo.DemoHub) -> None:
    """The key that the settings' command resolves lists models; any other, or none, is refused."""
    settings = demo_settings(hub.release)
    url = settings["llm"]["base_url"]["openai"] + "/models"
    reference = "op://mcp-hub/openai/credential"
    argv = [*settings["secrets"]["resolve"], reference]
    key = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    good = httpx.get(url, headers={"authorization": f"Bearer {key}"})
    assert (good.status_code, "gpt-4o-mini" in [model["id"] for model in good.json()["data"]]) == (200, True)
    for headers in ({}, {"authorization": f"Bearer {key}x"}, {"authorization": reference}):
        assert httpx.get(url, headers=headers).status_code == 401
    assert httpx.get(url + "/nothing", headers={"authorization": f"Bearer {key}"}).status_code == 404


def test_nonsense_gets_no_answer_and_hurts_nobody(hub: demo.DemoHub) -> None:
    """A request with an endless head, or none at all, is dropped; the next one is answered."""
    url = httpx.URL(demo_settings(hub.release)["llm"]["base_url"]["openai"])
    for nonsense in (b"x" * 100_000, b"\r\n\r\n", b"GET"):
        with socket.create_connection((url.host, url.port or 0), timeout=5) as client:
            try:
                client.sendall(nonsense)
                client.shutdown(socket.SHUT_WR)
                client.recv(1000)
            except ConnectionError:
                continue
    assert httpx.get(f"{url}/models").status_code == 401


def test_what_is_written_about_ports_is_true(hub: demo.DemoHub) -> None:
    """The env file's PORT is where the hub listens, before and after it started."""
    assert f"PORT={hub.port}\n" in hub.env_file.read_text(encoding="utf-8")


def test_a_demonstration_without_its_note_asks_nobody(tmp_path: Path) -> None:
    """Whatever became of the note beside the release, a real provider is never asked."""
    for content in (None, "", "[]", "{}"):
        if content is not None:
            (tmp_path / "demo.json").write_text(content)
        assert demo_settings(tmp_path / "release")["llm"]["base_url"]["openai"] == NOBODY
