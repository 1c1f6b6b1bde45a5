"""`python -m tests.project.make_sample`: the committed sample report, from runs on the embedded hub, and the picture of it in docs.

`--again` runs nothing: it renders the sample's page anew from its `readiness.json`, for a change of the page alone.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from readiness.results.render.page.html import render
from readiness.results.report import read
from tests.helpers.browser import chromium
from tests.helpers.page_runs import ROOT, broken_hub, run

SAMPLE: Final = ROOT / "reports" / "sample"
PICTURE: Final = ROOT / "docs" / "report.png"
PORT: Final = 47313
FAULTS: Final = ("", "wildcard-cors", "", "", "server-killed")
"""How the hub is broken in each run; the last one is the sample, those before it are its history."""
WIDE: Final = (1120, 860)


def make(folder: Path) -> None:
    """Run on one hub after another and keep what the last run wrote."""
    for fault in FAULTS:
        with broken_hub(PORT, fault):
            status = run(folder, "-m", "health", "--readiness-config", str(SAMPLE / "readiness.toml"))
        sys.stdout.write(f"{fault or 'a whole hub'}: exit {status}\n")
    shutil.copy(folder / "readiness.json", SAMPLE / "readiness.json")


def page() -> str:
    """The page of the sample's document."""
    return render(read(json.loads((SAMPLE / "readiness.json").read_text(encoding="utf-8"))))


def picture() -> None:
    """The first screen of the sample as a browser shows it."""
    width, height = WIDE
    with chromium() as browser:
        shown = browser.new_page(viewport={"width": width, "height": height}, color_scheme="light")
        shown.goto((SAMPLE / "readiness.html").as_uri(), timeout=20_000)
        shown.screenshot(path=str(PICTURE))
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    if "--again" not in sys.argv:
        with tempfile.TemporaryDirectory() as scratch:
            make(Path(scratch))
    (SAMPLE / "readiness.html").write_text(page(), encoding="utf-8")
    picture()
