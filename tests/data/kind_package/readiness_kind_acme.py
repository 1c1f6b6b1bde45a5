"""An example of a kind that another package brings: a gateway with a health of its own and a list of its servers."""

from __future__ import annotations

from readiness.config import CAPABILITIES, TargetKind, lacking
from readiness.facts.hub import HubServer
from readiness.facts.targets import McpServer


class AcmeGateway(McpServer):
    """The facts that are not an MCP server's: which servers stand behind it."""

    def servers(self) -> tuple[HubServer, ...]:
        """The upstreams that it lists; `down` is what it says of one that it lost."""
        listed = self.answer(str(self.kind.servers)).json_object()["upstreams"]
        states = {"up": "connected"}
        return tuple(
            HubServer(name=one["name"], status=states.get(one["state"], one["state"]), counts_up=False)
            for one in listed
        )


ACME = TargetKind(
    name="acme",
    title="an Acme gateway",
    noun="Acme gateway",
    health="/healthz",
    ready="/readyz",
    servers="/upstreams",
    version="/about build.commit",
    lacks=lacking("acme", *(need for need in CAPABILITIES if need not in {"server_status", "sessions"})),
    facts="readiness_kind_acme:AcmeGateway",
)
