"""MessageService: list_messages, list_replies, get_message, lookup_messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import MAX_BYTES, decode_token, encode_token, fingerprint
from services.chat.actions.authorization import ActingAs, run_as_moderator
from services.chat.actions.deps import Deps
from services.chat.actions.page_cache import CachedPage
from services.chat.actions.response_size import row_bytes, upper_bound_bytes
from services.chat.actions.room_transaction import RoomTransaction
from services.chat.domain.errors import MessageNotFoundError, RoomNotFoundError
from services.chat.domain.model import Tally, ThreadView
from services.chat.domain.pagination import Direction, PageSlice, Window, slice_page
from services.chat.domain.permissions import Actor, check_sees_deleted
from services.chat.domain.visibility import check_room_readable
from services.chat.store import message_list as store
from services.chat.store.message_query import MessageBatch, MessageRow


@dataclass(frozen=True, slots=True)
class MessageListing:
    """Which messages to list. At most one of the three positions is given."""

    room_id: UUID
    page_size: int
    page_token: str
    view: ThreadView
    replies: int
    deleted: bool
    before_seq: int | None = None
    after_seq: int | None = None
    around_seq: int | None = None


@dataclass(frozen=True, slots=True)
class ReplyListing:
    """Which replies to list. At most one of the two positions is given."""

    room_id: UUID
    root_id: UUID
    page_size: int
    page_token: str
    deleted: bool
    before_seq: int | None = None
    after_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of messages: the newest first, or of a thread the oldest first, with its `root`.

    `replies` has the first live replies by the seq of their root, in order; None where none are shown. `tallies`
    are by message. `deleted`: deleted messages tell what they said. `rev` is the room's last, of the same snapshot.
    `keep`, where the page is wanted for others, takes it as it is for everybody: without marks of the caller's own
    reactions and without a token.
    """

    messages: list[MessageRow]
    replies: dict[int, list[MessageRow]] | None
    tallies: dict[UUID, list[Tally]]
    deleted: bool
    next_page_token: str
    found_oldest: bool
    found_newest: bool
    epoch: str
    rev: int
    root: MessageRow | None = None
    keep: Callable[[bytes], None] | None = None


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """A page that was made before, for one more caller: `mine` are their own reactions, (message, emoji)."""

    content: bytes
    mine: set[tuple[UUID, str]]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class MessageResult:
    """One message with its reactions. `deleted`: it tells what it said though it is deleted."""

    message: MessageRow
    tallies: Sequence[Tally]
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class LookupResult:
    """Messages in order with their reactions by message, and the ids of those that there are none of."""

    messages: list[MessageRow]
    tallies: dict[UUID, list[Tally]]
    missing: list[UUID]


async def list_messages(deps: Deps, caller: Caller, listing: MessageListing) -> Page | CachedResponse:
    """A page of a room's messages; one statement, two for one that has changed since it was cached."""
    request_fingerprint = fingerprint(
        "ListMessages",
        caller.user_id,
        listing.room_id,
        listing.view.name,
        listing.replies,
        listing.deleted,
        listing.before_seq,
        listing.after_seq,
        listing.around_seq,
    )
    window = _window_from_token(listing.page_token, request_fingerprint, listing.page_size) or _first_window(
        listing
    )
    # A page with deleted messages is made anew: what is taken off those before they are emptied moves no rev.
    key = None if listing.deleted else (listing.room_id, listing.view, listing.replies, window)
    cached = None if key is None else deps.pages.get(key)
    if cached is not None:
        shared = await _from_cache(
            deps, caller, listing, cached, lambda: _token(request_fingerprint, window, cached.next_seq)
        )
        if shared is not None:
            return shared
    return await _page(deps, caller, listing, window, key, request_fingerprint)


async def _from_cache(
    deps: Deps, caller: Caller, listing: MessageListing, cached: CachedPage, token: Callable[[], str]
) -> CachedResponse | None:
    """A cached page, if nothing has changed in the room since it was made."""
    now = await store.viewer_state(deps.database, listing.room_id, caller.user_id, cached.reacted_ids)
    room = check_room_readable(listing.room_id, now)
    if (room.last_rev, deps.epoch.value) != (cached.rev, cached.epoch):
        return None
    mine = set(zip(room.my_ids or (), room.my_emojis or (), strict=True))
    return CachedResponse(cached.content, mine, token())


async def _page(
    deps: Deps,
    caller: Caller,
    listing: MessageListing,
    window: Window,
    key: Hashable | None,
    request_fingerprint: int,
) -> Page:
    epoch = deps.epoch.value
    found = await store.page(
        deps.database,
        listing.room_id,
        caller.user_id,
        listing.view,
        window,
        replies=listing.replies,
        deleted=listing.deleted,
    )
    room = _readable(listing.room_id, found, deleted=listing.deleted)
    tops, replies = _split(found.messages, listing.view)
    shown = _slice(window, tops, replies, found)

    def keep(content: bytes) -> None:
        # The epoch of before: should the connection have led to another copy, the page is never taken for its.
        deps.pages.put(key, CachedPage(epoch, room.rev, content, list(found.tallies), shown.next_seq))

    return Page(
        messages=[tops[seq] for seq in shown.seqs],
        replies=replies if listing.view is ThreadView.ROOTS else None,
        tallies=found.tallies,
        deleted=listing.deleted,
        next_page_token=_token(request_fingerprint, window, shown.next_seq),
        found_oldest=shown.found_oldest,
        found_newest=shown.found_newest,
        epoch=deps.epoch.value,
        rev=room.rev,
        keep=keep if key is not None and deps.pages.should_admit(key) else None,
    )


async def list_replies(deps: Deps, caller: Caller, listing: ReplyListing) -> Page:
    """A page of a thread, the oldest reply first, with its root; one statement.

    A root that is deleted is there as long as it has live replies, or for moderators who ask for deleted ones.
    """
    request_fingerprint = fingerprint(
        "ListReplies",
        caller.user_id,
        listing.room_id,
        listing.root_id,
        listing.deleted,
        listing.before_seq,
        listing.after_seq,
    )
    window = _window_from_token(listing.page_token, request_fingerprint, listing.page_size) or _first_replies(
        listing
    )
    found = await store.replies(
        deps.database, listing.room_id, caller.user_id, listing.root_id, window, deleted=listing.deleted
    )
    room = _readable(listing.room_id, found, deleted=listing.deleted)
    root = next((row for row in found.messages if row.root_seq is None), None)
    if root is None or (root.deleted_at is not None and not root.reply_count and not listing.deleted):
        raise MessageNotFoundError(listing.root_id)
    replies = {row.seq: row for row in found.messages if row is not root}
    shown = _slice(window, replies, {}, found)
    return Page(
        messages=[replies[seq] for seq in reversed(shown.seqs)],
        replies=None,
        tallies=found.tallies,
        deleted=listing.deleted,
        next_page_token=_token(request_fingerprint, window, shown.next_seq),
        found_oldest=shown.found_oldest,
        found_newest=shown.found_newest,
        epoch=deps.epoch.value,
        rev=room.rev,
        root=root,
    )


async def get_message(
    deps: Deps, caller: Caller, acting_as: ActingAs, message_id: UUID, *, deleted: bool
) -> MessageResult:
    """One message of a room; one statement, but for a read with as_admin, which is an act and logged.

    With `deleted` also a deleted one, for moderators.
    """
    try:
        if acting_as.as_admin:
            return await _inspected(deps, caller, acting_as, message_id, deleted=deleted)
        found = await store.by_ids(deps.database, acting_as.room_id, caller.user_id, [message_id])
        _readable(acting_as.room_id, found, deleted=deleted)
    except RoomNotFoundError:
        # A message that can't be known of is missing, whatever the room is.
        raise MessageNotFoundError(message_id) from None
    return _one(found, message_id, deleted=deleted)


async def lookup_messages(deps: Deps, caller: Caller, room_id: UUID, message_ids: list[UUID]) -> LookupResult:
    """The live messages of these ids in the order of the room; one statement.

    Of a room that the caller may not read, or that does not exist, all are missing.
    """
    found = await store.by_ids(deps.database, room_id, caller.user_id, message_ids)
    live = sorted((row for row in found.messages if row.deleted_at is None), key=lambda row: row.seq)
    there = {row.id for row in live}
    return LookupResult(
        live, found.tallies, [each for each in dict.fromkeys(message_ids) if each not in there]
    )


async def _inspected(
    deps: Deps, caller: Caller, acting_as: ActingAs, message_id: UUID, *, deleted: bool
) -> MessageResult:
    async def operation(tx: RoomTransaction, actor: Actor) -> MessageResult:
        one = _one(
            await store.by_id_unchecked(tx.session, acting_as.room_id, caller.user_id, message_id),
            message_id,
            deleted=deleted,
        )
        await tx.audit(actor, "READ_MESSAGE", message_id=message_id)
        return one

    return await run_as_moderator(deps.database, caller, acting_as, operation)


def _one(found: MessageBatch, message_id: UUID, *, deleted: bool) -> MessageResult:
    if not found.messages or (found.messages[0].deleted_at is not None and not deleted):
        raise MessageNotFoundError(message_id)
    return MessageResult(found.messages[0], found.tallies.get(message_id, ()), deleted)


def _readable(room_id: UUID, found: MessageBatch, *, deleted: bool) -> MessageRow:
    """The room's row; raises what the caller may not do: read the room, or ask for what is deleted."""
    room = check_room_readable(room_id, found.room)
    if deleted:
        check_sees_deleted(room.role)
    return room


def _window_from_token(page_token: str, request_fingerprint: int, size: int) -> Window | None:
    """The window of a page after the first one."""
    if not page_token:
        return None
    match list(decode_token(page_token, request_fingerprint).numbers):
        case [Direction.OLDER | Direction.NEWER as direction, seq] if seq >= 1:
            return Window.following(Direction(direction), seq, size)
        case _:
            raise PageTokenMismatchError


def _first_window(listing: MessageListing) -> Window:
    size = listing.page_size
    if listing.before_seq is not None:
        return Window.before(listing.before_seq, size)
    if listing.after_seq is not None:
        return Window.after(listing.after_seq, size)
    if listing.around_seq is not None:
        return Window.around(listing.around_seq, size)
    return Window.newest(size)


def _first_replies(listing: ReplyListing) -> Window:
    if listing.before_seq is not None:
        return Window.before(listing.before_seq, listing.page_size)
    return Window.after(listing.after_seq or 0, listing.page_size)


def _token(request_fingerprint: int, window: Window, next_seq: int | None) -> str:
    return "" if next_seq is None else encode_token(request_fingerprint, (window.direction, next_seq))


def _split(
    rows: list[MessageRow], view: ThreadView
) -> tuple[dict[int, MessageRow], dict[int, list[MessageRow]]]:
    """The page's messages by seq and, in the view of roots, their first replies in order."""
    if view is ThreadView.ALL:
        return {row.seq: row for row in rows}, {}
    tops: dict[int, MessageRow] = {}
    replies: defaultdict[int, list[MessageRow]] = defaultdict(list)
    for row in rows:
        if row.root_seq is None:
            tops[row.seq] = row
        else:
            replies[row.root_seq].append(row)
    for thread in replies.values():
        thread.sort(key=lambda row: row.seq)
    return tops, replies


def _slice(
    window: Window, tops: dict[int, MessageRow], replies: dict[int, list[MessageRow]], found: MessageBatch
) -> PageSlice:
    """What the page shows, of its messages by seq and their first replies."""
    if upper_bound_bytes(found) <= MAX_BYTES:
        # Almost every page fits whole, and that is told cheaply.
        return slice_page(window, list(tops), lambda _: 0, MAX_BYTES)

    def size_of(seq: int) -> int:
        rows = (tops[seq], *replies.get(seq, ()))
        return sum(row_bytes(row, found.tallies.get(row.id, ())) for row in rows)

    return slice_page(window, list(tops), size_of, MAX_BYTES)
