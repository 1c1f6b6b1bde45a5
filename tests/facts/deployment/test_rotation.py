"""The rotation record: what it may say, and the sentence for everything else."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest

from readiness.config.model import Config, Target
from readiness.facts.deployment import rotation_record
from readiness.facts.secretscan.policy import SecretPolicy
from readiness.support.file_reading import Unreadable

if TYPE_CHECKING:
    from pathlib import Path

TODAY = dt.date(2026, 6, 30)


def record(tmp_path: Path, text: str) -> Path:
    """A record with this text."""
    file = tmp_path / "secrets.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_both_ways_to_write_an_entry(tmp_path: Path) -> None:
    """A day alone, or a table with owner, term and fingerprint."""
    text = 'A = 2026-01-31\n# more\n[B]\nrotated = 2026-02-01\nowner = "team"\nevery = 60\nfingerprint = "ab12cd34"\n'
    entries = rotation_record.read(record(tmp_path, text))
    assert (entries["A"].rotated, entries["A"].line, entries["A"].age(TODAY)) == (dt.date(2026, 1, 31), 1, 150)
    assert (entries["B"].owner, entries["B"].every, entries["B"].fingerprint, entries["B"].line) == (
        "team",
        60,
        "ab12cd34",
        3,
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('A = "2026-01-31"', ("secrets.toml:1", "without quotes")),
        ("A = 2026", ("secrets.toml:1", "the day it was replaced")),
        ("[A]\nrotate = 2026-01-31", ("unknown key 'rotate'", "did you mean rotated?")),
        ("[A]\nzzz = 1", ("valid are rotated, owner, every, fingerprint",)),
        ('[A]\nowner = "x"', ("the day it was replaced",)),
        ("[A]\nrotated = 2026-01-31\nevery = 0", ("`every`",)),
        ("[A]\nrotated = 2026-01-31\nevery = true", ("`every`",)),
        ('[A]\nrotated = 2026-01-31\nfingerprint = "xyz"', ("`fingerprint`",)),
        ("[A]\nrotated = 2026-01-31\nowner = 7", ("`owner`",)),
        ("\nA: 2026-01-31", ("secrets.toml:2 is no TOML", "NAME = 2026-01-31")),
        ("A = 2026-02-30", ("is no TOML",)),
        ("a" * 300_000, ("larger than",)),
    ],
)
def test_what_is_wrong_is_said_with_its_mend(text: str, words: tuple[str, ...], tmp_path: Path) -> None:
    """File, line, entry, what is wrong and what is right."""
    file = record(tmp_path, text)
    with pytest.raises(Unreadable) as caught:
        rotation_record.read(file)
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


def test_a_secret_in_the_record_is_not_repeated(tmp_path: Path) -> None:
    """Who writes the value into the record gets told off without seeing it again."""
    secret = "sk-proj-" + "A1b2C3d4E5f6G7h8I9j0"
    for text in (f'OPENAI_API_KEY = "{secret}"', f'"{secret}" = "today"', f'[A]\n"{secret}" = 1'):
        with pytest.raises(Unreadable) as caught:
            rotation_record.read(record(tmp_path, text))
        assert secret not in str(caught.value)


def test_every_secret_of_the_env_file_needs_an_entry(tmp_path: Path) -> None:
    """References count like values; what is no secret needs none."""
    record(tmp_path, "OPENAI_API_KEY = 2026-06-01\nOLD_ONE = 2020-01-01\n")
    env = "OPENAI_API_KEY=op://v/i/k\nDB_PASSWORD=tr0ub4dor&3x\nPORT=7000\nLOG_LEVEL=info\nGEMINI_API_KEY=\n"
    (tmp_path / ".env.production").write_text(env, encoding="utf-8")
    found = SecretPolicy(Config(target=Target(release=tmp_path))).rotations(TODAY)
    assert (found.secrets, found.age, found.oldest) == (2, 29, "OPENAI_API_KEY")
    assert found.problems == (("DB_PASSWORD is not in the record", None),)


def test_sources_tell_references_from_values(tmp_path: Path) -> None:
    """Every manager's way to write a reference is one; a literal is none, whatever it looks like."""
    env = (
        "A_KEY=op://v/i/k\nB_TOKEN=$(op read op://v/i/k)\nC_SECRET=vault:secret/data/hub#key\n"
        "D_PASSWORD=$(aws secretsmanager get-secret-value --secret-id hub)\nE_TOKEN=/run/secrets/token\n"
        "F_KEY=arn:aws:secretsmanager:eu-west-1:1:secret:hub\nG_KEY=opq://no\nH_TOKEN=s3cr3t-Value-42\nMODE=plain\n"
    )
    (tmp_path / ".env.production").write_text(env, encoding="utf-8")
    sources = SecretPolicy(Config(target=Target(release=tmp_path))).sources()
    assert {source.name for source in sources if source.manager is None} == {"G_KEY", "H_TOKEN"}
    assert {source.name for source in sources} == {f"{letter}_{kind}" for letter, kind in NAMES}


NAMES = (
    ("A", "KEY"),
    ("B", "TOKEN"),
    ("C", "SECRET"),
    ("D", "PASSWORD"),
    ("E", "TOKEN"),
    ("F", "KEY"),
    ("G", "KEY"),
    ("H", "TOKEN"),
)
