"""The cost of calls as one table per service: the statements that each call runs, in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.descriptor import ServiceDescriptor

from tests.services.running import Running

_Context = TypeVar("_Context")


@dataclass(frozen=True)
class RoundTrip(Generic[_Context]):
    """A call of `rpc` and its statements. The callers are cached: their lookup is no part of the cost."""

    rpc: str
    case: str
    call: Callable[[_Context], Awaitable[object]]
    statements: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.rpc} {self.case}".strip()


async def statements_of(
    running: Running, round_trip: RoundTrip[_Context], context: _Context
) -> tuple[str, ...]:
    """Run the call and return its statements."""
    with running.counting() as statements:
        await round_trip.call(context)
    return tuple(statements)


def missing(table: Sequence[RoundTrip[_Context]], *services: ServiceDescriptor) -> set[str]:
    """The methods of services without a row."""
    return {method.name for service in services for method in service.methods} - {row.rpc for row in table}
