"""Whatever a file holds, loading gives a Config or a ConfigError."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from readiness.config.loading import load, parse
from readiness.config.model import Config
from readiness.config.schema import ROOT, SECTIONS
from readiness.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCALARS = (
    st.text(max_size=30)
    | st.booleans()
    | st.integers()
    | st.decimals()
    | st.dates()
    | st.datetimes()
    | st.times()
    | st.sampled_from(["production", "https://hub.example.com", "a-b", "health", "${A_B}", "~x/y", "http://[", "\0"])
)
NAMES = sorted({*ROOT, *(key for keys in SECTIONS.values() for key in keys), "check", "expires", "expected", "urls"})
KEYS = st.sampled_from(NAMES) | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Documents with right sections and wrong insides."""
    document: dict[str, Any] = draw(st.dictionaries(KEYS, VALUES, max_size=4))
    for name in draw(st.lists(st.sampled_from(sorted(SECTIONS)), max_size=3)):
        document[name] = draw(st.dictionaries(st.sampled_from(sorted(SECTIONS[name])), VALUES, max_size=5))
    return document


def outcome(attempt: Callable[[], Config]) -> Config | ConfigError:
    """What an attempt to load gives; any other exception fails the test."""
    try:
        return attempt()
    except ConfigError as error:
        return error


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=documents())
def test_any_document_is_accepted_or_refused(tmp_path: Path, document: dict[str, Any]) -> None:
    """Values of every type in every place never give another exception, nor a message that is not plain."""
    found = outcome(lambda: parse(document, source_name="readiness.toml", folder=tmp_path))
    if isinstance(found, ConfigError):
        assert all(character.isprintable() for character in str(found).replace("\n", ""))
    else:
        assert found.path == tmp_path / "readiness.toml"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200) | st.text(alphabet='[]{}="\\.\n ae1-:#,', max_size=80).map(str.encode))
def test_any_bytes_are_accepted_or_refused(tmp_path: Path, content: bytes) -> None:
    """Bytes that are almost TOML never give another exception."""
    path = tmp_path / "readiness.toml"
    path.write_bytes(content)
    found = outcome(lambda: load(file=path, environ={}))
    assert isinstance(found, (Config, ConfigError))
    assert isinstance(found, Config) or str(path) in str(found)
