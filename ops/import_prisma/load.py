"""The import: users and artists first, then room by room. What is there already is not written again."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ops.bulk_load import loading
from ops.database.connection import connected
from ops.import_prisma import rules, source
from ops.import_prisma.report import Misfit, Report, checksum, checksum_sql
from ops.import_prisma.room import Room, convert
from ops.import_prisma.write import copy, write_room
from search_text import normalize_text
from services.users.domain.name_skeleton import name_skeleton

if TYPE_CHECKING:
    import asyncpg

    from ops.import_prisma.rules import Row
    from ops.import_prisma.source import Source
    from ops.row_progress import RowProgress
    from services.users.domain.artists import ArtistValues

_USERS = "SELECT id, email, supabase_id FROM users.users"
_OF_MESSAGES = 'JOIN {messages} m ON m."id" = t.{reactions.message_id} WHERE m.{messages.room_id} = $1'
_NO_MESSAGE = 'WHERE NOT EXISTS (SELECT FROM {messages} m WHERE m."id" = t.{reactions.message_id})'
_CHECKS = {
    "room_memberships": ("chat.room_memberships", ("user_id", "role", "rev"), "left_at IS NULL"),
    "messages": ("chat.messages", ("seq", "id", "user_id", "text", "root_id"), "true"),
    "reactions": ("chat.reactions", ("message_id", "user_id", "emoji", "rev"), "removed_at IS NULL"),
}


@dataclass(slots=True)
class ImportResult:
    """What an import found and did: rows per table, and whether the tables hold exactly these."""

    dry_run: bool
    read: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)
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
    """Take over the original. Raises CliError LOCK_BUSY, SOURCE_UNKNOWN or DATABASE_UNREACHABLE."""
    async with loading(target_dsn, "import") as target, source.opened(source_dsn, schema) as original:
        run = _Import(original, target, report, progress, ImportResult(dry_run))
        await run.users()
        await run.rooms()
        await run.orphans()
        for table in source.LEFT_OUT:
            for row_id in await original.ids(table):
                report.skip(table, row_id, "NOT_TAKEN_OVER")
        if not dry_run:
            await target.execute("ANALYZE users.users, users.artist_profiles, chat.messages, chat.reactions")
        for table in (*source.TABLES, *source.LEFT_OUT):
            run.result.skipped[table] = report.skipped(table)
        return run.result


@dataclass(slots=True)
class _Import:
    original: Source
    target: asyncpg.Connection
    report: Report
    progress: RowProgress
    result: ImportResult
    known: set[UUID] = field(default_factory=set)

    async def users(self) -> None:
        """Take over users and their profiles as artists."""
        self.progress.step("Users")
        present = {row["id"]: (row["email"], row["supabase_id"]) for row in await self.target.fetch(_USERS)}
        taken = {value for pair in present.values() for value in pair}
        rows = await self._read("users", order="t.{users.created_at}, t.id")
        users = [each for row in rows if (each := self._user(row, present, taken)) is not None]
        self.known = {each[0] for each in users}
        artists = await self._artists()
        here = {
            row["user_id"] for row in await self.target.fetch("SELECT user_id FROM users.artist_profiles")
        }
        if not self.result.dry_run:
            async with self.target.transaction():
                columns = "id email supabase_id display_name role muted_until created_at updated_at"
                new = [each for each in users if each[0] not in present]
                await copy(self.target, "users.users", columns, new)
                columns = (
                    "id user_id artist_name bio website_url spotify_url soundcloud_url search_name name_skeleton"
                    " created_at updated_at"
                )
                await copy(
                    self.target,
                    "users.artist_profiles",
                    columns,
                    [each for each in artists if each[1] not in here],
                )
        self.result.written |= {"users": len(users), "artist_profiles": len(artists)}
        await self._compare("users", "users.users", ("id", "email"), [each[:2] for each in users])
        await self._compare(
            "artist_profiles",
            "users.artist_profiles",
            ("id", "artist_name"),
            [(each[0], each[2]) for each in artists],
        )

    def _user(
        self, row: Row, present: dict[UUID, tuple[str, str]], taken: set[str]
    ) -> tuple[Any, ...] | None:
        try:
            user, email, subject = _identity(row, present, taken)
        except Misfit as misfit:
            self.report.skip("users", row["id"], misfit.reason)
            return None
        taken |= {email, subject}
        muted = rules.utc(row["muted_until"]) if row["muted_until"] else None
        times = muted, rules.utc(row["created_at"]), rules.utc(row["updated_at"])
        return (user, email, subject, "", rules.platform_role(row["role"]), *times)

    async def _artists(self) -> list[tuple[Any, ...]]:
        artists: dict[UUID, tuple[Any, ...]] = {}
        for row in await self._read("artist_profiles"):
            try:
                artist, user, values = self._artist(row, artists)
            except Misfit as misfit:
                self.report.skip("artist_profiles", row["id"], misfit.reason)
                continue
            for name in ("website_url", "spotify_url", "soundcloud_url"):
                if row[name] and getattr(values, name) is None:
                    self.report.change("artist_profiles", row["id"], f"{name.upper()}_DROPPED")
            if values.bio != (row["bio"] or ""):
                self.report.change("artist_profiles", row["id"], "BIO_CHANGED")
            if row["verified"]:
                # The mark stands for a verified claim here, and the original has no proof that can be checked again.
                self.report.change("artist_profiles", row["id"], "VERIFIED_DROPPED")
            name, at = values.artist_name, rules.utc(row["created_at"])
            artists[user] = (artist, user, *values, normalize_text(name), name_skeleton(name), at, at)
        return list(artists.values())

    def _artist(self, row: Row, artists: Container[UUID]) -> tuple[UUID, UUID, ArtistValues]:
        artist, user = rules.row_id(row["id"]), rules.optional_id(row["user_id"])
        if user is None or user not in self.known:
            raise Misfit("USER_UNKNOWN")
        if user in artists:
            raise Misfit("DUPLICATE")
        return artist, user, rules.artist_values(row)

    async def rooms(self) -> None:
        """Take over rooms one by one, in the order in which they were made."""
        self.progress.step("Rooms")
        present = {row["id"] for row in await self.target.fetch("SELECT id FROM chat.rooms")}
        for row in await self._read("rooms", order="t.{rooms.created_at}, t.id"):
            room = convert(
                row,
                await self._read("room_memberships", "WHERE t.{room_memberships.room_id} = $1", row["id"]),
                await self._read(
                    "messages",
                    "WHERE t.{messages.room_id} = $1",
                    row["id"],
                    order="t.{messages.created_at}, t.id",
                ),
                await self._read("reactions", _OF_MESSAGES, row["id"]),
                self.known,
                self.report,
            )
            if room is not None:
                if room.id not in present and not self.result.dry_run:
                    await write_room(self.target, room)
                await self._compare_room(room)

    async def orphans(self) -> None:
        """Report rows whose room or message is not in the original."""
        for table in ("room_memberships", "messages"):
            room_id = f"t.{{{table}.room_id}}"
            for row in await self._read(
                table, f'WHERE NOT EXISTS (SELECT FROM {{rooms}} r WHERE r."id" = {room_id})'
            ):
                self.report.skip(table, row["id"], "ROOM_UNKNOWN")
        for row in await self._read("reactions", _NO_MESSAGE):
            self.report.skip("reactions", row["id"], "MESSAGE_UNKNOWN")
        orphaned = 'JOIN {messages} m ON m."id" = t.{reactions.message_id}'
        missing = 'WHERE NOT EXISTS (SELECT FROM {rooms} r WHERE r."id" = m.{messages.room_id})'
        for row in await self._read("reactions", f"{orphaned} {missing}"):
            self.report.skip("reactions", row["id"], "MESSAGE_SKIPPED")

    async def _read(
        self, table: str, condition: str = "", *arguments: object, order: str = "t.id"
    ) -> list[Any]:
        rows = await self.original.rows(table, condition, *arguments, order=order)
        self.result.read[table] = self.result.read.get(table, 0) + len(rows)
        self.progress.advance(len(rows))
        return rows

    async def _compare_room(self, room: Room) -> None:
        parts: dict[str, list[Any]] = {
            "room_memberships": room.members,
            "messages": room.messages,
            "reactions": room.reactions,
        }
        self._count("rooms", 1)
        for table, rows in parts.items():
            self._count(table, len(rows))
            if self.result.dry_run:
                continue
            name, columns, condition = _CHECKS[table]
            expected = checksum(tuple(getattr(row, each) for each in columns) for row in rows)
            query = f"SELECT {checksum_sql(*columns)} FROM {name} WHERE room_id = $1 AND {condition}"  # noqa: S608 - names from constants
            if tuple(await self.target.fetchrow(query, room.id) or ()) != expected:
                self.result.differences.append(f"{table} of room {room.id}")

    async def _compare(
        self, name: str, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]
    ) -> None:
        if self.result.dry_run:
            return
        query = f"SELECT {checksum_sql(*columns)} FROM {table} WHERE id = ANY ($1::uuid[])"  # noqa: S608 - names from constants
        found = await self.target.fetchrow(query, [row[0] for row in rows])
        if tuple(found or ()) != checksum(rows):
            self.result.differences.append(name)

    def _count(self, table: str, rows: int) -> None:
        self.result.written[table] = self.result.written.get(table, 0) + rows


def _identity(row: Row, present: dict[UUID, tuple[str, str]], taken: set[str]) -> tuple[UUID, str, str]:
    user = rules.row_id(row["id"])
    email, subject = rules.identity(row)
    if present.get(user) != (email, subject):
        for value, reason in ((email, "EMAIL_TAKEN"), (subject, "SUBJECT_TAKEN")):
            if value in taken:
                raise Misfit(reason)
    return user, email, subject
