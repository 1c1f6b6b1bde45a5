"""Renderings: one input, the Report; they compute no verdict and set no exit code.

Each is imported where it is used: a run that writes no HTML never loads Jinja2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.results.render.machine.github import commands
    from readiness.results.render.machine.junit import add_verdict
    from readiness.results.render.machine.nagios import UNKNOWN, nagios_status, render, status_line
    from readiness.results.render.page import runs
    from readiness.results.render.pytest_html import HtmlShield, summary_line
    from readiness.results.render.renewal import renew
    from readiness.results.render.terminal import lines
    from readiness.results.render.write import (
        DEFAULT,
        FILES,
        FORMATS,
        LOCK,
        _rendered,
        add_to_summary,
        made,
        surroundings,
        write_all,
    )
else:
    __all__, __getattr__ = front_door(__name__, __file__)
