"""Which pages are kept, and for how long."""

from __future__ import annotations

import uuid

from services.chat.actions.page_cache import CachedPage, PageCache

_MIB = 1 << 20


def _page(rev: int = 1, size: int = 1_000) -> CachedPage:
    return CachedPage("epoch", rev, b"x" * size, [uuid.uuid4()], None)


def test_a_page_is_wanted_the_second_time_it_is_read() -> None:
    pages = PageCache(_MIB)
    assert [pages.should_admit("a"), pages.should_admit("a"), pages.should_admit("b")] == [False, True, False]


def test_a_kept_page_is_wanted_again_when_it_is_made_anew() -> None:
    pages = PageCache(_MIB)
    pages.put("a", _page(rev=1))
    assert pages.should_admit("a")
    pages.put("a", newer := _page(rev=2))
    assert pages.get("a") is newer
    assert pages.size == newer.size


def test_pages_read_longest_ago_make_room() -> None:
    pages = PageCache(3 * _page().size)
    for key in "abc":
        pages.put(key, _page())
    assert pages.get("a")
    pages.put("d", _page())
    assert [key for key in "abcd" if pages.get(key)] == ["a", "c", "d"]
    assert pages.size == 3 * _page().size


def test_a_page_that_is_too_large_is_not_kept_and_its_older_one_goes() -> None:
    pages = PageCache(5_000)
    pages.put("a", _page())
    pages.put("a", _page(size=5_000))
    assert pages.get("a") is None
    assert pages.size == 0


def test_without_room_nothing_is_wanted() -> None:
    pages = PageCache(0)
    assert [pages.should_admit("a"), pages.should_admit("a")] == [False, False]


def test_notes_of_what_was_read_once_are_bounded() -> None:
    pages = PageCache(_MIB)
    for number in range(5_000):
        pages.should_admit(number)
    assert not pages.should_admit(0)
    assert pages.should_admit(4_999)


def test_moves_of_rooms_are_counted_for_those_that_moved_last() -> None:
    pages = PageCache(_MIB)
    room_id = uuid.uuid4()
    assert pages.moves(room_id) == 0
    pages.room_moved(room_id)
    pages.room_moved(room_id)
    assert pages.moves(room_id) == 2
    for _ in range(5_000):
        pages.room_moved(uuid.uuid4())
    assert pages.moves(room_id) == 0
