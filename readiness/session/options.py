"""The plugin's options: few, all `--readiness-*`. Declared once, for pytest's parser and for what is told and completed."""

from __future__ import annotations

from typing import Any, Final

OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "--readiness-config": {"metavar": "FILE", "help": "read FILE instead of the nearest readiness.toml"},
    "--readiness-report": {"metavar": "DIR", "help": "write reports to DIR (default: reports)"},
    "--readiness-demo": {"action": "store_true", "help": "judge the embedded hub and its sample release"},
    "--readiness-strict": {"action": "store_true", "help": "exit 10 when the verdict is CONDITIONAL"},
    "--readiness-drill": {"action": "store_true", "help": "allow checks that break things on purpose"},
}
