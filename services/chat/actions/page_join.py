"""ListMessages from cached messages: the part of a page that is not cached is read and encoded, and the parts are joined."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.pagination import MAX_BYTES
from services.chat.actions.deps import Deps
from services.chat.actions.message_cache import CachedMessage, FormerPage
from services.chat.actions.page_cache import CachedPage, EncodedMessages
from services.chat.actions.response_size import message_bytes, tallied_bytes
from services.chat.domain.model import Position, Tally, ThreadView
from services.chat.domain.pagination import PageSlice, Window, slice_page
from services.chat.domain.visibility import check_room_readable
from services.chat.store.message_cache import PageDelta, page_delta
from services.chat.store.message_query import MessageRow


class PageRead(NamedTuple):
    """The page to read: `key` is the page cache's, `epoch` and `moves` are those before the read."""

    epoch: str
    room_id: UUID
    view: ThreadView
    replies: int
    window: Window
    key: Hashable
    moves: int


@dataclass(frozen=True, slots=True)
class JoinedPage:
    """An encoded page. `mine` are the caller's own reactions (message id, emoji), unless they are marked in it already."""

    content: bytes
    mine: set[tuple[UUID, str]]
    next_seq: int | None


async def join_page(
    deps: Deps, caller: Caller, read: PageRead, former: FormerPage | None
) -> JoinedPage | None:
    """Join a page in one statement; None when too few of its messages are cached.

    `former`: the page as it was, where that is known.
    """
    cache = deps.pages.messages
    known = cache.near(read.epoch, read.room_id, read.view, read.window, former)
    if known is None:
        return None
    delta = await page_delta(
        deps.database,
        read.room_id,
        caller.user_id,
        read.view,
        read.window,
        replies=read.replies,
        known=known.revs,
    )
    check_room_readable(read.room_id, None if delta is None else delta.room.state.access)
    if delta is None or deps.epoch.value != read.epoch:
        # The same rev of another copy may be of another content.
        return None
    changed = {row.seq: _encode(deps, row) for row in delta.messages}
    if changed:
        cache.put(read.epoch, read.room_id, changed.items())
    messages = {seq: changed[seq] if seq in changed else known[seq] for seq in delta.room.seqs}
    page, shown = _arrange(read, delta, messages)
    admitted = deps.pages.should_admit(read.key)
    # A page for everybody has no marks.
    mine = own_reactions(delta.tallies) if admitted else set[tuple[UUID, str]]()
    content = deps.encode_messages(page, marked=not mine)
    if admitted:
        cache_page(deps, read, page.position.rev, content, delta.tallies, shown)
    return JoinedPage(content, mine, shown.next_seq)


def admit_messages(deps: Deps, read: PageRead, rows: Sequence[MessageRow], shown: PageSlice) -> bool:
    """Cache the messages of a page when it, or one that begins near it, was read before; return whether it was itself."""
    if deps.epoch.value != read.epoch:
        # The connection led to another copy, and the rows may be of either.
        return False
    admitted, cache = deps.pages.should_admit(read.key), deps.pages.messages
    if shown.seqs and cache.should_admit(read.epoch, read.room_id, shown.seqs[0], admitted=admitted):
        missing = [row for row in rows if not cache.has(read.epoch, read.room_id, row.seq, row.rev)]
        cache.put(read.epoch, read.room_id, [(row.seq, _encode(deps, row)) for row in missing])
    return admitted


def cache_page(
    deps: Deps, read: PageRead, rev: int, content: bytes, tallies: dict[UUID, list[Tally]], shown: PageSlice
) -> None:
    """Cache an encoded page without marks, at a rev of its room."""
    former = FormerPage(shown.seqs[0], len(shown.seqs)) if shown.seqs else None
    page = CachedPage(read.epoch, rev, content, list(tallies), shown.next_seq, former, read.moves)
    deps.pages.put(read.key, page)


def own_reactions(tallies: dict[UUID, list[Tally]]) -> set[tuple[UUID, str]]:
    """Return the message ids and emojis of the caller's own reactions."""
    return {(each, tally.emoji) for each, several in tallies.items() for tally in several if tally.me}


def _encode(deps: Deps, row: MessageRow) -> CachedMessage:
    return CachedMessage(row.id, row.rev, row.root_seq, message_bytes(row, ()), *deps.encode_element(row))


def _arrange(
    read: PageRead, delta: PageDelta, messages: dict[int, CachedMessage]
) -> tuple[EncodedMessages, PageSlice]:
    """Arrange the messages of a page, up to its limits in number and bytes."""
    room, tallies = delta.room, delta.tallies
    threads: dict[int, tuple[int, Micros]] = {}
    if room.thread_seqs is not None:
        sums = zip(room.reply_counts or (), room.last_reply_ats or (), strict=True)
        threads = dict(zip(room.thread_seqs, sums, strict=True))
    replies: defaultdict[int, list[CachedMessage]] = defaultdict(list)
    tops: list[int] = []
    for seq in sorted(room.seqs):
        message = messages[seq]
        if message.root_seq is None or read.view is ThreadView.ALL:
            tops.append(seq)
        else:
            replies[message.root_seq].append(message)

    def size_of(seq: int) -> int:
        both = (messages[seq], *replies.get(seq, ()))
        return sum(tallied_bytes(each.size, tallies.get(each.id, ())) for each in both)

    # Almost every page fits as a whole, which one sum shows.
    whole = tallied_bytes(sum([each.size for each in messages.values()]), room.state.emojis or ())
    shown = slice_page(read.window, tops, size_of if whole > MAX_BYTES else lambda _: 0, MAX_BYTES)
    page = EncodedMessages(
        messages=[(seq, messages[seq]) for seq in shown.seqs],
        threads=threads,
        replies=replies if read.view is ThreadView.ROOTS else None,
        tallies=tallies,
        found_oldest=shown.found_oldest,
        found_newest=shown.found_newest,
        position=Position(read.room_id, read.epoch, room.state.last_rev),
    )
    return page, shown
