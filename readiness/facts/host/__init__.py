"""What a host says about itself: one shell script a round trip, and the parsers of what it answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.host import local_resources
    from readiness.facts.host.batch import HostAnswers
    from readiness.facts.host.collect import Hosts
    from readiness.facts.host.connection import shown_spec
    from readiness.facts.host.network.firewall import Firewall
    from readiness.facts.host.network.network import Network, client_ports, hub_port
    from readiness.facts.host.network.remote_probe import RemoteView
    from readiness.facts.host.proxy.nginx import Nginx
    from readiness.facts.host.proxy.promises import Proxy
    from readiness.facts.host.proxy.proxy_client import ProxyClient
    from readiness.facts.host.proxy.tls import TlsView
    from readiness.facts.host.resources import Resources
    from readiness.facts.host.running_hub import RunningHub, inspect_hub
    from readiness.facts.host.service.exposure import Exposure
    from readiness.facts.host.service.hub_service import Service
    from readiness.facts.host.service.logs import Logs
    from readiness.facts.host.service.processes import Memory, Processes
    from readiness.facts.host.service.service_paths import ServicePaths
    from readiness.facts.host.service.supervisors import HubSupervisor, Supervision
else:
    __all__, __getattr__ = front_door(__name__, __file__)
