"""`readiness.html`: one self-contained page that a tired person understands in ten seconds.

No script, no request, no style but its own: the Content-Security-Policy names the hash of the one style sheet. Every
text is escaped by Jinja2; the page is bounded in size whatever the report holds.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from readiness.results.render import wording as words
from readiness.results.render.page import cards
from readiness.results.render.page.bullet import measures
from readiness.results.render.page.inventory import inventory_rows
from readiness.results.render.page.load import load_view
from readiness.results.render.page.timeline import lasted, timeline
from readiness.results.render.page.trend import trend
from readiness.results.report import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    import jinja2

    from readiness.results.report import Report

TEMPLATES: Final = Path(__file__).with_name("templates")
_KINDS: Final = {"READY": "ready", "CONDITIONAL": "conditional", "NOT READY": "not-ready", "INCOMPLETE": "incomplete"}


def render(report: Report) -> str:
    """The whole page. Raises nothing for what a report holds; a fault in the template is a bug."""
    style, policy = _style()
    grouped = words.shape(report)
    page = cards.Page.of(report)
    told = cards.sections(grouped, page)
    return _template().render(
        report=report,
        kind=_KINDS.get(report.status, "incomplete"),
        style=style,
        policy=policy,
        grouped=grouped,
        first=cards.first(grouped),
        first_words=words.headline(grouped.first),
        gains=cards.gains(report, grouped),
        sections=told,
        rest=cards.rest(grouped, page),
        measures=measures(report.rows),
        facts=_facts(report),
        inventory=inventory_rows(report.inventory),
        load=load_view(report.load),
        release=timeline(report.release_run),
        trend=trend(report),
        call=call_path(report),
        at=page.at,
        filters=cards.filters(told),
        found_first=words.found_first(report, grouped),
        meaning=words.MEANING.get(report.decision, ""),
        scale=_scale(report),
        when=_moment(report.run.started),
    )


@functools.cache
def _template() -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        bytecode_cache=compiled_templates(),
    )
    environment.globals["words"] = words
    environment.filters["spans"] = _spans
    environment.filters["reachable"] = reachable
    environment.filters["moment"] = _moment
    environment.filters["day"] = lambda text: text[:16].replace("T", " ")
    environment.filters["minus"] = lambda text: text.replace("-", "\N{MINUS SIGN}")
    return environment.get_template("report.html.j2")


def compiled_templates() -> jinja2.BytecodeCache | None:
    """Compiled templates beside their source, as Python keeps its own: compiling the page anew costs 40 ms a run.

    None where Python may not write there either.
    """
    import jinja2

    folder = TEMPLATES / "__pycache__"
    if sys.dont_write_bytecode:
        return None
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return None
    return jinja2.FileSystemBytecodeCache(str(folder)) if os.access(folder, os.W_OK) else None


@functools.cache
def _style() -> tuple[Markup, str]:
    """The style sheet and the policy that allows it alone."""
    sheet = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return Markup(sheet), policy  # noqa: S704 - our own file, not text from a run


def _spans(text: str) -> list[tuple[str, str]]:
    """A remedy as (kind, text): `code` between backticks, `block` for indented lines, `text` for the rest."""
    spans: list[tuple[str, str]] = []
    prose: list[str] = []
    for line in [*text.split("\n"), None]:
        if line is not None and not line.startswith("    "):
            prose.append(line)
            continue
        if prose:
            pieces = " ".join(prose).split("`")
            spans += [("code" if i % 2 and i < len(pieces) - 1 else "text", p) for i, p in enumerate(pieces) if p]
            prose = []
        if line is not None and spans and spans[-1][0] == "block":
            spans[-1] = ("block", f"{spans[-1][1]}\n{line.strip()}")
        elif line is not None:
            spans.append(("block", line.strip()))
    return spans


def _moment(seconds: float) -> str:
    return iso(seconds)[:16].replace("T", " ") + " UTC"


def _facts(report: Report) -> list[tuple[str, str]]:
    run = report.run
    facts = [
        ("Target", report.target),
        ("Environment", report.environment),
        ("Declared hub", run.versions.get("hub", "")),
        ("Release", report.release),
        ("Started", _moment(run.started)),
        ("Took", lasted(run.seconds)),
        ("Asked", run.selection),
    ]
    return [(name, value) for name, value in facts if value]


def _scale(report: Report) -> dict[str, float]:
    """Numbers of the score's bar, in per cent of its length."""
    head, best = float(report.headline), float(report.best_case)
    ticks: Sequence[float] = (report.gate["conditional"], report.gate["ready"])
    return {"head": head, "score": float(report.score), "best": max(best, head), "low": ticks[0], "high": ticks[1]}


# --- whom to call: with numbers and addresses that a phone takes up at a touch -----------------------------------------

_REACH: Final = re.compile(
    r"(?P<mail>[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8})|(?P<tel>\+?[0-9][0-9 ()/-]{5,22}[0-9])"
)


def reachable(contact: str) -> list[tuple[str, str, str]]:
    """A contact as (kind, text, address): numbers to call and addresses to write to, where a phone can take them up."""
    parts: list[tuple[str, str, str]] = []
    at = 0
    for found in _REACH.finditer(contact):
        if found.start() > at:
            parts.append(("text", contact[at : found.start()], ""))
        text = found[0]
        if found["mail"]:
            parts.append(("mailto", text, text))
        else:
            parts.append(("tel", text, ("+" if text[0] == "+" else "") + re.sub(r"\D", "", text)))
        at = found.end()
    return [*parts, ("text", contact[at:], "")] if at < len(contact) else parts


def call_path(report: Report) -> list[dict[str, Any]]:
    """The path along which people are told, the person on call first; then contacts that are on no path."""
    path = [
        {"role": step.role, "contact": step.contact, "hears": step.hears, "due": step.due} for step in report.escalation
    ]
    on_path = {step["role"] for step in path}
    others = sorted(report.contacts.items(), key=lambda contact: contact[0] != "on_call")
    path += [
        {"role": role, "contact": contact, "hears": "", "due": False} for role, contact in others if role not in on_path
    ]
    return [step | {"name": str(step["role"]).replace("_", " ")} for step in path]
