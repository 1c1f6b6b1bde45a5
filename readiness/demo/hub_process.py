"""The process of the embedded hub: listens, says where in one line of JSON, and leaves nothing behind.

It ends when its standard input does (its parent is gone), and on Linux when the kernel says that the parent died.
Its scratch folder goes with it.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from readiness.demo.faults.table import find_all
from readiness.demo.hub.hub import EmbeddedHub
from readiness.demo.hub.server import run
from readiness.demo.hub.telemetry import BREAKER_REST
from readiness.demo.llm.double import LlmDouble
from readiness.demo.scratch import Scratch
from readiness.demo.supervisor import supervise, watch_parent

if TYPE_CHECKING:
    from readiness.demo.faults.fault import Fault, Life


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
            supervise(serve, lives, scratch)
        else:
            watch_parent(parent, scratch.remove)
            serve(first=True)
    # not after an exception: the parent reads what was written to standard error, and removes the folder itself
    scratch.remove()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="readiness.demo.hub_process")
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--listener", type=int, required=True)
    parser.add_argument("--llm-listener", type=int, required=True)
    parser.add_argument("--fault")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--breaker-rest", type=float, default=BREAKER_REST)
    parser.add_argument("--supervised", action="store_true")
    parser.add_argument("--token-env")
    parser.add_argument("--kind", default="mcp-hub")
    return parser


def _inherited(number: int) -> socket.socket:
    # the protocol is named because asyncio turns Nagle's algorithm off only then: without it every answer takes 44 ms
    return socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, fileno=number)


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
    hub = EmbeddedHub(
        scratch.config_file, scratch.state_dir, port=port, token=secret, breaker_rest=rest, kind=arguments.kind
    )
    llm = LlmDouble(provider, scratch.sample.key, scratch.root)
    for fault in faults:
        seconds = _seconds(fault, arguments.seconds)
        fault.hook(hub, seconds)
        if fault.llm is not None:
            llm.begin_with(fault.llm, seconds)
    run(hub, llm, listener, scratch, kept=arguments.supervised)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
