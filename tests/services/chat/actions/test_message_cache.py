"""Which messages are cached, and which of them a page's statement is told of."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from services.chat.actions.message_cache import CachedMessage, FormerPage
from services.chat.actions.page_cache import CachedPage, PageCache
from services.chat.domain.model import ThreadView
from services.chat.domain.pagination import Window

_MIB = 1 << 20
_ROOM, _ROOTS = uuid.UUID(int=1), ThreadView.ROOTS


def _message(rev: int, size: int = 200, root_seq: int | None = None) -> CachedMessage:
    return CachedMessage(uuid.uuid4(), rev, root_seq, size, b"x" * size, 2)


def _cache(seqs: Iterable[int], size: int = 200, mib: int = 8) -> PageCache:
    pages = PageCache(mib * _MIB)
    pages.messages.put("epoch", _ROOM, ((seq, _message(seq, size)) for seq in seqs))
    return pages


def _known(pages: PageCache, window: Window, former: FormerPage | None = None) -> list[int] | None:
    """The seqs that the statement is told of; their revs must be at the places of the seqs."""
    known = pages.messages.near("epoch", _ROOM, _ROOTS, window, former)
    if known is None:
        return None
    first, revs = known.revs
    found = [int.from_bytes(revs[at : at + 8], "big") for at in range(0, len(revs), 8)]
    assert [rev for rev in found if rev] == [first + place for place, rev in enumerate(found) if rev]
    return [known[rev].rev for rev in found if rev]


def test_messages_near_a_window_are_known_on_both_sides() -> None:
    pages = _cache(range(1, 400))
    known = _known(pages, Window.before(200, 50))
    assert known is not None
    assert set(range(149, 220)) <= set(known)
    known = _known(pages, Window.after(200, 50))
    assert known is not None
    assert set(range(200, 252)) <= set(known)
    # As much as the window needs, not all there is.
    assert len(known) < 300


def test_the_newest_messages_are_found_from_the_page_as_it_was() -> None:
    pages = _cache(range(1, 400))
    assert _known(pages, Window.newest(50)) is None
    known = _known(pages, Window.newest(50), FormerPage(390, 50))
    assert known is not None
    assert set(range(340, 400)) <= set(known)


def test_a_window_of_which_less_than_half_is_cached_is_read_whole() -> None:
    assert _known(_cache(range(160, 220)), Window.before(200, 50)) is not None
    # Those after the window, as when somebody scrolls on from a cached page, do not count.
    assert _known(_cache(range(180, 300)), Window.before(200, 50)) is None
    assert _known(_cache(range(100, 210)), Window.after(200, 50)) is None
    # In a small room there are no more.
    assert _known(_cache(range(1, 9)), Window.before(9, 50)) == [*range(1, 9)]
    assert _known(_cache(range(1, 9)), Window.newest(50), FormerPage(8, 8)) == [*range(1, 9)]


def test_messages_of_another_room_or_copy_of_the_database_are_not_known() -> None:
    pages, window = _cache(range(1, 400)), Window.before(200, 50)
    assert pages.messages.near("another", _ROOM, _ROOTS, window, None) is None
    assert pages.messages.near("epoch", uuid.UUID(int=2), _ROOTS, window, None) is None


def test_replies_count_where_they_are_shown_as_roots_are() -> None:
    pages = PageCache(_MIB)
    replies = ((seq, _message(seq, root_seq=1)) for seq in range(100, 500))
    pages.messages.put("epoch", _ROOM, replies)
    window = Window.before(400, 100)
    all_of_them = pages.messages.near("epoch", _ROOM, ThreadView.ALL, window, None)
    roots = pages.messages.near("epoch", _ROOM, _ROOTS, window, None)
    assert all_of_them is not None
    # A page of roots looks further for them.
    assert roots is None or len(roots.messages) > len(all_of_them.messages)


def test_a_newer_rev_takes_the_place_of_an_older_one() -> None:
    pages = _cache([5], size=100)
    before = pages.size
    pages.messages.put("epoch", _ROOM, [(5, _message(9, 300))])
    assert pages.size == before + 200
    assert not pages.messages.has("epoch", _ROOM, 5, 5)
    assert pages.messages.has("epoch", _ROOM, 5, 9)


def test_messages_and_pages_share_a_budget() -> None:
    pages = _cache(range(1, 10_000), size=1_000, mib=1)
    assert pages.size <= _MIB
    assert not pages.messages.has("epoch", _ROOM, 1, 1)
    assert pages.messages.has("epoch", _ROOM, 9_999, 9_999)
    pages.put("page", CachedPage("epoch", 1, b"x" * (_MIB - 5_000), [], None))
    assert pages.size <= _MIB
    assert not pages.messages.has("epoch", _ROOM, 9_999, 9_999)


def test_messages_are_admitted_when_a_page_that_begins_near_them_was_read_before() -> None:
    admit = PageCache(_MIB).messages.should_admit
    seqs = [(3_000, False), (2_950, False), (2_951, True), (3_001, True)]
    assert [admit("epoch", _ROOM, seq, admitted=False) for seq, _ in seqs] == [wanted for _, wanted in seqs]
    assert admit("epoch", _ROOM, 1, admitted=True)
    assert not PageCache(0).messages.should_admit("epoch", _ROOM, 1, admitted=True)
