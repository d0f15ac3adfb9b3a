"""Methods of the contract whose handlers are being written."""

from __future__ import annotations

from typing import Any, TypeVar

_S = TypeVar("_S", bound=type[Any])


def pending(servicer: _S) -> _S:
    """Add a handler that refuses to every method that the class lacks."""

    async def refuse(*_: object) -> None:
        raise NotImplementedError

    for method in servicer.descriptor.methods:
        if not hasattr(servicer, method.name):
            setattr(servicer, method.name, refuse)
    return servicer
