"""What `readiness load-worker` is told on its command line; plain Python, which the completion of shells reads too."""

from __future__ import annotations

import argparse


def worker_parser() -> argparse.ArgumentParser:
    """The parser of the worker that joins a run from elsewhere."""
    parser = argparse.ArgumentParser(
        prog="readiness load-worker",
        description="Join a distributed load run.",
        epilog="exit: 0 the run is over, 3 the master was lost, 4 a wrong call",
    )
    parser.add_argument("--master", required=True, metavar="HOST", help="where the run is led from")
    parser.add_argument("--port", required=True, type=int, metavar="P", help="the master's port ([load] port)")
    parser.add_argument("--locustfile", metavar="FILE", help="this machine's copy of the run's locustfile")
    return parser
