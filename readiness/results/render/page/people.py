"""Whom to call and in which order, with numbers and addresses that a phone takes up at a touch."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from readiness.results.report import Report

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
