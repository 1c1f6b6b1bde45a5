"""`readiness demo`, also `python -m readiness.demo`: an embedded hub in the foreground until Ctrl-C, or a bad deploy on a site."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from readiness.demo.faults.table import FAULTS, DemoError, find_all
from readiness.demo.launcher import start

if TYPE_CHECKING:
    from readiness.demo.launcher import DemoHub

LOOK = 0.5
"""Seconds between two looks at the process."""


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 after Ctrl-C or SIGTERM, 1 when the hub ended by itself, 2 for a wrong option or a failed start.

    With --release: 0 where the bad deploy was caught and its rollback verified, 1 where not.
    """
    arguments = _parser().parse_args(argv)
    if arguments.list_faults:
        width = max(map(len, FAULTS))
        sys.stdout.writelines(f"{fault.name:<{width}}  {_sentence(fault.name)}\n" for fault in FAULTS.values())
        return 0
    try:
        if arguments.release is not None:
            from readiness.demo.site import bad_deploy

            return bad_deploy.main(arguments.release)
        hub = start(
            arguments.fault,
            port=arguments.port,
            seconds=arguments.seconds,
            token_env=arguments.token_env,
            supervised=arguments.supervised,
            kind=arguments.kind,
        )
    except DemoError as error:
        sys.stderr.write(f"readiness demo: {error}\n")
        return 2
    with hub:
        return _watch(hub, arguments.kind)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="readiness demo",
        description="Runs an embedded MCP Hub to try things on.",
        epilog="exit: 0 stopped by you, 1 the hub ended by itself, 2 a wrong option or a failed start, 4 a part is not installed",
    )
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--fault", metavar="FAULT", help="break it in a named way, or several: FAULT,FAULT")
    parser.add_argument("--supervised", action="store_true", help="replace its process when it ends")
    parser.add_argument("--seconds", type=float, metavar="S", help="for faults that wait or last")
    parser.add_argument(
        "--kind",
        choices=("mcp", "bridge"),
        help="what answers: a plain MCP server, or a bridge before one (default: a hub)",
    )
    parser.add_argument("--token-env", metavar="VARIABLE", help="demand this variable's value as bearer token")
    parser.add_argument(
        "--release",
        nargs="?",
        const="one-server",
        choices=("one-server", "dies-at-start"),
        help="deploy a bad release to a scratch site, and see it caught, rolled back and verified (default: one-server)",
    )
    parser.add_argument("--list-faults", action="store_true", help="list the names and end")
    return parser


def _sentence(name: str) -> str:
    fault = FAULTS[name]
    return fault.sentence.replace("SECONDS", f"{fault.seconds:g} s") if fault.seconds else fault.sentence


def _watch(hub: DemoHub, kind: str | None) -> int:
    def leave(_signal: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        sys.stdout.write(_greeting(hub) if kind is None else _greeting_of(hub, kind))
        sys.stdout.flush()
        while True:
            try:
                hub.process.wait(LOOK)
            except subprocess.TimeoutExpired:
                continue
            sys.stderr.write("the embedded hub has ended by itself\n")
            return 1
    except KeyboardInterrupt:
        sys.stdout.write("\nstopped\n")
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)


def _greeting(hub: DemoHub) -> str:
    broken = "".join(f"broken as asked: {one.name}: {_sentence(one.name)}\n" for one in find_all(hub.fault))
    return (
        f"an embedded MCP Hub listens on {hub.url} (pid {hub.pid}), for demonstration only\n{broken}"
        "try:\n"
        f"  curl {hub.url}/api/health\n"
        f"  MCP_HUB_URL={hub.url} MCP_HUB_RELEASE={hub.release} readiness check -m health\n"
        "  readiness demo --list-faults\n"
        "Ctrl-C ends it and removes all it wrote.\n"
    )


def _greeting_of(hub: DemoHub, kind: str) -> str:
    what = {"mcp": "MCP server", "bridge": "MCP bridge"}[kind]
    broken = "".join(f"broken as asked: {one.name}: {_sentence(one.name)}\n" for one in find_all(hub.fault))
    return (
        f"an embedded {what} listens on {hub.url}/mcp (pid {hub.pid}), for demonstration only\n{broken}"
        "try:\n"
        f"  readiness init --url {hub.url}/mcp\n"
        "  readiness check\n"
        "Ctrl-C ends it and removes all it wrote.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
