"""Where secrets get out: known values first, shapes second; what is found is never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from readiness.support import front_door

if TYPE_CHECKING:
    from readiness.facts.secretscan import known_secrets
    from readiness.facts.secretscan.heuristics import secret_literals
    from readiness.facts.secretscan.hub_answers import AnswerLeak, find_leaks, known_values
    from readiness.facts.secretscan.policy import SecretPolicy
    from readiness.facts.secretscan.stream_search import Needles, fingerprint, search_stream
    from readiness.facts.secretscan.targets import SecretSearch
else:
    __all__, __getattr__ = front_door(__name__, __file__)
