"""What the status of an answer means: success, a refusal, a limit on the way, a route that is not served, a fault."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from readiness.errors import CouldNotLook, NotServed, Unknown
from readiness.facts.http.answer import Answer, BadAnswer

HEALTH: Final = "/api/health"
_OK: Final = 200
_NO_SUCH: Final = frozenset({404, 405, 410, 501})


def checked(route: str, answer: Answer, *, hub: str, proxied: bool, token_env: str | None) -> Answer:
    """`answer` if it is a success. Raises BadAnswer, NotServed, CouldNotLook or Unknown.

    `hub` names the hub in messages; `proxied`: something may have answered in the hub's place; `token_env` is the
    variable that the token was taken from.
    """
    status, what = answer.status, f"{answer.method} {route}"
    if _OK <= status < _OK + 100:
        return answer
    if answer.redirect is not None:
        raise Unknown(f"{what} redirects to {urlsplit(answer.redirect).netloc}, which is not followed")
    if status in {401, 403}:
        raise Unknown(f"{what} answered {status}: {_credentials(token_env)}")
    if is_limit(answer, proxied=proxied):
        raise CouldNotLook(f"{what} answered {status}: the requests are limited on the way")
    if status in _NO_SUCH and route != HEALTH:
        raise NotServed(f"{hub} serves no {route}")
    raise BadAnswer(f"{what} answered {status}{_message(answer)}")


def is_limit(answer: Answer, *, proxied: bool = False) -> bool:
    """Whether something on the way says "not so fast": 429, or nginx's default of 503."""
    return answer.status == 429 or (answer.status == 503 and (proxied or answer.from_proxy))  # noqa: PLR2004 - HTTP's own numbers


def _credentials(token_env: str | None) -> str:
    if token_env:
        return f"the token in {token_env} is not accepted"
    return "set [target] token_env to the name of a token's variable"


def _message(answer: Answer) -> str:
    try:
        error = answer.json_object().get("error")
    except BadAnswer:
        return f" ({answer.content_type or 'no content type'})"
    return f": {error[:120]}" if isinstance(error, str) else ""
