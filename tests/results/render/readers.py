"""Each format read by somebody else's program, and what it says brought to one shape: what the report says must come out.

A reader raises where its format is not what its standard says. `Read` holds what the format can tell at all.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import junitparser
import markdown_it
import prometheus_client.parser
from google.protobuf import json_format
from opentelemetry.proto.metrics.v1 import metrics_pb2
from sarif_kit.validate import validation_errors
from tap.line import Plan, Result
from tap.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclasses.dataclass(frozen=True, kw_only=True)
class Read:
    """What a consumer understood: how often each outcome, and the verdict; None: the format does not tell it."""

    counts: Mapping[str, int] | None = None
    status: str | None = None
    found: Any = None


def junit(text: str) -> Read:
    """By junitparser; its own counts must be those that the file states."""
    read = junitparser.JUnitXml.fromstring(text.encode())
    stated = (read.tests, read.failures, read.errors, read.skipped)
    cases = [case for suite in read for case in suite]
    kinds = [type(result).__name__ for case in cases for result in case.result]
    assert stated == (len(cases), kinds.count("Failure"), kinds.count("Error"), kinds.count("Skipped"))
    verdict = next(case for case in cases if (case.classname, case.name) == ("readiness", "verdict"))
    kinds_of = {"Failure": "failed", "Error": "unknown", "Skipped": "not_applicable"}
    counts: dict[str, int] = {}
    for case in cases:
        if case is not verdict:
            outcome = kinds_of[type(case.result[0]).__name__] if case.result else "ok"
            counts[outcome] = counts.get(outcome, 0) + 1
    status = verdict.result[0].type if verdict.result else str(verdict.system_out).partition(",")[0]
    return Read(counts=counts, status=status, found=cases)


LEVELS = {"none", "note", "warning", "error"}
MOST = {"runs": 20, "results": 25_000, "rules": 25_000, "locations": 1_000, "tags": 20, "text": 1_024}
"""Limits of GitHub's code scanning: what is above them is refused with the whole upload, or cut."""


def github_refuses(document: dict[str, Any]) -> list[str]:
    """What GitHub's documentation of SARIF support says that code scanning refuses; empty: it takes the file."""
    problems = [] if document["version"] == "2.1.0" and len(document["runs"]) <= MOST["runs"] else ["version or runs"]
    for run in document["runs"]:
        rules, results = run["tool"]["driver"]["rules"], run["results"]
        if len(results) > MOST["results"] or len(rules) > MOST["rules"]:
            problems.append("too many results or rules")
        for rule in rules:
            texts = [rule[name]["text"] for name in ("shortDescription", "fullDescription", "help")]
            if (
                not all(texts)
                or max(map(len, texts[:2])) > MOST["text"]
                or len(rule["properties"]["tags"]) > MOST["tags"]
            ):
                problems.append(f"rule {rule['id']}")
            if rule["defaultConfiguration"]["level"] not in LEVELS:
                problems.append(f"level of {rule['id']}")
        for result in results:
            if not result["message"]["text"] or not result["partialFingerprints"] or result["level"] not in LEVELS:
                problems.append(f"result {result['ruleId']}")
            if not 0 < len(result["locations"]) <= MOST["locations"]:
                problems.append(f"locations of {result['ruleId']}")
            problems += [problem for location in result["locations"] for problem in _refused_place(location)]
    return problems


def _refused_place(location: dict[str, Any]) -> list[str]:
    place = location.get("physicalLocation", {})
    uri = place.get("artifactLocation", {}).get("uri", "")
    problems = [] if place.get("region", {}).get("startLine", 0) > 0 else [f"{uri!r} without a line"]
    if not uri or uri.startswith("/") or urlsplit(uri).scheme or ".." in uri.split("/"):
        problems.append(f"{uri!r} lies in no repository")
    return problems


def sarif(text: str) -> Read:
    """Against the schema of the standard; every result names a rule that is there."""
    document = json.loads(text)
    assert validation_errors(document) == []
    (run,) = document["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert github_refuses(document) == []
    counts: dict[str, int] = {}
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] == "none" or result["kind"] == "fail"
        outcome = result["properties"]["outcome"]
        counts[outcome] = counts.get(outcome, 0) + 1
    return Read(counts=counts, status=run["properties"]["status"], found=run)


COMMAND: Final = re.compile(r"::(error|warning|notice) ([^:\r\n]*)::([^\r\n]*)")


def github(text: str) -> Read:
    """As the runner of GitHub reads a line: its command, its properties, its text; every line is one of ours."""
    told = []
    for line in text.split("\n")[:-1]:
        found = COMMAND.fullmatch(line)
        assert found is not None, line
        properties = dict(part.split("=", 1) for part in found[2].split(","))
        assert set(properties) <= {"file", "line", "title"}
        told.append(
            (found[1], {key: _unescaped(value) for key, value in properties.items()}, _unescaped(found[3], data=True))
        )
    assert all([kind for kind, _, _ in told].count(kind) <= 10 for kind in ("error", "warning", "notice"))
    return Read(found=told)


def _unescaped(text: str, *, data: bool = False) -> str:
    for escape, char in (("%0D", "\r"), ("%0A", "\n"), *(() if data else (("%3A", ":"), ("%2C", ","))), ("%25", "%")):
        text = text.replace(escape, char)
    return text


def gitlab(text: str) -> Read:
    """As GitLab asks for it: five keys, a severity it knows, a relative path, and fingerprints that differ."""
    issues = json.loads(text)
    for issue in issues:
        assert set(issue) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert issue["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert not issue["location"]["path"].startswith(("/", "./", "../"))
        assert issue["location"]["lines"]["begin"] >= 1
    assert len({issue["fingerprint"] for issue in issues}) == len(issues)
    return Read(found=issues)


def prometheus(text: str) -> Read:
    """By the client's own parser; equal series would make the collector drop the file."""
    families = {family.name: family for family in prometheus_client.parser.text_string_to_metric_families(text)}
    samples = [sample for family in families.values() for sample in family.samples]
    series = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in samples]
    assert len(set(series)) == len(series)
    assert all(family.documentation and family.type == "gauge" for family in families.values())
    hot = [sample.labels["status"] for sample in families["readiness_verdict"].samples if sample.value == 1]
    counts = {sample.labels["outcome"]: int(sample.value) for sample in families["readiness_findings"].samples}
    return Read(counts=counts, status=hot[0], found=families)


def tap(text: str) -> Read:
    """By tap.py: the plan is kept, every point has its number, and every block is YAML."""
    lines = list(Parser().parse_text(text))
    points = [line for line in lines if isinstance(line, Result)]
    (plan,) = [line for line in lines if isinstance(line, Plan)]
    assert [point.number for point in points] == list(range(1, plan.expected_tests + 1))
    assert {line.category for line in lines} <= {"version", "plan", "diagnostic", "test"}
    counts: dict[str, int] = {}
    for point in points[:-1]:
        block = point.yaml_block or {}
        outcome = "not_applicable" if point.skip else block.get("outcome", "passed")
        assert point.ok == (outcome in {"passed", "flaky", "degraded", "not_applicable"})
        assert point.todo == (outcome == "waived")
        counts[outcome] = counts.get(outcome, 0) + 1
    return Read(counts=counts, status=(points[-1].yaml_block or {})["status"], found=points)


PERFORMANCE: Final = re.compile(
    r"[^\s='|]+=-?\d+(?:\.\d+)?(?:s|%)?(?:;(?:\d+(?:\.\d+)?:)?){0,2}(?:;-?\d+(?:\.\d+)?){0,2}"
)


def nagios(text: str) -> Read:
    """By the guidelines of monitoring plugins: one line, one bar, performance data of a known form."""
    assert text.count("\n") == 1
    line, performance = text.rstrip("\n").split(" | ")
    assert "|" not in line
    entries = performance.split(" ")
    assert [entry for entry in entries if PERFORMANCE.fullmatch(entry) is None] == []
    values = {name: rest.partition(";")[0] for name, _, rest in (entry.partition("=") for entry in entries)}
    counts = {name: int(value) for name, value in values.items() if name not in {"score", "proven", "seconds"}}
    found = re.match(r"READINESS (OK|WARNING|CRITICAL|UNKNOWN) - (?:DEMO )?([A-Z ]+),", line)
    assert found is not None
    return Read(counts=counts, status=found[2], found=found[1])


def otlp(text: str) -> Read:
    """By the protocol's own message types; one line, as the collector's file receiver wants it."""
    assert text.count("\n") == 1
    message = json_format.Parse(text, metrics_pb2.MetricsData())
    (resource,) = message.resource_metrics
    metrics = {metric.name: metric.gauge.data_points for metric in resource.scope_metrics[0].metrics}
    label = lambda point, key: next(a.value.string_value for a in point.attributes if a.key == key)  # noqa: E731
    hot = [label(point, "readiness.status") for point in metrics["readiness.verdict"] if point.as_double == 1]
    counts = {label(point, "readiness.outcome"): int(point.as_double) for point in metrics["readiness.findings"]}
    return Read(counts=counts, status=hot[0], found=metrics)


def badge_json(text: str) -> Read:
    """As the endpoint of shields.io asks for it."""
    document = json.loads(text)
    assert (document["schemaVersion"], document["label"]) == (1, "readiness")
    assert re.fullmatch(r"[0-9a-f]{6}", document["color"])
    assert set(document) == {"schemaVersion", "label", "message", "color", "isError"}
    return Read(status=re.sub(r"^demo |,.*| [\d.]+$", "", document["message"]), found=document)


def badge_svg(text: str) -> Read:
    """As XML: nothing but its own few elements."""
    root = ET.fromstring(text)
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert names == {"svg", "title", "rect", "path", "g", "text"}
    told = root.findtext("{http://www.w3.org/2000/svg}title") or ""
    return Read(status=re.sub(r"^readiness: (?:demo )?|,.*| [\d.]+$", "", told), found=root)


def markdown(text: str) -> Read:
    """By markdown-it, with tables: nothing becomes markup that the rendering did not write itself."""
    tokens = markdown_it.MarkdownIt("commonmark").enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    kinds = {token.type for token in tokens}
    assert kinds.isdisjoint({"html_block", "fence", "code_block", "hr", "blockquote_open"})
    allowed = {"text", "strong_open", "strong_close", "code_inline", "text_special", "em_open", "em_close", "softbreak"}
    assert {token.type for token in inline} <= allowed
    cells = sum(token.type == "td_open" for token in tokens)
    assert cells % 5 == 0
    heading = next(token.content for token in tokens if token.type == "inline")
    found = re.search(r"(READY|CONDITIONAL|NOT READY|INCOMPLETE|SERVICE OK): ", heading)
    assert found is not None
    return Read(status=found[1] if "NOT READY" not in heading else "NOT READY", found=tokens)


READERS: Final[Mapping[str, Callable[[str], Read]]] = {
    "readiness.junit.xml": junit,
    "readiness.sarif": sarif,
    "readiness.github.txt": github,
    "gl-code-quality-report.json": gitlab,
    "readiness.prom": prometheus,
    "readiness.tap": tap,
    "readiness.nagios": nagios,
    "readiness.otlp.json": otlp,
    "readiness.badge.json": badge_json,
    "readiness.badge.svg": badge_svg,
    "readiness.md": markdown,
}
