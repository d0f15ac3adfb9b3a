"""GetSystemStatus: how all services are."""

from __future__ import annotations

from gateway.actions.deps import Deps
from gateway.domain.status import ServiceStatus


async def get_system_status(deps: Deps) -> list[ServiceStatus]:
    """What the gateway has last heard of each service, itself first. Asks nobody."""
    return deps.system_status.snapshot()
