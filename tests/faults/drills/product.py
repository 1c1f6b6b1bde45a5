"""`python product.py FOLDER VERB …`: stands for `readiness` where a drill calls it, and does to the miniature hub what FOLDER/product says.

What the real one does is proven on a site; here it claims what a drill must not believe.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sys
import time
import urllib.request
from pathlib import Path

from readiness.operations.deploys import journal

PHASES = (("deploy", "passed"), ("ready", "passed"), ("verify", "failed"), ("rollback", "passed"))


class Product:
    """One call."""

    def __init__(self, folder: Path, argv: list[str]) -> None:
        self.folder, self.argv = folder, argv
        self.does = (folder / "product").read_text()
        self.reports = Path(argv[argv.index("--readiness-report") + 1])
        self.reports.mkdir(parents=True, exist_ok=True)

    def main(self) -> int:
        """Do it."""
        with (self.folder / "called").open("a") as file:
            file.write(" ".join(word for word in self.argv if "/" not in word) + "\n")
        if self.argv[0] == "rollback" or "--resume" in self.argv:
            if self.does != "cannot":
                self.place("old")
            self.journal()
            return 1
        if self.does == "aborts":
            return self.tell("ABORTED", PHASES[:1])
        self.place("new")
        if self.does == "dies":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.does == "rolls back":
            self.place("old")
        outcome = {"keeps": "KEPT", "waits": "HELD", "cannot": "ROLLBACK_FAILED", "doubts": "ROLLED_BACK_UNVERIFIED"}
        if self.does == "waits":
            (self.reports / "rollback-plan.json").write_text("{}")
        return self.tell(outcome.get(self.does, "ROLLED_BACK_VERIFIED"), PHASES[: 2 if self.does == "keeps" else 4])

    def place(self, name: str) -> None:
        """Let the link point to that release, and have the hub started anew from it."""
        (self.folder / "next").symlink_to(self.folder / "releases" / name)
        (self.folder / "next").replace(self.folder / "current")
        file = self.folder / "how.json"
        how = json.loads(file.read_text())
        file.write_text(json.dumps({**how, "missing": "memory" if name == "new" else None}))
        os.kill(int((self.folder / "starts").read_text().splitlines()[-1]), signal.SIGKILL)
        until = time.monotonic() + 5
        while not self.answers(how["port"]) and time.monotonic() < until:
            time.sleep(0.02)

    @staticmethod
    def answers(port: int) -> bool:
        """Whether a hub is there again."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def journal(self) -> None:
        """What a rollback leaves behind."""
        folder = self.reports / "rollback"
        folder.mkdir(exist_ok=True)
        book = journal.JournalFile(folder / "1.jsonl")
        book.write(journal.BEGIN, plan={})
        book.write(
            journal.OUTCOME, result="ROLLED_BACK_VERIFIED", because="proven", seconds={"act": 0.2, "verify": 0.1}
        )
        book.close()

    def tell(self, outcome: str, phases: tuple[tuple[str, str], ...]) -> int:
        """Write `release.json`."""
        now = dt.datetime.now(dt.UTC).isoformat()
        told = [{"name": name, "status": status, "seconds": 0.5, "detail": name} for name, status in phases]
        document = {
            "id": "1",
            "command": "",
            "exit": 1,
            "started": now,
            "finished": now,
            "outcome": outcome,
            "because": "so",
            "phases": told,
        }
        (self.reports / "release.json").write_text(json.dumps(document))
        return 1


if __name__ == "__main__":
    sys.exit(Product(Path(sys.argv[1]), sys.argv[2:]).main())
