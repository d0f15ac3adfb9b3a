"""States of the services as last seen by the gateway."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

from servicekit.clock import Micros


class ServiceState(enum.Enum):
    """Whether a service is serving; the names equal seda.gateway.v1.ServiceState."""

    UNSPECIFIED = "not seen yet"
    SERVING = "serving"
    NOT_SERVING = "reachable, not serving"
    UNREACHABLE = "unreachable"


_BEST_FIRST = (
    ServiceState.SERVING,
    ServiceState.NOT_SERVING,
    ServiceState.UNSPECIFIED,
    ServiceState.UNREACHABLE,
)


class ServiceStatus(NamedTuple):
    """A service's state, and since when; `since` is None while the state is UNSPECIFIED."""

    name: str
    state: ServiceState
    since: Micros | None


def aggregate(states: Iterable[ServiceState]) -> ServiceState:
    """Return the state of a service with several replicas: the best of theirs."""
    return min(states, key=_BEST_FIRST.index)
