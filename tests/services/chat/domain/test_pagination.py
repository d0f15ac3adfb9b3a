"""Pages of history against the plain list they are cut from."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.chat.domain.pagination import Direction, PageSlice, Window, slice_page

HISTORIES = st.lists(st.integers(1, 60), unique=True, max_size=40).map(sorted)
SIZES = st.integers(1, 12)


def read(window: Window, history: list[int]) -> list[int]:
    """What the store reads for a window."""
    older = [seq for seq in reversed(history) if seq <= window.older_from][: window.older]
    newer = [seq for seq in history if seq > window.newer_from][: window.newer]
    return older + newer


def show(window: Window, history: list[int], size_of: int = 1, max_bytes: int = 1000) -> PageSlice:
    """The page of a window on a history whose messages take `size_of` bytes each."""
    return slice_page(window, read(window, history), lambda _: size_of, max_bytes)


@given(HISTORIES, SIZES)
def test_pages_from_the_newest_are_the_history_backwards(history: list[int], size: int) -> None:
    window, seen = Window.newest(size), []
    while True:
        page = show(window, history)
        seen += page.seqs
        if page.next_seq is None:
            break
        window = Window.following(Direction.OLDER, page.next_seq, size)
    assert seen == history[::-1]


@given(HISTORIES, SIZES, st.integers(0, 61))
def test_pages_after_a_seq_are_the_rest_forwards(history: list[int], size: int, start: int) -> None:
    window, seen = Window.after(start, size), []
    while True:
        page = show(window, history)
        seen += page.seqs[::-1]
        if page.next_seq is None:
            break
        window = Window.following(Direction.NEWER, page.next_seq, size)
    assert seen == [seq for seq in history if seq > start]


@given(HISTORIES, SIZES, st.integers(1, 61), st.sampled_from([Window.before, Window.after, Window.around]))
def test_the_ends_are_told_exactly(history: list[int], size: int, seq: int, make: type[Window]) -> None:
    page = show(make(seq, size), history)  # type: ignore[arg-type, call-arg]  # a classmethod of Window each
    if page.seqs:
        assert page.found_oldest == (page.seqs[-1] == history[0])
        assert page.found_newest == (page.seqs[0] == history[-1])
        assert len(page.seqs) <= max(size, 1)
        assert page.seqs == sorted(page.seqs, reverse=True)


@given(HISTORIES, SIZES, st.integers(1, 61))
def test_around_a_seq_shows_it_and_its_neighbours(history: list[int], size: int, seq: int) -> None:
    page = show(Window.around(seq, size), history)
    if seq in history:
        assert seq in page.seqs
    shown = sorted(page.seqs)
    if shown:
        first = history.index(shown[0])
        assert shown == history[first : first + len(shown)]


@given(HISTORIES, st.integers(1, 30), st.integers(1, 30))
def test_a_page_ends_before_its_bytes_but_never_empty(history: list[int], size_of: int, budget: int) -> None:
    window, seen = Window.newest(50), []
    while True:
        page = show(window, history, size_of, budget)
        assert len(page.seqs) <= max(1, budget // size_of)
        seen += page.seqs
        if page.next_seq is None:
            break
        window = Window.following(Direction.OLDER, page.next_seq, 50)
    assert seen == history[::-1]
