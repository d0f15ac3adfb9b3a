"""MessageService: list_messages, list_replies, get_message, lookup_messages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import MAX_BYTES, decode_token, encode_token, fingerprint
from services.chat.actions.authorization import ActingAs, run_as_moderator
from services.chat.actions.deps import Deps
from services.chat.actions.page_cache import CachedPage, MessagePage
from services.chat.actions.page_join import PageRead, admit_messages, cache_page, join_page, own_reactions
from services.chat.actions.response_size import message_bytes, upper_bound_bytes
from services.chat.actions.room_transaction import RoomTransaction
from services.chat.domain.errors import MessageNotFoundError, RoomNotFoundError
from services.chat.domain.model import ModerationAction, Position, Tally, ThreadView
from services.chat.domain.pagination import Direction, PageSlice, Window, slice_page
from services.chat.domain.permissions import Actor, check_sees_deleted
from services.chat.domain.visibility import check_room_readable
from services.chat.store import message_list as store
from services.chat.store.message_query import MessageBatch, MessageRow, RoomStateRow


@dataclass(frozen=True, slots=True)
class MessageListing:
    """A ListMessages request. At most one of the three positions is set."""

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
    """A ListReplies request. At most one of the two positions is set."""

    room_id: UUID
    root_id: UUID
    page_size: int
    page_token: str
    deleted: bool
    before_seq: int | None = None
    after_seq: int | None = None


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """An encoded page for one more caller: `mine` are the caller's own reactions, (message id, emoji)."""

    content: bytes
    mine: set[tuple[UUID, str]]
    next_page_token: str


@dataclass(frozen=True, slots=True)
class MessageResult:
    """One message with its reactions. `deleted`: it shows its content although it is deleted."""

    message: MessageRow
    tallies: Sequence[Tally]
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class LookupResult:
    """Messages in room order with their reactions by message, and the ids that were not found."""

    messages: list[MessageRow]
    tallies: dict[UUID, list[Tally]]
    missing: list[UUID]


async def list_messages(deps: Deps, caller: Caller, listing: MessageListing) -> MessagePage | CachedResponse:
    """Return a page of a room's messages; one statement, two for a cached page that another process has changed."""
    binding = fingerprint(
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
    window = _window_from_token(listing.page_token, binding, listing.page_size) or _first_window(listing)
    if listing.deleted:
        # Never cache pages that include deleted messages: the purge of their reactions and revisions bumps no rev.
        return (await _read(deps, caller, listing, window, binding))[0]
    key = (listing.room_id, listing.view, listing.replies, window)
    cached, moves = deps.pages.get(key), deps.pages.moves(listing.room_id)
    if cached is not None and cached.moves == moves:
        mine = await _validate(deps, caller, listing.room_id, cached)
        if mine is not None:
            return CachedResponse(cached.content, mine, _token(binding, window, cached.next_seq))
    # The epoch before the read: if the connection leads to another copy, nothing is cached as of that copy.
    read = PageRead(deps.epoch.value, listing.room_id, listing.view, listing.replies, window, key, moves)
    joined = await join_page(deps, caller, read, None if cached is None else cached.former)
    if joined is not None:
        return CachedResponse(joined.content, joined.mine, _token(binding, window, joined.next_seq))
    page, batch, shown = await _read(deps, caller, listing, window, binding)
    if not admit_messages(deps, read, batch.messages, shown):
        return page
    content = deps.encode_page(page)
    cache_page(deps, read, page.position.rev, content, batch.tallies, shown)
    return CachedResponse(content, own_reactions(batch.tallies), page.next_page_token)


async def _read(
    deps: Deps, caller: Caller, listing: MessageListing, window: Window, binding: int
) -> tuple[MessagePage, MessageBatch, PageSlice]:
    """Read all of a page."""
    epoch = deps.epoch.value
    batch = await store.page(
        deps.database,
        listing.room_id,
        caller.user_id,
        listing.view,
        window,
        replies=listing.replies,
        deleted=listing.deleted,
    )
    room = _check_readable(listing.room_id, batch, deleted=listing.deleted)
    tops, replies = _split(batch.messages, listing.view)
    shown = _slice(window, tops, replies, batch)
    page = MessagePage(
        messages=[tops[seq] for seq in shown.seqs],
        replies=replies if listing.view is ThreadView.ROOTS else None,
        tallies=batch.tallies,
        deleted=listing.deleted,
        next_page_token=_token(binding, window, shown.next_seq),
        found_oldest=shown.found_oldest,
        found_newest=shown.found_newest,
        position=Position(listing.room_id, epoch, room.last_rev),
    )
    return page, batch, shown


async def _validate(
    deps: Deps, caller: Caller, room_id: UUID, cached: CachedPage
) -> set[tuple[UUID, str]] | None:
    """Return the caller's own reactions on a cached page; None when the room has changed since."""
    viewer = await store.viewer_state(deps.database, room_id, caller.user_id, cached.reacted_ids)
    check_room_readable(room_id, None if viewer is None else viewer.access)
    if viewer is None or (viewer.last_rev, deps.epoch.value) != (cached.rev, cached.epoch):
        return None
    return set(zip(viewer.my_ids or (), viewer.my_emojis or (), strict=True))


async def list_replies(deps: Deps, caller: Caller, listing: ReplyListing) -> MessagePage:
    """Return a page of a thread, the oldest reply first, with its root; one statement.

    A deleted root is found while it has live replies, or by moderators with show_deleted.
    """
    binding = fingerprint(
        "ListReplies",
        caller.user_id,
        listing.room_id,
        listing.root_id,
        listing.deleted,
        listing.before_seq,
        listing.after_seq,
    )
    window = _window_from_token(listing.page_token, binding, listing.page_size) or _first_replies(listing)
    epoch = deps.epoch.value
    batch = await store.replies(
        deps.database, listing.room_id, caller.user_id, listing.root_id, window, deleted=listing.deleted
    )
    room = _check_readable(listing.room_id, batch, deleted=listing.deleted)
    root = next((row for row in batch.messages if row.root_seq is None), None)
    if root is None or (root.deleted_at is not None and not root.reply_count and not listing.deleted):
        raise MessageNotFoundError(listing.root_id)
    replies = {row.seq: row for row in batch.messages if row is not root}
    shown = _slice(window, replies, {}, batch)
    return MessagePage(
        messages=[replies[seq] for seq in reversed(shown.seqs)],
        replies=None,
        tallies=batch.tallies,
        deleted=listing.deleted,
        next_page_token=_token(binding, window, shown.next_seq),
        found_oldest=shown.found_oldest,
        found_newest=shown.found_newest,
        position=Position(listing.room_id, epoch, room.last_rev),
        root=root,
    )


async def get_message(
    deps: Deps, caller: Caller, acting_as: ActingAs, message_id: UUID, *, deleted: bool
) -> MessageResult:
    """Return one message of a room; one statement, except for a read with as_admin, which is audited.

    With `deleted` also a deleted one, for moderators.
    """
    try:
        if acting_as.as_admin:
            return await _inspected(deps, caller, acting_as, message_id, deleted=deleted)
        batch = await store.by_ids(deps.database, acting_as.room_id, caller.user_id, [message_id])
        _check_readable(acting_as.room_id, batch, deleted=deleted)
    except RoomNotFoundError:
        # In a hidden room every message is missing.
        raise MessageNotFoundError(message_id) from None
    return _one(batch, message_id, deleted=deleted)


async def lookup_messages(deps: Deps, caller: Caller, room_id: UUID, message_ids: list[UUID]) -> LookupResult:
    """Return the live messages of these ids in room order; one statement.

    In a hidden or missing room all are missing.
    """
    batch = await store.by_ids(deps.database, room_id, caller.user_id, message_ids)
    live = sorted((row for row in batch.messages if row.deleted_at is None), key=lambda row: row.seq)
    there = {row.id for row in live}
    return LookupResult(
        live, batch.tallies, [each for each in dict.fromkeys(message_ids) if each not in there]
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
        await tx.audit(actor, ModerationAction.READ_MESSAGE, message_id=message_id)
        return one

    result, _ = await run_as_moderator(deps, caller, acting_as, operation)
    return result


def _one(batch: MessageBatch, message_id: UUID, *, deleted: bool) -> MessageResult:
    if not batch.messages or (batch.messages[0].deleted_at is not None and not deleted):
        raise MessageNotFoundError(message_id)
    return MessageResult(batch.messages[0], batch.tallies.get(message_id, ()), deleted)


def _check_readable(room_id: UUID, batch: MessageBatch, *, deleted: bool) -> RoomStateRow:
    """Return the room's row; raises when the caller may not read the room, or its deleted messages."""
    access = check_room_readable(room_id, None if batch.room is None else batch.room.access)
    if deleted:
        check_sees_deleted(access.role)
    assert batch.room is not None  # noqa: S101 - it has just passed the check
    return batch.room


def _window_from_token(page_token: str, binding: int, size: int) -> Window | None:
    """Return the window of a page token; None without a token."""
    if not page_token:
        return None
    match list(decode_token(page_token, binding).numbers):
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


def _token(binding: int, window: Window, next_seq: int | None) -> str:
    return "" if next_seq is None else encode_token(binding, (window.direction, next_seq))


def _split(
    rows: list[MessageRow], view: ThreadView
) -> tuple[dict[int, MessageRow], dict[int, list[MessageRow]]]:
    """Return the page's messages by seq and, in the view of roots, their first replies in order."""
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
    window: Window, tops: dict[int, MessageRow], replies: dict[int, list[MessageRow]], batch: MessageBatch
) -> PageSlice:
    """Slice the page from the messages by seq and their first replies."""
    if upper_bound_bytes(batch) <= MAX_BYTES:
        # Almost every page fits as a whole, which the upper bound shows without measuring each message.
        return slice_page(window, list(tops), lambda _: 0, MAX_BYTES)

    def size_of(seq: int) -> int:
        rows = (tops[seq], *replies.get(seq, ()))
        return sum(message_bytes(row, batch.tallies.get(row.id, ())) for row in rows)

    return slice_page(window, list(tops), size_of, MAX_BYTES)
