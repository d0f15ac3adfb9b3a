"""The cache: which entries are evicted, when they expire, and what they weigh."""

from __future__ import annotations

from servicekit.cache import Cache


def present(cache: Cache[str, int], keys: str) -> str:
    """The keys that are cached, without using them."""
    return "".join(key for key in keys if key in cache)


def test_least_recently_read_entry_is_evicted() -> None:
    cache: Cache[str, int] = Cache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert present(cache, "abc") == "ac"


def test_refreshed_entry_is_not_the_first_to_be_evicted() -> None:
    cache: Cache[str, int] = Cache(2)
    cache.put("a", 1)
    cache.put("b", 2)
    cache.put("a", 3)
    cache.put("c", 4)
    assert present(cache, "abc") == "ac"
    assert cache.get("a") == 3


def test_entry_expires_at_its_time() -> None:
    cache: Cache[str, int] = Cache(2)
    cache.put("a", 1, expires=10.0)
    assert [cache.get("a", now) for now in (9.9, 10.0)] == [1, None]
    cache.put("a", 2, expires=20.0)
    assert cache.get("a", 10.0) == 2


def test_weight_bounds_the_cache() -> None:
    cache: Cache[str, int] = Cache(10, weigh=lambda value: value)
    cache.put("a", 4)
    cache.put("b", 4)
    cache.put("c", 5)
    assert (present(cache, "abc"), cache.weight) == ("bc", 9)
    cache.put("b", 11)
    assert (present(cache, "abc"), cache.weight) == ("c", 5)
    cache.clear()
    assert (present(cache, "abc"), cache.weight) == ("", 0)
