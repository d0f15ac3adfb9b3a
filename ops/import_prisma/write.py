"""Writes what was converted. A room goes in whole, in one transaction, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ops.bulk_load import as_owner
from search_text import normalize_text
from services.tracks.domain.metadata import search_text as track_search_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    import asyncpg

    from ops.import_prisma.room import Message, Room

_ADD_TRACKS = """
    INSERT INTO tracks.track_refs (id, provider, provider_id, url, title, artist, artwork_url, duration_seconds, search_text)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[],
                         $9::text[])
    ON CONFLICT DO NOTHING
"""
_TRACK_IDS = """
    SELECT t.provider, t.provider_id, t.id FROM tracks.track_refs t
      JOIN unnest($1::text[], $2::text[]) AS w(provider, provider_id) USING (provider, provider_id)
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


async def copy(
    connection: asyncpg.Connection, table: str, columns: str, records: Iterable[tuple[Any, ...]]
) -> None:
    """COPY records into a table as its owner."""
    schema, name = table.split(".")
    async with as_owner(connection, table):
        await connection.copy_records_to_table(
            name, schema_name=schema, columns=columns.split(), records=records
        )


async def write_room(connection: asyncpg.Connection, room: Room) -> None:
    """Write a room and everything in it, with its tracks."""
    async with connection.transaction():
        track_ids = await _write_tracks(connection, room)
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
        await copy(connection, "chat.room_counters", "room_id last_seq last_rev member_count", [counters])
        await copy(
            connection,
            "chat.room_memberships",
            "room_id user_id role joined_at last_read_seq rev",
            [
                (room.id, each.user_id, each.role, room.created_at, len(room.messages), each.rev)
                for each in room.members
            ],
        )
        messages = [_message(room, each, track_ids) for each in room.messages]
        await copy(connection, "chat.messages", _MESSAGE_COLUMNS, messages)
        await copy(
            connection,
            "chat.reactions",
            "room_id message_id user_id emoji created_at rev",
            [(room.id, *each) for each in room.reactions],
        )
        async with as_owner(connection, "chat.threads"):
            await connection.execute(_SUM_THREADS, room.id)
            await connection.execute(_SUM_REACTIONS, room.id)
            await connection.execute(_COUNT_ROOMS, [each.user_id for each in room.members])


def _message(room: Room, message: Message, track_ids: dict[tuple[str, str], Any]) -> tuple[Any, ...]:
    track = message.track
    return (
        *(room.id, message.seq, message.rev, message.id, message.user_id, "TRACK" if track else "TEXT"),
        *(message.text, message.search_text),
        *((track_ids[track[1:3]], track.snapshot) if track else (None, None)),
        *(message.root_id, message.root_seq, message.reply_to_id, room.id if room.private else None),
        *(message.created_at, message.deleted_at, "MODERATOR" if message.deleted_at else None),
    )


async def _write_tracks(connection: asyncpg.Connection, room: Room) -> dict[tuple[str, str], Any]:
    """Add the tracks of a room that are new; return the ids of all of them."""
    posts = [(each.track, each) for each in room.messages if each.track is not None]
    tracks = list({track[1:3]: track for track, _ in reversed(posts)}.values())
    if not tracks:
        return {}
    async with as_owner(connection, "tracks.track_refs"):
        texts = [track_search_text(each.title, each.artist) for each in tracks]
        await connection.execute(_ADD_TRACKS, *map(list, zip(*tracks, strict=True)), texts)
        keys = [list(each) for each in zip(*(track[1:3] for track in tracks), strict=True)]
        ids = {(row[0], row[1]): row[2] for row in await connection.fetch(_TRACK_IDS, *keys)}
        first = {ids[track[1:3]]: message for track, message in reversed(posts)}
        if room.private:
            users, at = (
                [each.user_id for each in first.values()],
                [each.created_at for each in first.values()],
            )
            await connection.execute(_ADD_RESOLVERS, users, list(first), at)
        else:
            await connection.execute(_LIST_TRACKS, list(first), [each.created_at for each in first.values()])
    return ids
