"""The normalized text of messages, and the windows of time in which search looks for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from search_text import index_terms
from servicekit.clock import Micros

BUCKET_BITS = (4, 10, 16, 22, 28)
"""The sizes of time buckets, as powers of two of seconds: 16 seconds, 17 minutes, 18 hours, 49 days, 8.5 years.

The search index has a key for the bucket of each size that a message is in.
"""
SIZE_SHIFT = 28
"""A bucket's key is its number, and above these bits the index of its size."""
_MILLION = 1_000_000
# How many buckets of 49 days a window may have before the rest is one window: two years in all.
_MAX_WIDTH = 8


class TimeWindow(NamedTuple):
    """A span of time, from `start_at` up to but not including `end_at`, and buckets that cover it."""

    start_at: Micros
    end_at: Micros
    buckets: tuple[int, ...]


def time_windows(start_at: Micros | None, end_at: Micros) -> Iterator[TimeWindow]:
    """Yield adjacent windows from `end_at` back to `start_at`, each up to 64 times as long as the one before.

    A search takes one after the other until it has a page, so it reads at most some thousand hits of a word that is
    said evenly, however many there are. The first one is half an hour. Messages before 1970 are not found.
    """
    floor = 0 if start_at is None else max(start_at, 0)
    upper = max(end_at, 0)
    for size, first in _steps(upper // _MILLION):
        lower = max((first << BUCKET_BITS[size]) * _MILLION, floor)
        if lower < upper:
            yield TimeWindow(Micros(lower), Micros(upper), tuple(_buckets(size, lower, upper)))
            upper = lower


def split_window(window: TimeWindow) -> list[TimeWindow]:
    """Return the windows of one bucket each that make up a window, the newest first; none if there is no smaller one."""
    size = window.buckets[0] >> SIZE_SHIFT
    if len(window.buckets) == 1:
        size -= 1
    if size < 0:
        return []
    length = _MILLION << BUCKET_BITS[size]
    starts = [window.start_at, *range((window.start_at // length + 1) * length, window.end_at, length)]
    ends = [*starts[1:], window.end_at]
    return [
        TimeWindow(Micros(start), Micros(end), tuple(_buckets(size, start, end)))
        for start, end in zip(reversed(starts), reversed(ends), strict=True)
    ]


def _steps(second: int) -> Iterator[tuple[int, int]]:
    """Yield the size and the first bucket of each window back from a second."""
    last = len(BUCKET_BITS) - 1
    for size in range(1, last):
        # Two buckets: the current one may have begun just now.
        yield size, max((second >> BUCKET_BITS[size]) - 1, 0)
    first, width = (second >> BUCKET_BITS[last - 1]) - 1, 2
    while width <= _MAX_WIDTH:
        first, width = first - width, width * 2
        yield last - 1, max(first, 0)
    yield last, 0


def _buckets(size: int, lower: int, upper: int) -> Iterator[int]:
    bits = BUCKET_BITS[size]
    for number in range(lower // _MILLION >> bits, ((upper - 1) // _MILLION >> bits) + 1):
        yield (size << SIZE_SHIFT) + number


def search_text(text: str | None) -> str | None:
    """Return the terms of a text, which search compares; None without a text.

    Letters and digits only, so that word boundaries do not depend on PostgreSQL's parser, which recognizes paths,
    addresses and signed numbers.
    """
    return None if text is None else " ".join(index_terms(text))
