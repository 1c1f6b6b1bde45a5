"""What to send, when, and within which bounds: the plan, read from JSON and refused with the key's path.

Plain Python, without gevent. The exact binomial bound of an early end stands here too.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.loadgen import arrivals

if TYPE_CHECKING:
    from collections.abc import Mapping

BODY_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of one answer that are taken; a hub's health is 23 KB and grows with its tools."""
MAX_COUNT: Final = 20_000_000
"""Arrivals in one plan: 29 bytes each."""
MAX_IN_FLIGHT: Final = 200_000
MAX_WORKERS: Final = 256
_METHOD: Final = re.compile(r"[A-Z]{1,16}")
_TARGET: Final = re.compile(r"/[!-~]*")


class LoadPlanError(ValueError):
    """A plan that cannot be followed; the text says which key, and what it takes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRequest:
    """One HTTP request of the mix. `contains` is text that a good answer holds; None asks for the status alone."""

    name: str
    method: str
    path: str
    body: bytes | None
    weight: float
    contains: bytes | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCall:
    """One MCP tool call of the mix; `contains` is text that a good result holds."""

    name: str
    tool: str
    arguments: Mapping[str, Any]
    weight: float
    contains: str | None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A validated plan. Times are seconds; `abort` is a share of errors (0..1) or None for no early end."""

    base: str
    ca_file: str | None
    token_env: str | None
    auth: tuple[tuple[str, str, str], ...]
    """Further credentials: header, variable and scheme of each."""
    locustfile: str | None
    mix: tuple[PlannedRequest | PlannedCall, ...]
    mcp: str
    arrivals: arrivals.Arrivals
    in_flight: int
    timeout: float
    drain: float
    workers: int
    remote: int
    join: float
    bind: str
    port: int
    abort: float | None
    output: Path
    body_limit: int
    document: Mapping[str, Any] = dataclasses.field(repr=False)


def parse(text: str) -> Plan:
    """A plan from its JSON. Raises LoadPlanError."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise LoadPlanError(f"the plan is no JSON: {error}") from None
    return build(document)


def _auth(entry: object) -> tuple[str, str, str]:
    if not isinstance(entry, list) or len(entry) != 3 or not all(isinstance(one, str) for one in entry):  # noqa: PLR2004 - see Plan
        raise LoadPlanError("auth takes a header, a variable and a scheme each")
    return entry[0], entry[1], entry[2]


def build(document: object) -> Plan:
    """A plan from what JSON gave. Raises LoadPlanError."""
    if not isinstance(document, dict):
        raise LoadPlanError("the plan takes an object")
    unknown = sorted(set(document) - {field.name for field in dataclasses.fields(Plan)} | {"document"} & set(document))
    if unknown:
        raise LoadPlanError(f"the plan has the unknown key {unknown[0]!r}")
    try:
        schedule = arrivals.parse(_object(document, "arrivals"))
    except arrivals.ArrivalsError as error:
        raise LoadPlanError(str(error)) from None
    locustfile = _text(document, "locustfile")
    mix = tuple(_step(step, f"mix[{index}]") for index, step in enumerate(_list(document, "mix")))
    if not mix and locustfile is None:
        raise LoadPlanError("the plan needs a mix or a locustfile: there is nothing to send")
    if mix and locustfile is not None:
        raise LoadPlanError("the plan has both a mix and a locustfile; it takes one of them")
    plan = Plan(
        base=_base(document),
        ca_file=_text(document, "ca_file"),
        token_env=_text(document, "token_env"),
        auth=tuple(_auth(one) for one in _list(document, "auth")),
        locustfile=locustfile,
        mix=mix,
        mcp=_path(document.get("mcp", "/mcp"), "mcp"),
        arrivals=schedule,
        in_flight=_whole(document, "in_flight", 1000, 1, MAX_IN_FLIGHT),
        timeout=_seconds(document, "timeout", 10.0),
        drain=_seconds(document, "drain", 10.0),
        workers=_whole(document, "workers", 1, 0, MAX_WORKERS),
        remote=_whole(document, "remote", 0, 0, MAX_WORKERS),
        join=_seconds(document, "join", 30.0),
        bind=_text(document, "bind") or "127.0.0.1",
        port=_whole(document, "port", 0, 0, 65535),
        abort=_abort(document),
        output=Path(_text(document, "output") or "."),
        body_limit=_whole(document, "body_limit", BODY_LIMIT, 1, 1 << 30),
        document=document,
    )
    if plan.workers + plan.remote < 1:
        raise LoadPlanError("the plan has no workers: workers and remote are both 0")
    if schedule.count() > MAX_COUNT:
        raise LoadPlanError(f"the plan has {schedule.count()} arrivals; at most {MAX_COUNT} can be recorded")
    if not schedule.count():
        raise LoadPlanError("the plan has no arrivals: the rate is too low for its seconds")
    return plan


def _step(step: object, where: str) -> PlannedRequest | PlannedCall:
    if not isinstance(step, dict):
        raise LoadPlanError(f"{where} takes an object")
    weight = step.get("weight", 1)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < math.inf:
        raise LoadPlanError(f"{where}.weight is {weight!r}; it takes a number above 0")
    contains, tool = _text(step, "contains", where), _text(step, "tool", where)
    if tool is not None:
        given = step.get("arguments") or {}
        if not isinstance(given, dict):
            raise LoadPlanError(f"{where}.arguments takes an object")
        name = _text(step, "name", where) or tool
        return PlannedCall(name=name, tool=tool, arguments=given, weight=float(weight), contains=contains)
    path = _path(step.get("path"), f"{where}.path")
    body = None if step.get("json") is None else json.dumps(step["json"]).encode()
    method = _text(step, "method", where) or ("GET" if body is None else "POST")
    if not _METHOD.fullmatch(method):
        raise LoadPlanError(f"{where}.method is {method!r}; it takes an HTTP method in capitals")
    return PlannedRequest(
        name=_text(step, "name", where) or f"{method} {path}",
        method=method,
        path=path,
        body=body,
        weight=float(weight),
        contains=None if contains is None else contains.encode(),
    )


def _base(document: Mapping[str, Any]) -> str:
    base = _text(document, "base") or ""
    try:
        parts = urllib.parse.urlsplit(base)
        _ = parts.port
    except ValueError:
        raise LoadPlanError(f"base is {base!r}; it takes a URL") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise LoadPlanError(f"base is {base!r}; it takes http://HOST:PORT or https://HOST:PORT")
    if parts.username or parts.password:
        raise LoadPlanError("base holds a user or a password; a token comes by the environment (token_env)")
    if parts.path and not _TARGET.fullmatch(parts.path):
        raise LoadPlanError("base has a path with characters that a request cannot carry")
    return base.rstrip("/")


def _abort(document: Mapping[str, Any]) -> float | None:
    abort = document.get("abort")
    if abort is None:
        return None
    rate = abort.get("error_rate") if isinstance(abort, dict) else None
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < 1:
        raise LoadPlanError("abort takes {'error_rate': a share from 0 to 1} or null")
    return float(rate)


def _path(value: object, where: str) -> str:
    # a line break in a path would be a second request
    if not isinstance(value, str) or not _TARGET.fullmatch(value) or value.startswith("//"):
        raise LoadPlanError(f"{where} is {value!r}; it takes a path that begins with one /")
    return value


def _object(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = document.get(key)
    if not isinstance(value, dict):
        raise LoadPlanError(f"{key} takes an object")
    return value


def _list(document: Mapping[str, Any], key: str) -> list[object]:
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise LoadPlanError(f"{key} takes a list")
    return value


def _text(document: Mapping[str, Any], key: str, where: str = "") -> str | None:
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise LoadPlanError(f"{where + '.' if where else ''}{key} is {value!r}; it takes text")
    return value or None


def _whole(document: Mapping[str, Any], key: str, default: int, low: int, high: int) -> int:
    value = document.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise LoadPlanError(f"{key} is {value!r}; it takes a whole number from {low} to {high}")
    return value


def _seconds(document: Mapping[str, Any], key: str, default: float) -> float:
    value = document.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 3600:  # noqa: PLR2004 - an hour
        raise LoadPlanError(f"{key} is {value!r}; it takes seconds, above 0 and at most 3600")
    return float(value)


ABORT_CHANCE: Final = 1e-6
"""The chance of giving up on a target that keeps its limit: small, because a run looks twice a second."""


def probability_of_errors(errors: int, count: int, rate: float) -> float:
    """The probability of `errors` or more among `count` independent requests that each fail with probability `rate`."""
    if errors <= 0:
        return 1.0
    if errors > count or rate <= 0:
        return 0.0
    if rate >= 1:
        return 1.0
    term = math.exp(
        math.lgamma(count + 1)
        - math.lgamma(errors + 1)
        - math.lgamma(count - errors + 1)
        + errors * math.log(rate)
        + (count - errors) * math.log1p(-rate)
    )
    if errors <= count * rate:
        # the tail is long and its sum near 1; the side that is not far off needs no sum: the run may still end well
        return 1.0
    total, odds = 0.0, rate / (1 - rate)
    for index in range(errors, count + 1):
        total += term
        if term < total * 1e-16:
            break
        term *= (count - index) / (index + 1) * odds
    return min(1.0, total)


def is_hopeless(errors: int, planned: int, limit: float) -> bool:
    """Whether the whole run is past `limit` (a share, 0..1) even if everything still to come is answered well.

    The errors so far are set against all planned requests, not against those that are done: a burst of errors at the
    start of a long run is no reason to give up.
    """
    return errors > planned * limit and probability_of_errors(errors, planned, limit) < ABORT_CHANCE


def reason_to_abort(plan: Plan, errors: int) -> str:
    """Why a run with so many errors cannot end well, or nothing."""
    planned = plan.arrivals.count() if plan.abort is not None and errors else 0
    if plan.abort is None or not planned or not is_hopeless(errors, planned, plan.abort):
        return ""
    return f"{errors} errors are past {plan.abort:.2%} of all {planned} planned requests, whatever comes"
