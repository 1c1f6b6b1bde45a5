"""Which categories of tools a prompt needs: the question a hub puts to its LLM.

`Analyser` is the seam: a client of a real model can stand behind it. `KeywordAnalyser` answers by counting words,
always the same way and without a network.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORD = re.compile(r"[a-z]{3,}")
_FILLER = frozenset(
    {"and", "the", "for", "with", "from", "into", "all", "are", "can", "please", "this", "that", "what"}
)
FALLBACK = "utility"
"""The category of a prompt that names nothing: general tools."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CategoryAnalysis:
    """An answer: categories, best first; `confidence` from 0 to 1; why, in a sentence."""

    categories: tuple[str, ...]
    confidence: float
    reasoning: str

    def to_json(self) -> dict[str, object]:
        """As the meta tool tells its caller."""
        return {
            "categories": list(self.categories),
            "confidence": round(self.confidence, 2),
            "reasoning": self.reasoning,
        }


class AnalysisError(Exception):
    """The model could not be asked, or its answer could not be used."""


class Analyser(Protocol):
    """Anything that decides categories."""

    async def analyse(self, prompt: str, vocabulary: Mapping[str, frozenset[str]]) -> CategoryAnalysis:
        """The categories of `vocabulary` that `prompt` needs; raises `AnalysisError`."""
        ...


def words(text: str) -> frozenset[str]:
    """The words of a text that mean something, lower-case, a plural's s cut off."""
    all_words = _WORD.findall(text.casefold().replace("_", " "))
    return frozenset(word.removesuffix("s") for word in all_words) - _FILLER


class KeywordAnalyser:
    """Counts the words that a prompt shares with each category's tools."""

    async def analyse(self, prompt: str, vocabulary: Mapping[str, frozenset[str]]) -> CategoryAnalysis:
        """Never raises; a prompt that shares nothing gets the general tools with little confidence."""
        asked = words(prompt)
        shared = {category: sorted(asked & known) for category, known in vocabulary.items()}
        matching = sorted((c for c in shared if shared[c]), key=lambda c: (-len(shared[c]), c))
        if not matching:
            chosen = (FALLBACK,) if FALLBACK in vocabulary else tuple(vocabulary)[:1]
            return CategoryAnalysis(categories=chosen, confidence=0.3, reasoning="No word names a tool: general tools.")
        total = sum(map(len, shared.values()))
        why = "; ".join(f"{category}: {', '.join(shared[category][:5])}" for category in matching)
        return CategoryAnalysis(
            categories=tuple(matching),
            confidence=0.5 + total / (2 * (total + 1)),
            reasoning=f"Words that match: {why}.",
        )
