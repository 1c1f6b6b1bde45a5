"""The load's faults as Markdown."""

from __future__ import annotations

from typing import Final

from tests.faults.load import AFTERWARDS, GENERATORS, PROVES_NOTHING, SERVERS, WELL

HEAD: Final = """# The load's faults

Written by `python -m tests.faults load > docs/proof/load-faults.md` from the data in `tests/faults/load/`; a test asserts that it is current.
Each is a load run whose truth is known (unless it is said otherwise 100 requests/s for 30 s, answered in 10 ms), judged by the real
checks. What is not named has to pass. "Proves nothing": `load-evidence-is-valid` fails, and everything else is blocked by it.
"""
PARTS: Final = (
    ("Nothing is wrong", WELL),
    ("The server", SERVERS),
    ("Afterwards", AFTERWARDS),
    ("The generator", GENERATORS),
)


def markdown() -> str:
    """The whole page."""
    lines = [HEAD]
    for title, faults in PARTS:
        lines += [f"## {title}", "", "| fault | what happens | what is found |", "|---|---|---|"]
        for fault in faults:
            found = ", ".join(f"{check} {outcome}" for check, outcome in fault.expected.items()) or "all pass"
            told = "proves nothing" if fault.expected == PROVES_NOTHING else found
            lines.append(f"| {fault.name} | {fault.sentence} | {told} |")
        lines.append("")
    return "\n".join(lines)
