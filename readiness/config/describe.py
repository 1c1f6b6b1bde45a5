"""The documentation's tables, made from the schema and the model: `python -m readiness.config.describe FILE` renews them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from readiness.config import model
from readiness.config.schema import ACTION, CLAIM, EXPECTED_CALL, KNOWN_SECRET, LIMIT, NOTIFY, ROOT, SECTIONS, WAIVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from readiness.config.kinds import Schema

BEGIN: Final = "<!-- generated from the schema: begin -->"
END: Final = "<!-- generated from the schema: end -->"

_PARTS: Final[tuple[tuple[str, Schema, Any], ...]] = (
    ("[target]", SECTIONS["target"], model.Target),
    ("[expect]", SECTIONS["expect"], model.Expect),
    ("A claim of [expect], written as a table", CLAIM, model.Claim),
    ("[[expect.tool_call]]", EXPECTED_CALL, model.ExpectedCall),
    ("[limits.ID]", LIMIT, model.LimitOverride),
    ("[gate]", SECTIONS["gate"], model.GateSettings),
    ("[probe]", SECTIONS["probe"], model.ProbeSettings),
    ("[release]", SECTIONS["release"], model.ReleaseSettings),
    ("[secrets]", SECTIONS["secrets"], model.SecretSettings),
    ("[[secrets.known]]", KNOWN_SECRET, model.KnownSecret),
    ("[llm]", SECTIONS["llm"], model.LlmSettings),
    ("[[waiver]]", WAIVER, model.Waiver),
    ("[drill]", SECTIONS["drill"], model.DrillSettings),
    ("[load]", SECTIONS["load"], model.LoadSettings),
    ("[rollback]", SECTIONS["rollback"], model.RollbackSettings),
    ("[[rollback.action]]", ACTION, model.RollbackAction),
    ("[notify.SEVERITY]", NOTIFY, None),
    ("[contacts]", SECTIONS["contacts"], None),
    ("[report]", SECTIONS["report"], model.ReportSettings),
    ("[identity]", SECTIONS["identity"], model.IdentitySettings),
)


def tables() -> str:
    """Every section as a Markdown table: key, what is valid, default, meaning."""
    top = {"environment": ROOT["environment"]}
    parts = [_table("At the top of the file", top, {"environment": '"production"'})]
    parts += [
        _table(f"`{title}`" if "[" in title[:2] else title, schema, _defaults(of)) for title, schema, of in _PARTS
    ]
    return "\n".join(parts)


def _table(title: str, schema: Schema, defaults: Mapping[str, str]) -> str:
    lines = [f"### {title}", "", "| key | valid | default | meaning |", "|---|---|---|---|"]
    for name, key in schema.items():
        default = "required" if key.required else f"`{defaults[name]}`" if defaults.get(name) else ""
        lines.append(f"| `{name}` | {_cell(key.kind.words)} | {default} | {_cell(key.meaning)} |")
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _defaults(of: Any) -> dict[str, str]:  # noqa: ANN401 - a dataclass, or None where a section has none
    if of is None:
        return {}
    return {field.name: _toml(_default(field)) for field in dataclasses.fields(of)}


def _default(field: dataclasses.Field[Any]) -> Any:  # noqa: ANN401 - a default may be anything
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None if field.default is dataclasses.MISSING else field.default


def _toml(value: Any) -> str:  # noqa: ANN401 - a default may be anything
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (Fraction, float, int)):
        return f"{float(value):g}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    value = value.name if isinstance(value, model.TargetKind) else value
    if isinstance(value, (str, dt.date)):
        return f'"{value}"'
    return "{}"


def renewed(page: str) -> str:
    """`page` with the tables between its two markers made anew. Raises ValueError where a marker is missing."""
    before, _, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError("the page has no markers for the generated tables")
    return f"{before}{BEGIN}\n\n{tables()}\n{END}{after}"


if __name__ == "__main__":  # pragma: no cover - the function above is what is tested
    page_file = Path(sys.argv[1])
    page_file.write_text(renewed(page_file.read_text(encoding="utf-8")), encoding="utf-8")
