"""How the services are, as far as the gateway has heard."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import NamedTuple

from servicekit.clock import Micros


class ServiceState(enum.Enum):
    """Whether a service takes calls; the names are those of seda.gateway.v1.ServiceState."""

    UNSPECIFIED = "not heard of yet"
    SERVING = "takes calls"
    NOT_SERVING = "answers, but takes no calls"
    UNREACHABLE = "does not answer"


_BEST_FIRST = (
    ServiceState.SERVING,
    ServiceState.NOT_SERVING,
    ServiceState.UNSPECIFIED,
    ServiceState.UNREACHABLE,
)


class ServiceStatus(NamedTuple):
    """A service's state, and since when; `since` is None as long as nothing was heard."""

    name: str
    state: ServiceState
    since: Micros | None


def aggregate(states: Iterable[ServiceState]) -> ServiceState:
    """The state of a service with several replicas: one that takes calls is enough."""
    return min(states, key=_BEST_FIRST.index)
