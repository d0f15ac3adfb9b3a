"""The in-memory cache of a process: LRU, bounded by weight, with an optional expiry for each entry."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class Cache(Generic[_K, _V]):
    """Up to `max_weight` of entries; those least recently read or written are evicted first.

    An entry weighs 1 unless `weigh` returns another weight, such as its bytes. Times are those of the caller's clock.
    """

    def __init__(self, max_weight: int, weigh: Callable[[_V], int] = lambda _: 1) -> None:
        self._max_weight = max_weight
        self._weigh = weigh
        self._entries: OrderedDict[_K, tuple[_V, float]] = OrderedDict()
        self.weight = 0

    def __contains__(self, key: _K) -> bool:
        return key in self._entries

    def get(self, key: _K, now: float = 0.0) -> _V | None:
        """The value of a key that has not expired at `now`."""
        entry = self._entries.get(key)
        if entry is None or now >= entry[1]:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def put(self, key: _K, value: _V, expires: float = math.inf) -> None:
        """Add or replace a value. One that is heavier than the whole cache is not kept."""
        self.discard(key)
        weight = self._weigh(value)
        if weight > self._max_weight:
            return
        self._entries[key] = (value, expires)
        self.weight += weight
        while self.weight > self._max_weight:
            self.discard(next(iter(self._entries)))

    def discard(self, key: _K) -> None:
        """Remove a key, if present."""
        entry = self._entries.pop(key, None)
        if entry is not None:
            self.weight -= self._weigh(entry[0])

    def clear(self) -> None:
        """Remove all entries."""
        self._entries.clear()
        self.weight = 0
