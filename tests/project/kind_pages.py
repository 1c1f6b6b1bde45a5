"""The part of docs/kinds/ that says what a kind leaves out: `python -m tests.project.kind_pages` writes it anew."""

from __future__ import annotations

import collections
import re
import tempfile
from pathlib import Path
from typing import Final

from readiness.config import KINDS
from readiness.session.plan.planning import catalogue
from tests.facts.targets.test_kinds import configured, scope_of
from tests.sources import ROOT

FOLDER: Final = ROOT / "docs" / "kinds"
PAGES: Final = {name: FOLDER / f"{name}.md" for name in KINDS if not KINDS[name].is_hub}
_PART: Final = re.compile(r"(<!-- left out: [^\n]* -->\n).*?(<!-- end -->\n)", re.DOTALL)


def left_out(kind: str) -> str:
    """What no configuration of a kind can have judged, by the reason that a run gives, as a list."""
    with tempfile.TemporaryDirectory() as folder:
        scope = scope_of(configured(Path(folder), "http://127.0.0.1:9", kind))
        reasons = collections.defaultdict(list)
        for check, _ in catalogue():
            reasons[scope.adjust_check(check).not_applicable or ""].append(f"`{check.id}`")
    own = {reason: checks for reason, checks in reasons.items() if reason in KINDS[kind].lacks.values()}
    return "".join(f"- {reason}: {', '.join(sorted(own[reason]))}\n" for reason in sorted(own))


def current(text: str, kind: str) -> str:
    """The text of a kind's page with what it leaves out as it is now."""
    return _PART.sub(lambda match: f"{match[1]}\n{left_out(kind)}\n{match[2]}", text)


if __name__ == "__main__":
    for name, page in PAGES.items():
        page.write_text(current(page.read_text(encoding="utf-8"), name), encoding="utf-8")
