"""MessageService: list_messages, list_replies, get_message, lookup_messages."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import MAX_BYTES, decode_token, encode_token, fingerprint
from services.chat.actions.authorization import ActingAs, run_as_moderator
from services.chat.actions.deps import Deps
from services.chat.actions.page_cache import CachedPage, EncodedPage, RoomPage, Thread, ThreadPage
from services.chat.actions.response_size import encoded_bytes, message_bytes
from services.chat.actions.room_transaction import RoomTransaction
from services.chat.domain.errors import MessageNotFoundError, RoomNotFoundError
from services.chat.domain.model import ModerationAction, Position, Tally, ThreadView
from services.chat.domain.pagination import Direction, Window, slice_page
from services.chat.domain.permissions import Actor, check_sees_deleted
from services.chat.domain.visibility import check_room_readable
from services.chat.store import message_list as store
from services.chat.store.message_list import PageBatch
from services.chat.store.message_query import MessageBatch, MessageRow, RoomStateRow, group_tallies


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
class EncodedResponse:
    """An encoded page for one caller: `mine` are the caller's own reactions, (message id, emoji)."""

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


async def list_messages(deps: Deps, caller: Caller, listing: MessageListing) -> EncodedResponse:
    """Return a page of a room's messages; one statement, two for a page that changed since it was cached."""
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
    # Never cache pages that include deleted messages: the purge of their reactions and revisions bumps no rev.
    key = None if listing.deleted else (listing.room_id, listing.view, listing.replies, window)
    cached = None if key is None else deps.pages.get(key)
    if cached is not None:
        mine = await _validate(deps, caller, listing.room_id, cached)
        if mine is not None:
            return EncodedResponse(cached.content, mine, _token(binding, window, cached.next_seq))
    epoch = deps.epoch.value
    known = cached if cached is not None and cached.epoch == epoch else None
    batch = await _read(deps, caller, listing, window, known)
    if known is not None and deps.epoch.value != epoch:
        # The same rev of another copy may be of another content.
        known, epoch = None, deps.epoch.value
        batch = await _read(deps, caller, listing, window, None)
    room = batch.room
    state = _check_readable(listing.room_id, None if room is None else room.state, deleted=listing.deleted)
    admitted = key is not None and deps.pages.should_admit(key)
    # Of a page for everybody the caller's own reactions are marked later.
    tallies = group_tallies(state, marked=not admitted)
    page = _compose(deps, listing, window, batch, known, tallies)
    encoded = deps.encode_page(page)
    if admitted:
        # Of the epoch before the read: if the connection led to another copy, the page is never valid for that copy.
        deps.pages.put(key, _cached(epoch, page, encoded, _revs(batch, known), list(tallies)))
    mine = state.mine if admitted else set[tuple[UUID, str]]()
    return EncodedResponse(encoded.content, mine, _token(binding, window, page.next_seq))


def _read(
    deps: Deps, caller: Caller, listing: MessageListing, window: Window, known: CachedPage | None
) -> Awaitable[PageBatch]:
    return store.page(
        deps.database,
        listing.room_id,
        caller.user_id,
        window,
        replies=listing.replies if listing.view is ThreadView.ROOTS else None,
        deleted=listing.deleted,
        known=([], []) if known is None else (known.seqs.tolist(), known.revs.tolist()),
    )


def _compose(
    deps: Deps,
    listing: MessageListing,
    window: Window,
    batch: PageBatch,
    known: CachedPage | None,
    tallies_by_id: dict[UUID, list[Tally]],
) -> RoomPage:
    """Arrange the messages of a page, up to its limits in number and bytes."""
    room, view = batch.room, listing.view
    assert room is not None  # noqa: S101 - the caller may read it
    seqs, ids = room.seqs or [], room.ids or []
    contents = {
        seq: deps.encode_content(row, to_moderator=listing.deleted) for seq, row in batch.messages.items()
    }
    if known is not None:
        contents |= known.contents(seq for seq in seqs if seq not in contents)
    replies: defaultdict[int, list[int]] = defaultdict(list)
    tops: list[int] = []
    for seq, root_seq in zip(seqs, room.root_seqs or (), strict=True):
        if root_seq is None or view is ThreadView.ALL:
            tops.append(seq)
        else:
            replies[root_seq].append(seq)
    sums = zip(seqs, room.reply_counts or (), room.last_reply_ats or (), strict=True)
    threads = {
        seq: Thread(count, last_at, sorted(replies[seq]) if view is ThreadView.ROOTS else None)
        for seq, count, last_at in sums
        if count
    }
    tallies = {seq: tallies_by_id[each] for seq, each in zip(seqs, ids, strict=True) if each in tallies_by_id}

    def size_of(seq: int) -> int:
        thread = threads.get(seq)
        shown = (seq, *(thread.replies or ())) if thread is not None else (seq,)
        return sum(encoded_bytes(len(contents[each]), len(tallies.get(each, ()))) for each in shown)

    # Almost every page fits as a whole, which one sum shows without measuring each message.
    most = encoded_bytes(sum(map(len, contents.values())), sum(map(len, tallies.values())), len(seqs))
    part = slice_page(window, tops, size_of if most > MAX_BYTES else lambda _: 0, MAX_BYTES)
    return RoomPage(
        seqs=part.seqs,
        threads=threads,
        contents=contents,
        tallies=tallies,
        found_oldest=part.found_oldest,
        found_newest=part.found_newest,
        next_seq=part.next_seq,
        position=Position(listing.room_id, deps.epoch.value, room.state.last_rev),
    )


def _revs(batch: PageBatch, known: CachedPage | None) -> dict[int, int]:
    """Return the rev of each message, of the known ones, too."""
    revs = {} if known is None else known.revs_by_seq
    return revs | {seq: row.rev for seq, row in batch.messages.items()}


def _cached(
    epoch: str, page: RoomPage, encoded: EncodedPage, revs: dict[int, int], reacted_ids: list[UUID]
) -> CachedPage:
    starts = encoded.starts
    return CachedPage(
        epoch,
        page.position.rev,
        encoded.content,
        reacted_ids,
        page.next_seq,
        array("q", starts),
        array("q", [revs[seq] for seq in starts]),
        array("q", starts.values()),
        array("q", [start + len(page.contents[seq]) for seq, start in starts.items()]),
    )


async def _validate(
    deps: Deps, caller: Caller, room_id: UUID, cached: CachedPage
) -> set[tuple[UUID, str]] | None:
    """Return the caller's own reactions on a cached page; None when the room has changed since."""
    viewer = await store.viewer_state(deps.database, room_id, caller.user_id, cached.reacted_ids)
    check_room_readable(room_id, None if viewer is None else viewer.access)
    if viewer is None or (viewer.last_rev, deps.epoch.value) != (cached.rev, cached.epoch):
        return None
    return set(zip(viewer.my_ids or (), viewer.my_emojis or (), strict=True))


async def list_replies(deps: Deps, caller: Caller, listing: ReplyListing) -> ThreadPage:
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
    batch = await store.replies(
        deps.database, listing.room_id, caller.user_id, listing.root_id, window, deleted=listing.deleted
    )
    room = _check_readable(listing.room_id, batch.room, deleted=listing.deleted)
    root = next((row for row in batch.messages if row.root_seq is None), None)
    if root is None or (root.deleted_at is not None and not root.reply_count and not listing.deleted):
        raise MessageNotFoundError(listing.root_id)
    replies = {row.seq: row for row in batch.messages if row is not root}

    def size_of(seq: int) -> int:
        return message_bytes(replies[seq], batch.tallies.get(replies[seq].id, ()))

    shown = slice_page(window, list(replies), size_of, MAX_BYTES)
    return ThreadPage(
        root=root,
        messages=[replies[seq] for seq in reversed(shown.seqs)],
        tallies=batch.tallies,
        deleted=listing.deleted,
        next_page_token=_token(binding, window, shown.next_seq),
        found_oldest=shown.found_oldest,
        found_newest=shown.found_newest,
        position=Position(listing.room_id, deps.epoch.value, room.last_rev),
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
        _check_readable(acting_as.room_id, batch.room, deleted=deleted)
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


def _check_readable(room_id: UUID, room: RoomStateRow | None, *, deleted: bool) -> RoomStateRow:
    """Return the room's row; raises when the caller may not read the room, or its deleted messages."""
    access = check_room_readable(room_id, None if room is None else room.access)
    if deleted:
        check_sees_deleted(access.role)
    assert room is not None  # noqa: S101 - it has just passed the check
    return room


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
