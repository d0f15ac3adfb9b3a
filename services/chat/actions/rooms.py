"""RoomService: create, get, update and list rooms."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from uuid import UUID, uuid5

from search_text import SearchQuery, parse_query
from search_text.tiers import MAX_SIMILARITY, MatchTier
from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.errors import CallerSuspendedError, PageTokenMismatchError
from servicekit.ids import new_id
from servicekit.pagination import (
    MAX_BYTES,
    decode_id,
    decode_token,
    encode_token,
    fingerprint,
    paginate,
    take_within_budget,
)
from services.chat.actions.deps import Deps
from services.chat.actions.response_size import message_bytes, text_bytes
from services.chat.actions.room_transaction import RoomTransaction, write_in_room
from services.chat.domain.errors import RequestIdReusedError, RoomNotFoundError
from services.chat.domain.model import Member, ModerationAction, Position, Room, SystemEvent
from services.chat.domain.permissions import Rank, check_manager, check_not_archived
from services.chat.domain.room_search import FIRST_ID, FIRST_PAGE, Cursor, tiers
from services.chat.domain.room_update import RoomChange, apply_update, differences
from services.chat.domain.visibility import check_not_banned, check_room_visible
from services.chat.store import room_listing
from services.chat.store import rooms as store
from services.chat.store.room_listing import MyRoomRow, PublicRow
from services.chat.store.rooms import MAX_SEARCH_NAME_LENGTH, search_name


@dataclass(frozen=True, slots=True)
class RoomDraft:
    """A room to create."""

    name: str
    description: str
    private: bool
    announcement: bool
    slow_mode_seconds: int
    request_id: UUID | None


@dataclass(frozen=True, slots=True)
class RoomView:
    """A room as a caller sees it, with their read marker, mute and the position of the same snapshot."""

    room: Room
    member: Member | None
    position: Position
    last_read_seq: int
    muted_until: Micros | None


async def create_room(deps: Deps, caller: Caller, draft: RoomDraft) -> tuple[RoomView, bool]:
    """Create a room; also returns whether an earlier call with the same request id had created it.

    Raises RateLimitedError for a new room.
    """
    charge = deps.limits.rooms.deferred_hit(caller.user_id)
    payload_hash = _payload_hash(draft) if draft.request_id is not None else None

    async def work(session: Session) -> tuple[UUID, bool]:
        room_id, exists = new_id(), False
        if draft.request_id is not None:
            room_id, exists = await _requested(session, caller, draft.request_id, payload_hash)
        if exists:
            return room_id, True
        if await store.is_suspended(session, caller.suspended_until):
            raise CallerSuspendedError
        charge()
        created = await store.create(
            session,
            room_id=room_id,
            name=draft.name,
            description=draft.description,
            private=draft.private,
            announcement=draft.announcement,
            slow_mode_seconds=draft.slow_mode_seconds,
            created_by=caller.user_id,
            request_id=draft.request_id,
            payload_hash=payload_hash,
        )
        if created or draft.request_id is None:
            return room_id, False
        # A concurrent call used the request id and has committed.
        winner, exists = await _requested(session, caller, draft.request_id, payload_hash)
        if not exists:
            raise RoomNotFoundError(room_id)
        return winner, True

    room_id, deduplicated = await deps.database.run_in_transaction(work)
    if not deduplicated:
        deps.hints.room_moved(room_id, [caller.user_id])
    return await get_room(deps, caller, room_id), deduplicated


def _payload_hash(draft: RoomDraft) -> bytes:
    """Return the hash by which a repeated call is told from another use of its request id."""
    parts: tuple[object, ...] = (draft.name, draft.description, draft.private)
    if draft.announcement or draft.slow_mode_seconds:
        # Left out at their defaults: rooms that were created before these fields existed keep their hash.
        parts += (draft.announcement, draft.slow_mode_seconds)
    return hashlib.sha256(repr(parts).encode()).digest()


async def get_room(deps: Deps, caller: Caller, room_id: UUID) -> RoomView:
    """Return a room that the caller can see."""
    epoch = deps.epoch.value
    row = await store.get_room(deps.database, room_id, caller)
    if row is None:
        raise RoomNotFoundError(room_id)
    check_not_banned(check_room_visible(room_id, row.membership))
    return RoomView(
        row.room,
        row.member(caller.user_id),
        Position(room_id, epoch, row.last_rev),
        row.last_read_seq,
        row.muted_until,
    )


async def update_room(deps: Deps, caller: Caller, wanted: RoomChange) -> tuple[Room, Position]:
    """Update a room and return it; the same values change nothing. Raises EtagMismatchError."""

    async def operation(tx: RoomTransaction) -> Room:
        actor = check_manager(wanted.room_id, tx.membership, caller, Rank.MODERATOR)
        before = tx.room
        check_not_archived(before.archived_at)
        fields = differences(before, wanted)
        if not fields:
            return before
        after = await store.update(tx.session, apply_update(before, wanted, fields, tx.next_rev()))
        if "name" in fields:
            await tx.post_system_message(SystemEvent.RENAMED)
        await tx.audit(
            actor,
            ModerationAction.UPDATE_ROOM,
            before=_states(before, fields),
            after={"changed": sorted(fields), **_states(after, fields)},
        )
        return after

    return await write_in_room(deps, caller, wanted.room_id, operation)


def _states(room: Room, fields: frozenset[str]) -> dict[str, object]:
    """Return the audited values of the fields; names and texts are not audited."""
    states = {"announcement": room.announcement, "slow_mode_interval": room.slow_mode_seconds}
    return {field: value for field, value in states.items() if field in fields}


async def _requested(
    session: Session, caller: Caller, request_id: UUID, payload_hash: bytes | None
) -> tuple[UUID, bool]:
    """Return the id of the room of a request id, and whether the room exists.

    The id follows from the request id, so rooms need no other unique key, which could not hold across partitions. Its
    namespace is a secret of the database: nobody can tell beforehand, or choose, what a request id will make.
    """
    earlier = await store.by_request_id(session, caller.user_id, request_id)
    if earlier.id is None:
        return uuid5(earlier.data_id, f"{caller.user_id} {request_id}"), False
    if earlier.payload_hash != payload_hash:
        raise RequestIdReusedError(request_id)
    return earlier.id, True


# The encoded size of a room without its texts and its newest message.
_OVERHEAD_BYTES = 500


async def list_public_rooms(
    deps: Deps, caller: Caller, query: str, page_size: int, page_token: str
) -> tuple[list[PublicRow], str]:
    """Return a page of public rooms, and the next page's token.

    One statement per match tier on the page, at most three; without a query one. With a query, raises
    RateLimitedError and OverloadedError.
    """
    wanted = parse_query(search_name(query))
    request_fingerprint = fingerprint("ListPublicRooms", caller.user_id, query)
    start = _cursor_from_token(page_token, request_fingerprint)
    # One more than the page, to detect whether there is a next page.
    if query:
        deps.limits.room_searches.hit(caller.user_id)
        async with deps.search_slots.slot(str(caller.user_id)):
            rows = await _public_rooms(deps, caller, wanted, start, page_size + 1)
    else:
        rows = await _public_rooms(deps, caller, wanted, start, page_size + 1)
    shown, token = paginate(rows, page_size, lambda last: _token(request_fingerprint, *last))
    return [row for _, row in shown], token


async def _public_rooms(
    deps: Deps, caller: Caller, wanted: SearchQuery, start: Cursor, limit: int
) -> list[tuple[MatchTier, PublicRow]]:
    rows: list[tuple[MatchTier, PublicRow]] = []
    for cursor in tiers(wanted, start):
        found = await room_listing.public_rooms(
            deps.database, caller.user_id, wanted, cursor, limit - len(rows)
        )
        rows += [(cursor.tier, row) for row in found]
        if len(rows) == limit:
            break
    return rows


async def list_my_rooms(
    deps: Deps, caller: Caller, page_size: int, page_token: str
) -> tuple[list[MyRoomRow], str, str]:
    """Return a page of the caller's rooms, the next page's token, and the epoch; one statement."""
    request_fingerprint = fingerprint("ListMyRooms", caller.user_id)
    after = decode_id(decode_token(page_token, request_fingerprint).texts) if page_token else FIRST_ID
    epoch = deps.epoch.value
    found = await room_listing.my_rooms(deps.database, caller.user_id, after, page_size + 1)
    fit, _ = take_within_budget(found[:page_size], _bytes, MAX_BYTES)
    shown, token = paginate(
        found, len(fit), lambda last: encode_token(request_fingerprint, texts=[str(last.room.id)])
    )
    return shown, token, epoch


async def get_my_rooms_rev(deps: Deps, caller: Caller) -> tuple[int, str]:
    """Return the number of the last change of the caller's memberships, and the epoch; one statement."""
    epoch = deps.epoch.value
    return await room_listing.rooms_rev(deps.database, caller.user_id), epoch


def _token(request_fingerprint: int, tier: MatchTier, row: PublicRow) -> str:
    return encode_token(request_fingerprint, (tier, row.similarity), (row.search_name, str(row.room.id)))


def _cursor_from_token(page_token: str, request_fingerprint: int) -> Cursor:
    if not page_token:
        return FIRST_PAGE
    token = decode_token(page_token, request_fingerprint)
    match list(token.numbers), list(token.texts):
        case [tier, similarity], [name, room_id] if (
            tier in set(MatchTier) and 0 <= similarity <= MAX_SIMILARITY and _is_storable(name)
        ):
            return Cursor(MatchTier(tier), name, similarity, decode_id([room_id]))
        case _:
            raise PageTokenMismatchError


def _is_storable(name: str) -> bool:
    return "\0" not in name and len(name) <= MAX_SEARCH_NAME_LENGTH


def _bytes(my: MyRoomRow) -> int:
    message = 0 if my.last_message is None else message_bytes(my.last_message, ())
    return _OVERHEAD_BYTES + text_bytes((my.room.name, my.room.description)) + message
