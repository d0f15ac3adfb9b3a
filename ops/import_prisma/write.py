"""Writes what was converted. A room goes in whole, in one transaction, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ops.bulk_load import as_owner
from ops.import_prisma.room import LogEntry, Member, Reaction
from search_text import normalize_text
from servicekit.ids import new_id
from services.tracks.domain.metadata import search_text as track_search_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    import asyncpg

    from ops.import_prisma.claims import Claim
    from ops.import_prisma.room import Message, Room
    from ops.import_prisma.tracks import Track
    from ops.import_prisma.users import AdminAction, Artist, User

_Row = TypeVar("_Row", "User", "Artist", "Claim", "AdminAction")

_ADD_TRACKS = """
    INSERT INTO tracks.track_refs (id, provider, provider_id, url, title, artist, artwork_url, duration_seconds, created_at,
                                   search_text, metadata_state)
    SELECT n.id, n.provider, n.provider_id, n.url, n.title, n.artist, n.artwork_url, n.duration_seconds,
           coalesce(n.created_at, now()), n.search_text,
           CASE WHEN n.title IS NOT NULL AND n.artist IS NOT NULL THEN 'PARTIAL' ELSE 'PENDING' END
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[],
                  $9::timestamptz[], $10::text[])
           AS n(id, provider, provider_id, url, title, artist, artwork_url, duration_seconds, created_at, search_text)
    ON CONFLICT DO NOTHING
"""
_TRACK_IDS = """
    SELECT t.provider, t.provider_id, t.id FROM tracks.track_refs t
      JOIN unnest($1::text[], $2::text[]) AS w(provider, provider_id) USING (provider, provider_id)
"""
_LOG_CLAIMS = """
    INSERT INTO users.verification_transitions (id, request_id, to_state, actor_kind)
    SELECT n.id, n.claim_id, n.state, 'OPERATOR' FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS n(id, claim_id, state)
"""
_LIST_TRACKS = """
    UPDATE tracks.track_refs t SET listed_at = least(t.listed_at, n.at)
      FROM unnest($1::uuid[], $2::timestamptz[]) AS n(id, at) WHERE t.id = n.id
"""
_ADD_RESOLVERS = """
    INSERT INTO tracks.track_resolvers (user_id, track_id, created_at)
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) ON CONFLICT DO NOTHING
"""
_COUNT_ROOMS = """
    INSERT INTO chat.user_counters AS c (user_id, rooms_rev) SELECT unnest($1::uuid[]), 1
    ON CONFLICT (user_id) DO UPDATE SET rooms_rev = c.rooms_rev + 1
"""
_SUM_THREADS = """
    INSERT INTO chat.threads (room_id, root_id, reply_count, last_reply_seq, last_reply_at)
    SELECT room_id, root_id, count(*) FILTER (WHERE deleted_at IS NULL), max(seq) FILTER (WHERE deleted_at IS NULL),
           max(created_at) FILTER (WHERE deleted_at IS NULL)
      FROM chat.messages WHERE room_id = $1 AND root_id IS NOT NULL GROUP BY room_id, root_id
"""
_SUM_REACTIONS = """
    INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at)
    SELECT room_id, message_id, emoji, count(*), min(created_at)
      FROM chat.reactions WHERE room_id = $1 GROUP BY room_id, message_id, emoji
"""
_MESSAGE_COLUMNS = (
    "room_id seq rev id user_id type text search_text track_id track root_id root_seq reply_to_id private_room_id"
    " created_at deleted_at deletion_type"
)
_COUNTER_COLUMNS = "room_id last_seq last_rev member_count"


async def copy(
    connection: asyncpg.Connection, table: str, columns: str, records: Iterable[tuple[Any, ...]]
) -> None:
    """COPY records into a table as its owner."""
    schema, name = table.split(".")
    async with as_owner(connection, table):
        await connection.copy_records_to_table(
            name, schema_name=schema, columns=columns.split(), records=records
        )


async def write_users(
    connection: asyncpg.Connection,
    users: Iterable[User],
    artists: Iterable[Artist],
    claims: Iterable[Claim],
    actions: Iterable[AdminAction],
) -> None:
    """Write those that are not there."""
    async with connection.transaction():
        await _copy_new(connection, "users.users", list(users))
        await _copy_new(connection, "users.artist_profiles", list(artists))
        new = await _copy_new(connection, "users.verification_requests", list(claims))
        async with as_owner(connection, "users.verification_transitions"):
            await connection.execute(
                _LOG_CLAIMS, [new_id() for _ in new], [each.id for each in new], [each.state for each in new]
            )
        await _copy_new(connection, "users.admin_actions", list(actions))


async def _copy_new(connection: asyncpg.Connection, table: str, rows: Sequence[_Row]) -> Sequence[_Row]:
    query = f"SELECT id FROM {table} WHERE id = ANY ($1::uuid[])"  # noqa: S608 - names from constants
    there = {each["id"] for each in await connection.fetch(query, [row.id for row in rows])}
    new = [row for row in rows if row.id not in there]
    if new:
        await copy(connection, table, " ".join(new[0]._fields), new)
    return new


async def write_tracks(
    connection: asyncpg.Connection, tracks: Sequence[Track]
) -> dict[tuple[str, str], UUID]:
    """Write the tracks whose identities are not there; return the ids of all of them."""
    if not tracks:
        return {}
    async with connection.transaction(), as_owner(connection, "tracks.track_refs"):
        texts = [track_search_text(each.title, each.artist) for each in tracks]
        await connection.execute(_ADD_TRACKS, *map(list, zip(*tracks, strict=True)), texts)
        keys = [list(each) for each in zip(*(track.identity for track in tracks), strict=True)]
        return {(row[0], row[1]): row[2] for row in await connection.fetch(_TRACK_IDS, *keys)}


async def write_room(connection: asyncpg.Connection, room: Room) -> None:
    """Write a room and everything in it, with its tracks."""
    async with connection.transaction():
        track_ids = await _write_posted_tracks(connection, room)
        await copy(
            connection,
            "chat.rooms",
            "id name search_name description private created_by rev created_at updated_at",
            [
                (room.id, room.name, normalize_text(room.name), room.description, room.private, room.owner, 1)
                + (room.created_at,) * 2
            ],
        )
        counters = (room.id, len(room.messages), room.last_rev, len(room.members))
        await copy(connection, "chat.room_counters", _COUNTER_COLUMNS, [counters])
        await copy(
            connection,
            "chat.moderation_logs",
            _of_room(LogEntry),
            [(room.id, *each) for each in room.logs],
        )
        await copy(
            connection,
            "chat.room_memberships",
            f"{_of_room(Member)} last_read_seq",
            [(room.id, *each, len(room.messages)) for each in room.members],
        )
        messages = [_message(room, each, track_ids) for each in room.messages]
        await copy(connection, "chat.messages", _MESSAGE_COLUMNS, messages)
        await copy(
            connection,
            "chat.reactions",
            _of_room(Reaction),
            [(room.id, *each) for each in room.reactions],
        )
        async with as_owner(connection, "chat.threads"):
            await connection.execute(_SUM_THREADS, room.id)
            await connection.execute(_SUM_REACTIONS, room.id)
            await connection.execute(_COUNT_ROOMS, [each.user_id for each in room.members])


def _of_room(row: type[LogEntry | Member | Reaction]) -> str:
    return " ".join(("room_id", *row._fields))


def _message(room: Room, message: Message, track_ids: dict[tuple[str, str], UUID]) -> tuple[Any, ...]:
    track = message.track
    return (
        *(room.id, message.seq, message.rev, message.id, message.user_id, "TRACK" if track else "TEXT"),
        *(message.text, message.search_text),
        *((track_ids[track.identity], track.snapshot) if track else (None, None)),
        *(message.root_id, message.root_seq, message.reply_to_id, room.id if room.private else None),
        *(message.created_at, message.deleted_at, "MODERATOR" if message.deleted_at else None),
    )


async def _write_posted_tracks(connection: asyncpg.Connection, room: Room) -> dict[tuple[str, str], UUID]:
    """Write the tracks of a room that are new, and who finds them; return the ids of all of them."""
    first: dict[tuple[str, str], Message] = {}
    for message in room.messages:
        if message.track is not None:
            first.setdefault(message.track.identity, message)
    if not first:
        return {}
    ids = await write_tracks(connection, [each.track for each in first.values() if each.track is not None])
    found = [ids[identity] for identity in first]
    times = [each.created_at for each in first.values()]
    async with as_owner(connection, "tracks.track_refs"):
        if room.private:
            users = [each.user_id for each in first.values()]
            await connection.execute(_ADD_RESOLVERS, users, found, times)
        else:
            await connection.execute(_LIST_TRACKS, found, times)
    return ids
