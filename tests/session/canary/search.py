"""The search for canaries: every form that the boundary promises to know, made without its code."""

from __future__ import annotations

import base64
import functools
import html
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "CanAry7f3aQ9zLm2Xk8Rt5Vw1Yb6Nc4Pd0HgJ"
NASTY = "p&\"ss/w\u00f6rd-<K9f>+x'y%z\\q7~Zt4=Jm5Rb8 Wn2"
FILED = "fILed-4e1c9ab27d50f8836e21bb94"
REFERRED = "rEf3rr3d+by/a=conf1guration:5d1e77b0"
SHAPED = "sk-proj-5hApEd7q8Rv2Lk9Xw3Yb6Nc4Tm1Pz0Jd5Gf8"
"""In a provider's format, and known to nobody: only its plain form can be recognised."""
CANARIES = (TOKEN, NASTY, FILED, REFERRED)


def encodings(value: str) -> set[str]:
    """Every form of `value` that the boundary promises to know."""
    raw = value.encode()
    found = {value, quote(value), quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1], repr(value)[1:-1]}
    found |= {
        html.escape(value),
        raw.hex(),
        raw.hex().upper(),
        repr(raw)[2:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
    }
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"\0" * before + raw).decode()[4:-4])
    return found | {re.sub("%..", lambda m: m.group().lower(), quote(form)) for form in found}


@functools.cache
def _runs(length: int) -> frozenset[str]:
    """All runs of so many characters of all forms of all canaries."""
    forms = [SHAPED, *(form for value in CANARIES for form in encodings(value))]
    return frozenset(form[i : i + length] for form in forms for i in range(len(form) - length + 1))


def leaks(text: str) -> list[str]:
    """What `text` gives away in twelve characters or more: as it stands, and as a browser shows it."""
    once = html.unescape(text)
    return sorted({found for view in {text, once, html.unescape(once)} for found in _found(view)})[:5]


def _found(text: str) -> Iterator[str]:
    seeds, runs = _runs(7), _runs(12)
    for seed in range(0, len(text) - 6, 6):  # twelve characters hold seven that begin at a multiple of six
        if text[seed : seed + 7] in seeds:
            for start in range(max(seed - 5, 0), seed + 1):
                if text[start : start + 12] in runs:
                    yield text[max(start - 30, 0) : start + 42]
