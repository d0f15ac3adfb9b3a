"""MessageService: list_messages, get_message."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import PageTokenMismatchError
from servicekit.pages import MAX_BYTES, decode_token, encode_token, fingerprint
from services.chat.actions.deps import Deps
from services.chat.domain.errors import MessageNotFoundError, RoomNotFoundError
from services.chat.domain.model import Message, ThreadView
from services.chat.domain.paging import Direction, Window, cut
from services.chat.domain.visibility import check_readable
from services.chat.store import messages as store
from services.chat.store.messages import MessageRow

# What a message costs on the wire beside its text: ids, times, marks, a track.
_OVERHEAD_BYTES = 500


@dataclass(frozen=True, slots=True)
class Listing:
    """Which messages to list. At most one of the three positions is given."""

    room_id: UUID
    page_size: int
    page_token: str
    view: ThreadView
    replies: int
    before_seq: int | None = None
    after_seq: int | None = None
    around_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page, the newest message first. `rev` is the room's last, of the same snapshot."""

    messages: list[Message]
    next_page_token: str
    found_oldest: bool
    found_newest: bool
    epoch: str
    rev: int


async def list_messages(deps: Deps, caller: Caller, listing: Listing) -> Page:
    """A page of a room's messages; one statement."""
    mark = _fingerprint(caller, listing)
    window = _window(listing, mark)
    rows = await store.page(
        deps.database, listing.room_id, caller.user_id, listing.view, window, listing.replies
    )
    check_readable(listing.room_id, rows[0] if rows else None)
    tops, replies = _split(rows, listing.view)

    def size_of(seq: int) -> int:
        return sum(map(_bytes, (tops[seq], *replies[seq])))

    shown = cut(window, list(tops), size_of, MAX_BYTES)
    messages = []
    for seq in shown.seqs:
        message = tops[seq].message(listing.room_id)
        message.replies = [row.message(listing.room_id) for row in replies[seq]]
        messages.append(message)
    token = "" if shown.next_seq is None else encode_token(mark, (window.direction, shown.next_seq))
    return Page(messages, token, shown.found_oldest, shown.found_newest, deps.epoch.value, rows[0].last_rev)


async def get_message(deps: Deps, caller: Caller, room_id: UUID, message_id: UUID) -> Message:
    """One live message of a room that the caller may read; one statement."""
    row = await store.message(deps.database, room_id, caller.user_id, message_id)
    try:
        check_readable(room_id, row)
    except RoomNotFoundError:
        # A message that can't be known of is missing, whatever the room is.
        raise MessageNotFoundError(message_id) from None
    if row is None or row.seq is None:
        raise MessageNotFoundError(message_id)
    return row.message(room_id)


def _fingerprint(caller: Caller, listing: Listing) -> int:
    return fingerprint(
        "ListMessages",
        caller.user_id,
        listing.room_id,
        listing.view.name,
        listing.replies,
        listing.before_seq,
        listing.after_seq,
        listing.around_seq,
    )


def _window(listing: Listing, mark: int) -> Window:
    size = listing.page_size
    if listing.page_token:
        numbers = decode_token(listing.page_token, mark).numbers
        if len(numbers) != 2 or numbers[0] not in (Direction.OLDER, Direction.NEWER) or numbers[1] < 1:  # noqa: PLR2004 - a pair
            raise PageTokenMismatchError
        return Window.following(Direction(numbers[0]), numbers[1], size)
    if listing.before_seq is not None:
        return Window.before(listing.before_seq, size)
    if listing.after_seq is not None:
        return Window.after(listing.after_seq, size)
    if listing.around_seq is not None:
        return Window.around(listing.around_seq, size)
    return Window.newest(size)


def _split(
    rows: list[MessageRow], view: ThreadView
) -> tuple[dict[int, MessageRow], defaultdict[int, list[MessageRow]]]:
    """The page's messages by seq and, in the view of roots, their first replies in order."""
    tops: dict[int, MessageRow] = {}
    replies: defaultdict[int, list[MessageRow]] = defaultdict(list)
    for row in rows:
        if row.seq is None:
            continue
        if view is ThreadView.ROOTS and row.root_seq is not None:
            replies[row.root_seq].append(row)
        else:
            tops[row.seq] = row
    for thread in replies.values():
        thread.sort(key=lambda row: row.seq or 0)
    return tops, replies


def _bytes(row: MessageRow) -> int:
    return _OVERHEAD_BYTES + (len(row.text.encode()) if row.text else 0)
