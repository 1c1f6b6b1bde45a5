"""`python -m readiness.demo.site.installed SITE`: the process of a hub that was deployed to a site, from the release that is current."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

from readiness.demo.hub.hub import EmbeddedHub
from readiness.demo.hub.server import HOST, run
from readiness.demo.llm.double import LlmDouble
from readiness.demo.scratch import Scratch
from readiness.demo.site.service import SETTINGS
from readiness.demo.supervisor import watch_parent


def main(argv: list[str]) -> int:
    """Run until told to end. A configuration that cannot be read ends it at once, as it ends a real hub."""
    site = Path(argv[0])
    watch_parent(os.getppid(), lambda: None)
    start = json.loads((site / SETTINGS).read_text(encoding="utf-8"))
    release = site / "current"
    version = json.loads((release / "package.json").read_text(encoding="utf-8"))["version"]
    scratch = Scratch(root=site, place="current")
    hub = EmbeddedHub(
        scratch.config_file, scratch.state_dir, port=start["port"], environment=os.environ, version=version
    )
    with _listener(start["port"]) as own, _listener(start["llm_port"]) as provider:
        run(hub, LlmDouble(provider, scratch.sample.key, site), own, scratch, kept=True)
    return 0


def _listener(port: int) -> socket.socket:
    # the protocol is named because asyncio turns Nagle's algorithm off only then
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(256)
    return listener


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
