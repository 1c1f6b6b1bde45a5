"""Asking a model over the API that OpenAI's is the pattern of: what stands behind a hub's prompt analysis.

Written on asyncio's streams: the embedded hub starts faster without an HTTP client, and asks on loopback only.
"""

from __future__ import annotations

import asyncio
import http
import json
import urllib.parse
from typing import TYPE_CHECKING, Any, Final

from readiness.demo.hub.analysis import AnalysisError, CategoryAnalysis

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT: Final = 3.0
"""Seconds for a whole exchange."""
HEAD_LIMIT: Final = 16 * 1024
"""Bytes of an answer's head at most."""
BODY_LIMIT: Final = 1 << 20
"""Bytes of an answer's body at most."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
INSTRUCTION: Final = (
    "Decide which categories of tools the user's prompt needs. Answer one JSON object with the keys categories (names, "
    "best first), confidence (0 to 1) and reasoning (a sentence). The categories, with the words of their tools: "
)


class KeyMissingError(AnalysisError):
    """The environment lacks the variable that the key is a reference to: a fault of the deployment, not of the LLM."""


class HttpAnalyser:
    """Asks the model at `base_url`; `key` may be None where the environment lacks it."""

    def __init__(self, base_url: str, key: str | None, model: str, timeout: float = TIMEOUT) -> None:
        self._url = urllib.parse.urlsplit(base_url)
        self._key, self._model, self._timeout = key, model, timeout

    async def analyse(self, prompt: str, vocabulary: Mapping[str, frozenset[str]]) -> CategoryAnalysis:
        """What the model answers; raises `AnalysisError` for whatever is no usable answer in time."""
        if self._key is None:
            raise KeyMissingError("The API key of the LLM is not set")
        if self._url.scheme != "http" or self._url.hostname not in LOOPBACK:
            raise AnalysisError("The embedded hub asks an LLM over http on loopback only")
        known = {name: sorted(category_words) for name, category_words in vocabulary.items()}
        system = INSTRUCTION + json.dumps({"categories": known})
        messages = [{"role": "system", "content": system}, {"role": "user", "content": prompt}]
        body = json.dumps({"model": self._model, "temperature": 0, "messages": messages}).encode()
        try:
            async with asyncio.timeout(self._timeout):
                status, answer = await self._exchange(body)
        except TimeoutError:
            raise AnalysisError(f"The LLM did not answer within {self._timeout:g} s") from None
        except ConnectionRefusedError:
            raise AnalysisError("The LLM refuses connections") from None
        except (OSError, asyncio.IncompleteReadError):
            raise AnalysisError("The LLM ended the connection without an answer") from None
        except (ValueError, asyncio.LimitOverrunError):
            raise AnalysisError("The LLM's answer is no HTTP of a sensible size") from None
        if status != http.HTTPStatus.OK:
            raise AnalysisError(f"The LLM answered {status}: {_said(answer)}")
        return read_analysis(answer, vocabulary)

    async def _exchange(self, body: bytes) -> tuple[int, bytes]:
        """Status and body; raises OSError, IncompleteReadError, LimitOverrunError and ValueError."""
        host, port = self._url.hostname or "", self._url.port or 80
        head = (
            f"POST {self._url.path.rstrip('/')}/chat/completions HTTP/1.1\r\nhost: {host}:{port}\r\n"
            f"authorization: Bearer {self._key}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(host, port, limit=HEAD_LIMIT)
        try:
            writer.write(head.encode() + body)
            await writer.drain()
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(fields.get("content-length", "-1"))
            if not 0 <= length <= BODY_LIMIT:
                raise ValueError(length)
            return int(first.split(" ")[1]), await reader.readexactly(length)
        except IndexError as error:
            raise ValueError(first[:100]) from error
        finally:
            writer.close()


def _said(answer: bytes) -> str:
    """The provider's own words for a refusal, cut."""
    try:
        return str(json.loads(answer)["error"]["message"])[:200]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "no reason that can be read"


def read_analysis(answer: bytes, vocabulary: Mapping[str, frozenset[str]]) -> CategoryAnalysis:
    """The analysis in a chat completion; raises `AnalysisError` where there is none that can be used."""
    try:
        content: Any = json.loads(json.loads(answer)["choices"][0]["message"]["content"])
        categories = tuple(name for name in content["categories"] if name in vocabulary)
        confidence, reasoning = float(content["confidence"]), str(content["reasoning"])
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        raise AnalysisError("The LLM's answer is no analysis") from None
    if not 0 <= confidence <= 1:
        raise AnalysisError("The LLM's answer has a confidence outside 0 to 1")
    if not categories and vocabulary:
        raise AnalysisError("The LLM's answer names no category that there is")
    return CategoryAnalysis(categories=categories, confidence=confidence, reasoning=reasoning[:2_000])
