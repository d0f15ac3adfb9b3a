"""The windows of time of a search, as plain functions."""

from __future__ import annotations

import itertools
import random

import pytest

from servicekit.clock import Micros
from services.chat.domain.message_search import (
    BUCKET_BITS,
    SIZE_SHIFT,
    TimeWindow,
    split_window,
    time_windows,
)

_MILLION = 1_000_000
_NOW = 1_795_000_000 * _MILLION
_RANDOM = random.Random(7)
_ENDS = [
    *(_RANDOM.randrange(_NOW) for _ in range(200)),
    # At, right before and right after the boundaries of buckets.
    *(((_NOW // _MILLION >> bits) << bits) * _MILLION + near for bits in BUCKET_BITS for near in (-1, 0, 1)),
    *(0, 1, _MILLION, 1 << 30, 4_000_000_000 * _MILLION),
]


def _span(window: TimeWindow) -> int:
    return window.end_at - window.start_at


def _keys(at: int) -> set[int]:
    """The keys that the search index has for an instant."""
    return {(size << SIZE_SHIFT) + (at // _MILLION >> bits) for size, bits in enumerate(BUCKET_BITS)}


@pytest.mark.parametrize("start", [None, 0, _NOW // 2, _NOW - 3_600 * _MILLION])
def test_windows_are_adjacent_and_cover_all_the_time(start: int | None) -> None:
    for end in _ENDS:
        windows = list(time_windows(None if start is None else Micros(start), Micros(end)))
        if not windows:
            assert end <= (start or 0)
            continue
        assert (windows[0].end_at, windows[-1].start_at) == (end, start or 0)
        assert all(later.start_at == earlier.end_at for later, earlier in itertools.pairwise(windows))
        assert all(_span(window) > 0 for window in windows)


def test_the_buckets_of_a_window_have_every_instant_of_it() -> None:
    for end in _ENDS:
        for window in time_windows(None, Micros(end)):
            inside = (window.start_at, window.end_at - 1, _RANDOM.randrange(window.start_at, window.end_at))
            assert all(_keys(at) & set(window.buckets) for at in inside)
            # Of one size, which is at most as long as the window.
            (size,) = {bucket >> SIZE_SHIFT for bucket in window.buckets}
            assert len(window.buckets) <= _span(window) // (_MILLION << BUCKET_BITS[size]) + 2


def test_windows_widen_by_no_more_than_a_size_of_buckets() -> None:
    for end in _ENDS:
        windows = list(time_windows(None, Micros(end)))
        for later, earlier in itertools.pairwise(windows[:-1]):
            assert _span(earlier) <= 128 * max(_span(later), _MILLION << BUCKET_BITS[1])
        assert len(windows) <= 7


def test_a_window_is_split_into_its_buckets_and_these_into_smaller_ones() -> None:
    for end in _ENDS:
        window = _RANDOM.choice([*time_windows(None, Micros(end)), TimeWindow(Micros(0), Micros(1), (0,))])
        while parts := split_window(window):
            assert (parts[0].end_at, parts[-1].start_at) == (window.end_at, window.start_at)
            assert all(later.start_at == earlier.end_at for later, earlier in itertools.pairwise(parts))
            for part in parts:
                (bucket,) = part.buckets
                assert {bucket} <= _keys(part.start_at) & _keys(part.end_at - 1)
            window = _RANDOM.choice(parts)
        assert _span(window) <= _MILLION << BUCKET_BITS[0]
