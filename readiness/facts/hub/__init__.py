"""What a running hub says about itself: its health, servers, tools, process and log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.hub import server_turns
    from readiness.facts.hub.anonymous_view import AnonymousView
    from readiness.facts.hub.client_view import ClientView
    from readiness.facts.hub.contract import Contract
    from readiness.facts.hub.disclosure import Disclosure
    from readiness.facts.hub.hub import (
        ENDS_WHEN_LEFT,
        SECOND_LOOK,
        Hub,
        HubKnowledge,
        TwoHubs,
        config_sources,
        is_running,
    )
    from readiness.facts.hub.identity import (
        Identity,
        folder_of,
        is_exposed,
        package_of,
        process_here,
        proven_listener,
        state_folder_of,
    )
    from readiness.facts.hub.inventory import AcceptedTools, Inventory, keep_last_good
    from readiness.facts.hub.log import HubLog
    from readiness.facts.hub.offered_names import NO_PREFIXES, SEPARATOR, offered_name, prefixes_of, safe_prefixes
    from readiness.facts.hub.records import Health, HubServer, HubState, HubTool, seconds_of, servers_in
    from readiness.facts.hub.server_turns import ServerTurns
else:
    __all__, __getattr__ = front_door(__name__, __file__)
