"""SQL of exporting a user's records: kind by kind, each in the order of an index.

Data about other users is left out: the actors of moderation on the user, and the reasons of reports that the user only
resolved.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.chat.domain.erasure import RecordKind

_NIL = UUID(int=0)
_EPOCH = Micros(0)


class Cursor(NamedTuple):
    """The last record of a page; each kind sorts by some of these. The default is before the first record."""

    room_id: UUID = _NIL
    id: UUID = _NIL
    at: Micros = _EPOCH
    seq: int = 0
    number: int = 0
    emoji: str = ""


class ExportRow(NamedTuple):
    """A record: its cursor, and its fields as the text of a JSON object."""

    cursor: Cursor
    fields: str


class KindRow(NamedTuple):
    """A kind of which the user has records."""

    kind: str


def _instant(column: str) -> str:
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


def _field_name(column: str) -> str:
    """Return the contract's name of a column."""
    return _FIELD_NAMES.get(column, column)


def _record(alias: str, columns: str, *others: str, **cursor: str) -> str:
    """Return the select list of a record: its cursor, and its fields by their names in the contract.

    A column that ends in _at is a time. `others` are further fields, each as "'name', value".
    """
    of = {"room_id": f"{alias}.room_id", "id": f"'{_NIL}'::uuid", "at": "timestamptz 'epoch'", "seq": "0"}
    of |= {"number": "0", "emoji": "''"} | cursor
    values = {column: f"{alias}.{column}" for column in columns.split()}
    fields = [
        f"'{_field_name(column)}', {_instant(value) if column.endswith('_at') else value}"
        for column, value in values.items()
    ]
    return f"""
        {of["room_id"]} AS room_id, {of["id"]} AS id, {of["at"]} AS at, {of["seq"]}::bigint AS seq,
        {of["number"]}::int AS number, {of["emoji"]} AS emoji, jsonb_build_object({", ".join((*fields, *others))})::text AS fields
    """


_FIELD_NAMES = {
    "archived_at": "archive_time",
    "created_at": "create_time",
    "created_by": "creator_id",
    "deleted_at": "delete_time",
    "edited_at": "edit_time",
    "emptied_at": "purge_time",
    "ended_at": "end_time",
    "expires_at": "expire_time",
    "invited_by": "inviter_id",
    "joined_at": "join_time",
    "last_message_at": "last_send_time",
    "left_at": "leave_time",
    "locked_at": "lock_time",
    "pinned_at": "pin_time",
    "pinned_by": "pinner_id",
    "removed_at": "remove_time",
    "replaced_at": "replace_time",
    "resolved_at": "resolve_time",
    "starts_at": "start_time",
    "updated_at": "update_time",
}
_SOURCES = {
    RecordKind.MESSAGE: "FROM chat.messages m WHERE m.user_id = $1",
    RecordKind.REVISION: """
        FROM chat.messages m
        JOIN chat.message_revisions v ON v.room_id = m.room_id AND v.message_id = m.id
       WHERE m.user_id = $1
    """,
    RecordKind.MENTION: "FROM chat.mentions e WHERE e.user_id = $1",
    RecordKind.REACTION: "FROM chat.reactions r WHERE r.user_id = $1",
    RecordKind.MEMBERSHIP: "FROM chat.room_memberships m WHERE m.user_id = $1",
    RecordKind.INVITATION: "FROM chat.room_invitations v WHERE (v.user_id = $1 OR v.invited_by = $1)",
    RecordKind.PIN: "FROM chat.pins p WHERE p.pinned_by = $1",
    RecordKind.REPORT: "FROM chat.reports p WHERE (p.reporter_id = $1 OR p.resolved_by = $1)",
    RecordKind.SANCTION: "FROM chat.sanctions s WHERE (s.user_id = $1 OR s.issued_by = $1)",
    RecordKind.MODERATION_LOG: "FROM chat.moderation_logs l WHERE (l.actor_id = $1 OR l.target_user_id = $1)",
    RecordKind.ROOM: "FROM chat.rooms o WHERE o.created_by = $1",
}
# Live and deleted messages of an author have an index each, so each has a SELECT.
_HALVES = ("m.deleted_at IS NULL", "m.deleted_at IS NOT NULL")


def _halves(kind: RecordKind) -> list[str]:
    source = _SOURCES[kind]
    return [f"{source} AND {half}" for half in _HALVES] if " chat.messages " in source else [source]


def _merged(record: str, kind: RecordKind, after: str, order: str, limit: str) -> str:
    """Return a page of messages or their revisions. `order` is the order of the cursor, in columns of the tables."""
    halves = (
        f"(SELECT {record} {half} AND {after} ORDER BY {order} LIMIT {limit})" for half in _halves(kind)
    )
    return f"SELECT * FROM ({' UNION ALL '.join(halves)}) e ORDER BY room_id, at, seq, number LIMIT {limit}"


_KINDS = Query[KindRow, UUID](
    "chat.export_kinds",
    f"""
    SELECT k.kind FROM ({
        " UNION ALL ".join(
            f"SELECT {n} AS n, '{kind}' AS kind WHERE "
            + " OR ".join(f"EXISTS (SELECT 1 {half})" for half in _halves(kind))
            for n, kind in enumerate(_SOURCES)
        )
    }) k ORDER BY k.n
    """,
)
_MESSAGES = Query[ExportRow, UUID, UUID, Micros, int, int](
    "chat.export_messages",
    _merged(
        _record(
            "m",
            "id room_id seq type text track_id track system_event root_id reply_to_id mention_user_ids request_id"
            " created_at edited_at deleted_at deletion_type emptied_at rev",
            at="m.created_at",
            seq="m.seq",
        ),
        RecordKind.MESSAGE,
        "(m.room_id, m.created_at, m.seq) > ($2, $3, $4)",
        "m.room_id, m.created_at, m.seq",
        "$5",
    ),
)
# The bound occurs twice: an index serves only conditions on one table.
_REVISIONS = Query[ExportRow, UUID, UUID, Micros, int, int, int](
    "chat.export_revisions",
    _merged(
        _record(
            "v",
            "room_id message_id number text track_id track replaced_at",
            at="m.created_at",
            seq="m.seq",
            number="v.number",
        ),
        RecordKind.REVISION,
        "(m.room_id, m.created_at, m.seq) >= ($2, $3, $4) AND (m.room_id, m.created_at, m.seq, v.number) > ($2, $3, $4, $5)",
        "m.room_id, m.created_at, m.seq, v.number",
        "$6",
    ),
)
_MENTIONS = Query[ExportRow, UUID, UUID, int, int](
    "chat.export_mentions",
    f"""
    SELECT {_record("e", "room_id message_id message_seq user_id", seq="e.message_seq")} {_SOURCES[RecordKind.MENTION]}
       AND (e.room_id, e.message_seq) > ($2, $3) ORDER BY e.room_id, e.message_seq LIMIT $4
    """,
)
_REACTIONS = Query[ExportRow, UUID, UUID, UUID, str, int](
    "chat.export_reactions",
    f"""
    SELECT {
        _record(
            "r",
            "room_id message_id user_id emoji created_at removed_at rev",
            id="r.message_id",
            emoji="r.emoji",
        )
    } {_SOURCES[RecordKind.REACTION]} AND (r.room_id, r.message_id, r.emoji) > ($2, $3, $4)
     ORDER BY r.room_id, r.message_id, r.emoji LIMIT $5
    """,
)
_MEMBERSHIPS = Query[ExportRow, UUID, UUID, int](
    "chat.export_memberships",
    f"""
    SELECT {_record("m", "room_id user_id role joined_at left_at removal last_read_seq last_message_at rev")}
           {_SOURCES[RecordKind.MEMBERSHIP]} AND m.room_id > $2 ORDER BY m.room_id LIMIT $3
    """,
)
_INVITATIONS = Query[ExportRow, UUID, UUID, UUID, int](
    "chat.export_invitations",
    f"""
    SELECT {_record("v", "room_id user_id invited_by created_at ended_at rev", id="v.user_id")}
           {_SOURCES[RecordKind.INVITATION]} AND (v.room_id, v.user_id) > ($2, $3)
     ORDER BY v.room_id, v.user_id LIMIT $4
    """,
)
_PINS = Query[ExportRow, UUID, UUID, UUID, int](
    "chat.export_pins",
    f"""
    SELECT {_record("p", "room_id message_id pinned_by pinned_at removed_at rev", id="p.message_id")}
           {_SOURCES[RecordKind.PIN]} AND (p.room_id, p.message_id) > ($2, $3) ORDER BY p.room_id, p.message_id LIMIT $4
    """,
)
_REPORTS = Query[ExportRow, UUID, UUID, UUID, int](
    "chat.export_reports",
    f"""
    SELECT {
        _record(
            "p",
            "id room_id message_id state created_at resolved_at",
            "'reporter_id', CASE WHEN p.reporter_id = $1 THEN $1 END",
            "'reason', CASE WHEN p.reporter_id = $1 THEN p.reason END",
            "'request_id', CASE WHEN p.reporter_id = $1 THEN p.request_id END",
            "'resolver_id', CASE WHEN p.resolved_by = $1 THEN $1 END",
            id="p.id",
        )
    } {_SOURCES[RecordKind.REPORT]} AND (p.room_id, p.id) > ($2, $3) ORDER BY p.room_id, p.id LIMIT $4
    """,
)
_SANCTIONS = Query[ExportRow, UUID, UUID, UUID, int](
    "chat.export_sanctions",
    f"""
    SELECT {
        _record(
            "s",
            "id room_id user_id kind reason starts_at expires_at ended_at rev",
            "'issuer_id', CASE WHEN s.issued_by = $1 THEN $1 END",
            id="s.id",
        )
    } {_SOURCES[RecordKind.SANCTION]} AND (s.room_id, s.id) > ($2, $3) ORDER BY s.room_id, s.id LIMIT $4
    """,
)
_MODERATION = Query[ExportRow, UUID, UUID, int, int](
    "chat.export_moderation",
    f"""
    SELECT {
        _record(
            "l",
            "id room_id rev actor_role as_admin action target_user_id target_message_id reason created_at",
            "'actor_id', CASE WHEN l.actor_id = $1 THEN $1 END",
            "'before', CASE WHEN l.actor_id = $1 THEN l.before END",
            "'after', CASE WHEN l.actor_id = $1 THEN l.after END",
            "'call_id', CASE WHEN l.actor_id = $1 THEN l.request_id END",
            "'delegate', CASE WHEN l.actor_id = $1 THEN l.delegate END",
            seq="l.rev",
        )
    } {
        _SOURCES[RecordKind.MODERATION_LOG]
    } AND (l.room_id, l.rev) > ($2, $3) ORDER BY l.room_id, l.rev LIMIT $4
    """,
)
_ROOMS = Query[ExportRow, UUID, UUID, int](
    "chat.export_rooms",
    f"""
    SELECT {
        _record(
            "o",
            "id name description private created_by request_id locked_at archived_at"
            " announcement created_at updated_at rev",
            "'slow_mode_interval', o.slow_mode_seconds || 's'",
            room_id="o.id",
        )
    } {_SOURCES[RecordKind.ROOM]} AND o.id > $2 ORDER BY o.id LIMIT $3
    """,
)
_PAGES: dict[RecordKind, Callable[[Database, UUID, Cursor, int], Awaitable[list[ExportRow]]]] = {
    RecordKind.MESSAGE: lambda on, user, at, limit: on.rows(
        _MESSAGES, user, at.room_id, at.at, at.seq, limit
    ),
    RecordKind.REVISION: lambda on, user, at, limit: on.rows(
        _REVISIONS, user, at.room_id, at.at, at.seq, at.number, limit
    ),
    RecordKind.MENTION: lambda on, user, at, limit: on.rows(_MENTIONS, user, at.room_id, at.seq, limit),
    RecordKind.REACTION: lambda on, user, at, limit: on.rows(
        _REACTIONS, user, at.room_id, at.id, at.emoji, limit
    ),
    RecordKind.MEMBERSHIP: lambda on, user, at, limit: on.rows(_MEMBERSHIPS, user, at.room_id, limit),
    RecordKind.INVITATION: lambda on, user, at, limit: on.rows(_INVITATIONS, user, at.room_id, at.id, limit),
    RecordKind.PIN: lambda on, user, at, limit: on.rows(_PINS, user, at.room_id, at.id, limit),
    RecordKind.REPORT: lambda on, user, at, limit: on.rows(_REPORTS, user, at.room_id, at.id, limit),
    RecordKind.SANCTION: lambda on, user, at, limit: on.rows(_SANCTIONS, user, at.room_id, at.id, limit),
    RecordKind.MODERATION_LOG: lambda on, user, at, limit: on.rows(
        _MODERATION, user, at.room_id, at.seq, limit
    ),
    RecordKind.ROOM: lambda on, user, at, limit: on.rows(_ROOMS, user, at.room_id, limit),
}


async def kinds(database: Database, user_id: UUID) -> list[RecordKind]:
    """Return the kinds of which the user has records, in the order of RecordKind."""
    return [RecordKind(row.kind) for row in await database.rows(_KINDS, user_id)]


async def page(
    database: Database, user_id: UUID, kind: RecordKind, after: Cursor, limit: int
) -> list[ExportRow]:
    """Return records of one kind after a cursor."""
    return await _PAGES[kind](database, user_id, after, limit)
