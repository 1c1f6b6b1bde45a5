"""Gateways that say more than their endpoint: whether they are ready, and which MCP servers stand behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from readiness.errors import HubDown, NotServed, Unknown
from readiness.facts.http import BadAnswer
from readiness.facts.hub import HubServer
from readiness.facts.targets.server import McpServer

if TYPE_CHECKING:
    from readiness.facts.http import HttpAnswer

_COSTLY: Final = "/health"
_OUTCOMES: Final = "litellm.ai/server_outcomes"
_WORDS: Final = 160


class LiteLlm(McpServer):
    """A LiteLLM proxy. Its `/health` calls every model, which costs money: it is never asked."""

    def _refuse(self, route: str) -> None:
        if route.partition("?")[0].rstrip("/") == _COSTLY:
            raise NotServed(f"{_COSTLY} of a LiteLLM proxy calls its models, which costs money: it is not asked")
        super()._refuse(route)

    def state(self) -> str:
        """`ready` where `/health/readiness` says healthy."""
        return _state(self.raw(str(self.kind.ready)), "healthy")

    def servers(self) -> tuple[HubServer, ...]:
        """Its MCP servers, with the health that it finds for each, and how each one's part of the agents' list ended.

        Both routes want credentials; without that right, those of the list alone. Raises as `answer` does where there is no list either.
        """
        route, listed = str(self.kind.servers), self._listing()
        try:
            healths = {one.get("server_id"): one.get("status") for one in _records(self.answer(f"{route}/health"))}
            records = _records(self.answer(route))
        except HubDown:
            raise
        except Unknown:
            if not listed:
                raise
            return tuple(HubServer(name=name, status=status, counts_up=False) for name, status in listed.items())
        return tuple(self._server(one, healths, listed) for one in records)

    @staticmethod
    def _server(record: dict[str, Any], healths: dict[Any, Any], listed: dict[str, str]) -> HubServer:
        names = (record.get("alias"), record.get("server_name"))
        status = _status(healths.get(record.get("server_id"), record.get("status")), "healthy")
        shown = next((listed[name] for name in names if name in listed), status)
        return HubServer(
            name=_name(record, "alias", "server_name", "server_id"),
            status=shown if status == "connected" else status,
            counts_up=False,
            error=_text(record.get("health_check_error")),
        )

    def _listing(self) -> dict[str, str]:
        """How each server's part of the agents' list ended: it serves the rest, and says so in `_meta`. Empty where it does not."""
        try:
            outcomes = self.listing().meta.get(_OUTCOMES)
        except HubDown:
            raise
        except Unknown:
            return {}
        return {
            name[:_WORDS]: "connected" if one.get("status") == "ok" else _unlisted(one)
            for name, one in (outcomes.items() if isinstance(outcomes, dict) else ())
            if isinstance(one, dict)
        }


class ContextForge(McpServer):
    """A ContextForge gateway. Its `/health` is 200 also when it says unhealthy."""

    def state(self) -> str:
        """`ready` where `/health` says healthy and `/ready` says ready."""
        alive = _state(self.raw(str(self.kind.health)), "healthy")
        return alive if alive != "ready" else _state(self.raw(str(self.kind.ready)), "ready")

    def servers(self) -> tuple[HubServer, ...]:
        """Its gateways that are enabled, as it saw them last: reachable may have been long ago. Raises as `answer` does."""
        return tuple(
            HubServer(
                name=_name(one, "name", "id"),
                status=_status("connected" if one.get("reachable") is True else "not reachable", "connected"),
                counts_up=False,
                error=_text(one.get("lastError")),
            )
            for one in _records(self.answer(str(self.kind.servers)))
            if one.get("enabled") is not False
        )


def _unlisted(outcome: dict[str, Any]) -> str:
    code = outcome.get("http_status")
    return f"not in the agents' list ({_status(outcome.get('status'), '')}{f', HTTP {code}' if isinstance(code, int) else ''})"


def _state(answer: HttpAnswer, good: str) -> str:
    """`ready` where the answer is a success whose status is `good`, else what it says instead. Raises BadAnswer for what is no JSON."""
    route = answer.what.partition(" ")[2]
    status = answer.json_object().get("status")
    if 200 <= answer.status < 300 and status == good:  # noqa: PLR2004 - HTTP's own numbers
        return "ready"
    return f"{str(status)[:40]} ({route} answers {answer.status})"


def _records(answer: HttpAnswer) -> list[dict[str, Any]]:
    """The objects of a list, bare or under `data` or `items`. Raises BadAnswer."""
    value = answer.json()
    if isinstance(value, dict):
        value = next((value[key] for key in ("data", "items", "gateways") if key in value), value)
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BadAnswer(f"{answer.what} answered no list of objects")
    return value


def _name(record: dict[str, Any], *keys: str) -> str:
    value = next((record[key] for key in keys if isinstance(record.get(key), str) and record[key]), "")
    return str(value)[:_WORDS] or "a server without a name"


def _status(value: object, good: str) -> str:
    return "connected" if value == good else str(value)[:_WORDS] if value else "of unknown health"


def _text(value: object) -> str | None:
    return value[:_WORDS] if isinstance(value, str) and value else None
