"""The process: what a healthy host says of it, and every way to be broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tests.faults_infra.model import Fault, Told

HEALTHY: Final[dict[str, Told]] = {}
FAULTS: Final[tuple[Fault, ...]] = ()
