"""GetSystemStatus: the state of all services."""

from __future__ import annotations

from gateway.actions.deps import Deps
from gateway.domain.status import ServiceStatus


async def get_system_status(deps: Deps) -> list[ServiceStatus]:
    """Return the last known state of each service, the gateway first. Makes no call."""
    return deps.system_status.snapshot()
