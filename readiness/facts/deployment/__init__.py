"""What was deployed: the hub's configuration, environment, keys, and what surrounds a deploy on its host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.deployment import hub_config, hub_folders, rotation_record
    from readiness.facts.deployment.deploy_conditions import DeployConditions
    from readiness.facts.deployment.deployment import Deployment, claims, expected_servers, expected_version, version_in
    from readiness.facts.deployment.env_loader import EnvLoader
    from readiness.facts.deployment.environment import Environment
    from readiness.facts.deployment.hub_config import HubConfig, read
    from readiness.facts.deployment.provider_keys import PROVIDERS, ProviderKeys
else:
    __all__, __getattr__ = front_door(__name__, __file__)
