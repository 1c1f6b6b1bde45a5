"""The process of the embedded hub: listens, says where in one line of JSON, and leaves nothing behind.

It ends when its standard input does (its parent is gone), and on Linux when the kernel says that the parent died.
Its scratch folder goes with it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from readiness.demo.faults.faults import find_all
from readiness.demo.hub.app import make_app
from readiness.demo.hub.hub import Hub
from readiness.demo.hub.telemetry import BREAKER_REST
from readiness.demo.lifeline import watch_parent
from readiness.demo.llm.llm import LlmDouble
from readiness.demo.scratch import Scratch

if TYPE_CHECKING:
    from types import FrameType

    from readiness.demo.faults.named import Fault, Life

HOST = "127.0.0.1"
BACKLOG = 256
"""Connections that wait to be accepted at most."""


def main(argv: list[str]) -> int:
    """Runs until it is told to end; exit status 0, as a hub's."""
    arguments = _parser().parse_args(argv)
    scratch = Scratch(root=Path(arguments.scratch))
    faults = find_all(arguments.fault)
    lives: dict[Life, float] = {
        fault.life: _seconds(fault, arguments.seconds) for fault in faults if fault.life != "own"
    }
    if arguments.supervised:
        lives.setdefault("kept", 0.0)
    parent = os.getppid()
    with _inherited(arguments.listener) as listener, _inherited(arguments.llm_listener) as provider:

        def serve(*, first: bool) -> None:
            _serve(listener, provider, scratch, [fault for fault in faults if first or not fault.once], arguments)

        if lives:
            from readiness.demo.supervisor import supervise

            supervise(serve, lives, scratch)
        else:
            watch_parent(parent, scratch.remove)
            serve(first=True)
    # not after an exception: the parent reads what was written to standard error, and removes the folder itself
    scratch.remove()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="readiness.demo.child")
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--listener", type=int, required=True)
    parser.add_argument("--llm-listener", type=int, required=True)
    parser.add_argument("--fault")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--breaker-rest", type=float, default=BREAKER_REST)
    parser.add_argument("--supervised", action="store_true")
    parser.add_argument("--token-env")
    return parser


def _inherited(number: int) -> socket.socket:
    # the protocol is named because asyncio turns Nagle's algorithm off only then: without it every answer takes 44 ms
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=number)


class _Server(uvicorn.Server):
    """Says where it listens, and ends at once when it is told to: as a real hub it drops calls in flight."""

    def __init__(self, config: uvicorn.Config, port: int, scratch: Scratch, llm: LlmDouble, *, kept: bool) -> None:
        super().__init__(config)
        self._port, self._scratch, self._llm, self._kept = port, scratch, llm, kept

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        if not self._kept:  # whatever follows it lives in the same folder
            self._scratch.remove()
        os._exit(0)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        await self._llm.start()
        if not self.started:
            raise SystemExit(1)
        # from here on a stream that breaks off is what some faults are for: uvicorn's tracebacks would bury real ones
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        line = {"url": f"http://{HOST}:{self._port}", "pid": os.getpid(), "port": self._port}
        # a worker that replaces another speaks to nobody: the parent has read its line and may have closed the pipe
        with contextlib.suppress(BrokenPipeError, ValueError):
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


def _seconds(fault: Fault, given: float | None) -> float:
    return given if given is not None and fault.seconds is not None else fault.seconds or 0.0


def _serve(
    listener: socket.socket,
    provider: socket.socket,
    scratch: Scratch,
    faults: list[Fault],
    arguments: argparse.Namespace,
) -> None:
    port = int(listener.getsockname()[1])
    secret = os.environ.get(arguments.token_env) if arguments.token_env else None
    rest = arguments.breaker_rest
    hub = Hub(scratch.config_file, scratch.state_dir, port=port, token=secret, breaker_rest=rest)
    llm = LlmDouble(provider, scratch.sample.key, scratch.root)
    for fault in faults:
        seconds = _seconds(fault, arguments.seconds)
        fault.hook(hub, seconds)
        if fault.llm is not None:
            llm.begin_with(fault.llm, seconds)
    run(hub, llm, listener, scratch, kept=arguments.supervised)


def run(hub: Hub, llm: LlmDouble, listener: socket.socket, scratch: Scratch, *, kept: bool) -> None:
    """Answers for `hub` until its process is told to end; `kept`: its folder stays then."""
    config = uvicorn.Config(
        make_app(hub),
        interface="asgi3",
        proxy_headers=False,
        http="h11",
        ws="none",
        loop="asyncio",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=30,
    )
    _Server(config, hub.port, scratch, llm, kept=kept).run(sockets=[listener])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
