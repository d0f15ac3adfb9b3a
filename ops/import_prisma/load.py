"""The import: users and tracks first, then room by room. What is there already is not written again."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg

from ops.bulk_load import loading
from ops.database.connection import connected
from ops.errors import CliError
from ops.import_prisma import rules, source
from ops.import_prisma.claims import convert_claims
from ops.import_prisma.report import Report, Row, checksum, checksum_sql
from ops.import_prisma.room import Parts, Room, convert
from ops.import_prisma.tracks import convert_tracks
from ops.import_prisma.users import (
    OpenClaim,
    Present,
    convert_admin_actions,
    convert_artists,
    convert_users,
)
from ops.import_prisma.write import write_room, write_tracks, write_users

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from ops.import_prisma.source import Source
    from ops.row_progress import RowProgress

_USERS = "SELECT id, email, supabase_id FROM users.users"
_NAMES = "SELECT user_id, name_skeleton, search_name FROM users.artist_profiles WHERE verified"
_CLAIMS = """
    SELECT id, artist_profile_id, target_url, state IN ('VERIFIED', 'STALE') AS verified FROM users.verification_requests
     WHERE state IN ('PENDING', 'CHECKING', 'VERIFIED', 'STALE')
"""
_ANALYZE = "ANALYZE users.users, users.artist_profiles, tracks.track_refs, chat.messages, chat.reactions"
_LOST = (OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError)
_OF_MESSAGES = 'JOIN {messages} m ON m."id" = t.{reactions.message_id}'
_NO_MESSAGE = 'WHERE NOT EXISTS (SELECT FROM {messages} m WHERE m."id" = t.{reactions.message_id})'
# What services change later is not compared: states of claims, marks, metadata of tracks.
_CHECKS = {
    "users": ("users.users", ("id", "email"), "true"),
    "artist_profiles": ("users.artist_profiles", ("id", "artist_name"), "true"),
    "verification_requests": ("users.verification_requests", ("id", "user_id", "target_url"), "true"),
    "admin_actions": ("users.admin_actions", ("id", "actor_id", "action", "target_id", "reason"), "true"),
    "track_refs": ("tracks.track_refs", ("provider", "provider_id"), "true"),
    "room_memberships": ("chat.room_memberships", ("user_id", "role", "rev"), "left_at IS NULL"),
    "messages": ("chat.messages", ("seq", "id", "user_id", "text", "root_id"), "true"),
    "reactions": ("chat.reactions", ("message_id", "user_id", "emoji", "rev"), "removed_at IS NULL"),
    "moderation_logs": (
        "chat.moderation_logs",
        ("id", "rev", "actor_id", "action", "reason"),
        f"request_id = '{rules.REQUEST_ID}'",
    ),
}


@dataclass(slots=True)
class ImportResult:
    """What an import found and did: rows per table, and whether the tables hold exactly these."""

    dry_run: bool
    read: Counter[str] = field(default_factory=Counter)
    skipped: dict[str, int] = field(default_factory=dict)
    written: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)


async def count_rows(source_dsn: str, schema: str) -> int:
    """Return how many rows the original has, for the progress."""
    async with source.opened(source_dsn, schema) as original:
        return sum([await original.count(table) for table in source.TABLES])


async def has_other_users(target_dsn: str, source_dsn: str, schema: str) -> bool:
    """Whether anybody has signed in here who is not in the original."""
    async with connected(target_dsn, "import") as target, source.opened(source_dsn, schema) as original:
        ids = {rules.optional_id(row["id"]) for row in await original.rows("users")}
        return any(row["id"] not in ids for row in await target.fetch(_USERS))


async def run_import(
    source_dsn: str, schema: str, target_dsn: str, report: Report, progress: RowProgress, *, dry_run: bool
) -> ImportResult:
    """Take over the original.

    Raises CliError LOCK_BUSY, SOURCE_UNKNOWN, SOURCE_FORBIDDEN, DATABASE_UNREACHABLE or CONNECTION_LOST.
    """
    result = ImportResult(dry_run)
    try:
        async with loading(target_dsn, "import") as target, source.opened(source_dsn, schema) as original:
            await _Import(original, target, report, progress, result).run()
    except _LOST as error:
        raise CliError(
            "CONNECTION_LOST",
            "The connection to one of the two databases was lost.",
            why=f"{type(error).__name__}: {error}",
            fix="Run the same command again: what is there is not written again.",
            retry=True,
        ) from error
    return result


@dataclass(slots=True)
class _Import:
    original: Source
    target: asyncpg.Connection
    report: Report
    progress: RowProgress
    result: ImportResult
    unfinished: int = 0

    async def run(self) -> None:
        """Take over everything."""
        roles = await self.users()
        await self.tracks()
        await self.rooms(roles)
        await self.left_out()
        if not self.result.dry_run:
            await self.target.execute(_ANALYZE)
        for table in (*source.TABLES, source.CACHE):
            self.result.skipped[table] = self.report.skipped(table)

    async def users(self) -> Mapping[UUID, str]:
        """Take over users with what is theirs alone; return the roles of users on the platform."""
        self.progress.step("Users")
        fetch = self.target.fetch
        present = Present(
            {row["id"]: (row["email"], row["supabase_id"]) for row in await fetch(_USERS)},
            [tuple(row) for row in await fetch(_NAMES)],
            [OpenClaim(*row) for row in await fetch(_CLAIMS)],
        )
        rows = await self._read("users", order="t.{users.created_at}, t.id")
        users = convert_users(rows, present, self.report)
        artists = convert_artists(await self._read("artist_profiles"), users, present, self.report)
        claims = convert_claims(await self._read("verification_requests"), artists, present, self.report)
        actions = convert_admin_actions(await self._read("admin_actions"), users, self.report)
        if not self.result.dry_run:
            await write_users(self.target, users.values(), artists.values(), claims, actions)
        await self._compare("users", list(users.values()))
        await self._compare("artist_profiles", list(artists.values()))
        await self._compare("verification_requests", claims)
        await self._compare("admin_actions", actions)
        self._finish_rows()
        return {each.id: each.role for each in users.values()}

    async def tracks(self) -> None:
        """Take over the catalog of tracks; of rows for one track the first."""
        self.progress.step("Tracks")
        tracks = convert_tracks(await self._read("track_refs"), self.report)
        there: Collection[UUID] = ()
        if not self.result.dry_run:
            there = (await write_tracks(self.target, tracks)).values()
        await self._compare("track_refs", tracks, "id = ANY ($1::uuid[])", list(there))
        self._finish_rows()

    async def rooms(self, roles: Mapping[UUID, str]) -> None:
        """Take over rooms one by one, in the order in which they were made."""
        self.progress.step("Rooms")
        present = {row["id"] for row in await self.target.fetch("SELECT id FROM chat.rooms")}
        logs = defaultdict[str, list[Row]](list)
        for row in await self._read("moderation_logs"):
            logs[row["room_id"]].append(row)
        for row in await self._read("rooms", order="t.{rooms.created_at}, t.id"):
            by_time = "t.{messages.created_at}, t.id"
            parts = Parts(
                await self._read("room_memberships", "WHERE t.{room_memberships.room_id} = $1", row["id"]),
                await self._read("messages", "WHERE t.{messages.room_id} = $1", row["id"], order=by_time),
                await self._read("reactions", f"{_OF_MESSAGES} WHERE m.{{messages.room_id}} = $1", row["id"]),
                logs.pop(row["id"], ()),
            )
            room = convert(row, parts, roles, self.report)
            if room is not None:
                if room.id not in present and not self.result.dry_run:
                    await write_room(self.target, room)
                await self._compare_room(room)
            self._finish_rows()
        for rows in logs.values():
            for row in rows:
                self.report.skip("moderation_logs", row["id"], "ROOM_UNKNOWN")

    async def left_out(self) -> None:
        """Report rows whose room or message is not in the original, and what has no place here."""
        for table in ("room_memberships", "messages"):
            missing = f'WHERE NOT EXISTS (SELECT FROM {{rooms}} r WHERE r."id" = t.{{{table}.room_id}})'
            for row in await self._read(table, missing):
                self.report.skip(table, row["id"], "ROOM_UNKNOWN")
        for row in await self._read("reactions", _NO_MESSAGE):
            self.report.skip("reactions", row["id"], "MESSAGE_UNKNOWN")
        no_room = 'WHERE NOT EXISTS (SELECT FROM {rooms} r WHERE r."id" = m.{messages.room_id})'
        for row in await self._read("reactions", f"{_OF_MESSAGES} {no_room}"):
            self.report.skip("reactions", row["id"], "MESSAGE_SKIPPED")
        self._finish_rows()
        for page in await self.original.cached_pages():
            self.result.read[source.CACHE] += 1
            self.report.skip(source.CACHE, page, "NOT_TAKEN_OVER")
        for table, column, rows in await self.original.unknown():
            self.report.record_unknown(table, column, rows)

    async def _read(
        self, table: str, condition: str = "", *arguments: object, order: str = "t.id"
    ) -> list[Any]:
        """Return the rows of a table that are complete."""
        rows = await self.original.rows(table, condition, *arguments, order=order)
        self.result.read[table] += len(rows)
        self.unfinished += len(rows)
        complete = []
        for row in rows:
            if any(row[name] is None for name in source.REQUIRED[table]):
                self.report.skip(table, row["id"], "VALUE_MISSING")
            else:
                complete.append(row)
        return complete

    def _finish_rows(self) -> None:
        """Let the progress show that what was read is done."""
        self.progress.advance(self.unfinished)
        self.unfinished = 0

    async def _compare_room(self, room: Room) -> None:
        self.result.written["rooms"] += 1
        parts: dict[str, Sequence[Any]] = {
            "room_memberships": room.members,
            "messages": room.messages,
            "reactions": room.reactions,
            "moderation_logs": room.logs,
        }
        for table, rows in parts.items():
            await self._compare(table, rows, "room_id = $1", room.id, of=f" of room {room.id}")

    async def _compare(
        self, table: str, rows: Sequence[Any], where: str = "", *arguments: object, of: str = ""
    ) -> None:
        self.result.written[table] += len(rows)
        if self.result.dry_run:
            return
        name, columns, condition = _CHECKS[table]
        if not where:
            where, arguments = "id = ANY ($1::uuid[])", ([row.id for row in rows],)
        query = f"SELECT {checksum_sql(*columns)} FROM {name} WHERE {where} AND {condition}"  # noqa: S608 - names from constants
        found = tuple(await self.target.fetchrow(query, *arguments) or ())
        if found != checksum(tuple(getattr(row, each) for each in columns) for row in rows):
            self.result.differences.append(f"{table}{of}")
