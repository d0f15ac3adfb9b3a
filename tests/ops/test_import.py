"""`seda import`: every row of the original that fits is here once, every other one is in the report."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from bench.dataset import uid
from ops.console import Console
from ops.errors import Exit
from ops.import_prisma import load
from ops.import_prisma.load import ImportResult
from ops.import_prisma.report import Report
from ops.row_progress import RowProgress
from seda.chat.v1 import message_service_pb2, message_service_pb2_grpc
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.chat.domain.message_search import search_text
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from tests.ops.support.optional_tables import UNKNOWN
from tests.ops.support.original import BROKEN, FITTING, make_original
from tests.postgres import Database, Server, cloned_database, empty_database
from tests.services.running import running, user
from tests.support.recount import FAULTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

_TABLES = {
    "users.users": "*",
    "users.artist_profiles": "*",
    # New codes and the times of re-checks are by chance.
    "users.verification_requests": "id, user_id, artist_profile_id, target_url, state, expires_at, verified_at, created_at",
    "users.verification_transitions": "request_id, from_state, to_state, actor_kind",
    "users.admin_actions": "*",
    "chat.rooms": "*",
    "chat.room_counters": "*",
    "chat.room_memberships": "*",
    "chat.messages": "*",
    "chat.threads": "*",
    "chat.reactions": "*",
    "chat.reaction_tallies": "*",
    "chat.moderation_logs": "*",
    "chat.user_counters": "*",
    "tracks.track_refs": "id, provider, provider_id, url, title, artist, search_text, listed_at, created_at",
    "tracks.track_resolvers": "*",
}
# After how many steps each run ends: a step is a COPY, within a transaction, or one that has committed. There are 7 for
# a room, and 5 for the users before all.
_END_AFTER = (1, 3, 5, 7, 20, 36, 50, 45, 57, 61)
_COMMAND = "from ops.cli import main; main()"
_ENDING = """
import itertools, os, sys
from ops.import_prisma import load, write
number, limit, steps = int(sys.argv.pop(1)), int(sys.argv.pop(1)), itertools.count(1)
def counted(work):
    async def run(*arguments):
        result = await work(*arguments)
        if next(steps) == limit:
            os.kill(os.getpid(), number)
        return result
    return run
write.copy, load.write_users, load.write_room = map(counted, (write.copy, load.write_users, load.write_room))
from ops.cli import main
main()
"""


class Imported(NamedTuple):
    source: Database
    target: Database
    result: ImportResult
    report: list[dict[str, str]]
    digests: dict[str, str]
    connection: asyncpg.Connection


async def take_over(
    source: Database, target: Database, *, dry_run: bool = False
) -> tuple[ImportResult, list[Any]]:
    file = io.StringIO()
    progress = RowProgress(Console(io.StringIO(), io.StringIO(), {}), 1)
    result = await load.run_import(
        source.admin_dsn, "public", target.admin_dsn, Report(file), progress, dry_run=dry_run
    )
    return result, [json.loads(line) for line in file.getvalue().splitlines()]


async def digests(database: Database, *, versions: bool = False) -> dict[str, str]:
    """A hash of all rows of each table; with `versions` also of which transaction wrote each."""
    connection = await asyncpg.connect(database.admin_dsn)
    version = ", xmin::text" if versions else ""
    try:
        return {
            table: await connection.fetchval(
                f"SELECT md5(string_agg(r::text, ',' ORDER BY r::text)) FROM (SELECT {columns}{version} FROM {table}) r"
            )
            for table, columns in _TABLES.items()
        }
    finally:
        await connection.close()


async def rooms(database: Database) -> int:
    """The number of rooms; all of them have what belongs to them."""
    connection = await asyncpg.connect(database.admin_dsn)
    try:
        for fault in ("a gap in a room's numbers", "counters that are not the newest numbers"):
            assert await connection.fetch(FAULTS[fault]) == []
        return int(await connection.fetchval("SELECT count(*) FROM chat.rooms"))
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def imported(postgres_server: Server, database: Database) -> AsyncIterator[Imported]:
    """A database of the original's size that was taken over: 50,000 messages."""
    async with empty_database(postgres_server) as source:
        await make_original(source, users=1_000, rooms=50, roots=27_800)
        result, report = await take_over(source, database)
        connection = await asyncpg.connect(database.admin_dsn)
        try:
            yield Imported(source, database, result, report, await digests(database), connection)
        finally:
            await connection.close()


def test_the_report_names_exactly_the_rows_that_do_not_fit(imported: Imported) -> None:
    expected = {(table, str(row["id"]), outcome, reason) for table, outcome, reason, row in BROKEN}
    known = [row for row in imported.report if row["outcome"] != "unknown"]
    found = [(row["table"], row["id"], row["outcome"], row["reason"]) for row in known]
    assert len(found) == len(set(found))
    assert set(found) == expected
    assert len({reason for _, _, _, reason in expected}) >= 15
    assert [row for row in imported.report if row["outcome"] == "unknown"] == UNKNOWN


async def test_every_other_row_is_there(imported: Imported) -> None:
    skipped = {(row["table"], row["id"]) for row in imported.report if row["outcome"] == "skipped"}
    names: dict[str, str] = {
        "users": "users.users",
        "artist_profiles": "users.artist_profiles",
        "rooms": "chat.rooms",
        "messages": "chat.messages",
        "verification_requests": "users.verification_requests",
        "admin_actions": "users.admin_actions",
        "moderation_logs": "chat.moderation_logs",
    }
    source = await asyncpg.connect(imported.source.admin_dsn)
    try:
        for table, name in names.items():
            ids = {str(row["id"]) for row in await source.fetch(f"SELECT id FROM {table}")}
            here = {str(row["id"]) for row in await imported.connection.fetch(f"SELECT id FROM {name}")}
            assert here == {each for each in ids if (table, each) not in skipped}, table
        assert await source.fetchval("SELECT count(*) FROM messages") > 50_000
        for table in ("reactions", "room_memberships"):
            count = await source.fetchval(f"SELECT count(*) FROM {table}")
            left = count - sum(name == table for name, _ in skipped)
            owners = "WHERE role <> 'OWNER'" if table == "room_memberships" else ""
            assert imported.result.read[table] == count
            here = await imported.connection.fetchval(f"SELECT count(*) FROM chat.{table} {owners}")
            # Owners that the original has as members, too, became one row.
            assert here == left if table == "reactions" else left - 60 <= here <= left
    finally:
        await source.close()
    for table, read in imported.result.read.items():
        if table != "room_memberships":
            assert imported.result.written[table] + imported.result.skipped[table] == read, table
    assert imported.result.differences == []


@pytest.mark.parametrize(
    "fault", [each for each in FAULTS if "time against" not in each and "owner" not in each]
)
async def test_every_denormalized_value_equals_a_recount(imported: Imported, fault: str) -> None:
    assert await imported.connection.fetch(FAULTS[fault]) == []


async def test_a_room_is_in_the_order_of_time_and_id(imported: Imported) -> None:
    rows = await imported.connection.fetch(
        "SELECT room_id, seq, id, created_at FROM chat.messages ORDER BY room_id, seq"
    )
    keys = [(row["room_id"], row["created_at"], str(row["id"])) for row in rows]
    assert keys == sorted(keys)


async def test_roles_tracks_texts_and_threads(imported: Imported) -> None:
    fetch = imported.connection.fetchrow
    deep = await fetch(
        "SELECT m.root_id, m.reply_to_id, p.id, p.root_id AS parents_root_id FROM chat.messages m"
        " JOIN chat.messages p ON p.room_id = m.room_id AND p.id = m.reply_to_id WHERE m.id = $1",
        FITTING["deep reply"],
    )
    assert deep is not None
    assert deep["root_id"] == deep["parents_root_id"] is not None
    owners = await imported.connection.fetch(
        "SELECT room_id FROM chat.room_memberships WHERE role = 'OWNER' GROUP BY 1 HAVING count(*) = 1"
    )
    assert len(owners) == await imported.connection.fetchval("SELECT count(*) FROM chat.rooms")
    assert (
        await imported.connection.fetchval(
            "SELECT count(*) FROM chat.room_memberships WHERE role = 'MODERATOR'"
        )
        > 0
    )
    times = await fetch(
        "SELECT count(*) FILTER (WHERE x.created_at = '2025-06-01Z') AS own, count(*) FILTER (WHERE x.created_at = m.created_at) AS messages,"
        " count(*) AS all FROM chat.reactions x JOIN chat.messages m ON m.room_id = x.room_id AND m.id = x.message_id"
    )
    assert times is not None
    assert times["own"] + times["messages"] == times["all"]
    assert min(times) > 0
    tracks = await fetch(
        "SELECT count(*) AS posts, count(t.id) AS known, count(t.listed_at) FILTER (WHERE m.private_room_id IS NULL) AS listed,"
        " count(*) FILTER (WHERE m.private_room_id IS NULL) AS public"
        " FROM chat.messages m LEFT JOIN tracks.track_refs t ON t.id = m.track_id WHERE m.track IS NOT NULL"
    )
    assert tracks is not None
    assert tracks["posts"] == tracks["known"] > 0
    assert tracks["listed"] == tracks["public"]
    for text, found in await imported.connection.fetch(
        "SELECT text, search_text FROM chat.messages LIMIT 2000"
    ):
        assert found == search_text(text)


async def test_a_second_run_changes_nothing_and_finds_changes_since(imported: Imported) -> None:
    update = "UPDATE chat.messages SET text = $2 WHERE id = $1"
    text = await imported.connection.fetchval("SELECT text FROM chat.messages WHERE id = $1", uid("m", 5))
    await imported.connection.execute(update, uid("m", 5), "other words")
    before = await digests(imported.target, versions=True)
    again, report = await take_over(imported.source, imported.target)
    assert await digests(imported.target, versions=True) == before
    await imported.connection.execute(update, uid("m", 5), text)
    assert again.differences == [f"messages of room {uid('r', 5)}"]
    again.differences.clear()
    assert (again, report) == (imported.result, imported.report)


async def test_the_services_serve_it(imported: Imported) -> None:
    author = await imported.connection.fetchval(
        "SELECT user_id FROM chat.messages WHERE id = $1", uid("m", 5)
    )
    row = await imported.connection.fetchrow(
        "SELECT email, supabase_id FROM users.users WHERE id = $1", author
    )
    assert row is not None
    async with AsyncExitStack() as stack:
        users = await stack.enter_async_context(running(UsersSettings, build_users, imported.target))
        targets = {"users_target": users.address, "tracks_target": users.address}
        chat = await stack.enter_async_context(running(ChatSettings, build_chat, imported.target, **targets))
        messages = message_service_pb2_grpc.MessageServiceStub(chat.channel)
        page = await messages.ListMessages(
            message_service_pb2.ListMessagesRequest(room_id=str(uid("r", 5)), page_size=50),
            metadata=user("reader@example.test"),
        )
    assert len(page.messages) == 50


async def test_a_dry_run_writes_nothing(imported: Imported, fresh_database: Database) -> None:
    before = await digests(fresh_database)
    result, report = await take_over(imported.source, fresh_database, dry_run=True)
    assert await digests(fresh_database) == before
    assert report == imported.report
    assert result.written == imported.result.written


async def seda(
    source: Database, target: Database, program: str, *arguments: str
) -> tuple[int, list[Any], str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program, *arguments),
        env=os.environ
        | {"DATABASE_URL": target.admin_dsn, "SEDA_IMPORT_URL": f"{source.admin_dsn}?schema=public"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return process.returncode or 0, [json.loads(line) for line in stdout.splitlines()], stderr.decode()


async def test_a_database_that_others_use_needs_its_name(imported: Imported, tmp_path: Path) -> None:
    arguments = ("import", "--json", "--report", str(tmp_path / "report.jsonl"))
    stranger = "01a228a9-ac06-7432-807b-d89506680f05"
    await imported.connection.execute(
        "INSERT INTO users.users (id, email, supabase_id, display_name) VALUES ($1, 'x@example.org', 'x', '')",
        stranger,
    )
    try:
        for given in ((), ("--yes",)):
            code, lines, _ = await seda(imported.source, imported.target, _COMMAND, *arguments, *given)
            assert (code, lines[-1]["error"]["code"]) == (4, "CONFIRMATION_NEEDED")
    finally:
        await imported.connection.execute("DELETE FROM users.users WHERE id = $1", stranger)
    assert not (tmp_path / "report.jsonl").exists()


async def test_another_database_is_refused(
    blank_database: Database, database: Database, tmp_path: Path
) -> None:
    code, lines, _ = await seda(
        blank_database, database, _COMMAND, "import", "--json", "--report", str(tmp_path / "r")
    )
    assert (code, lines[-1]["error"]["code"]) == (1, "SOURCE_UNKNOWN")


async def test_a_run_that_is_ended_ten_times_ends_like_one_that_is_not(
    imported: Imported, postgres_server: Server, tmp_path: Path
) -> None:
    report = tmp_path / "report.jsonl"
    arguments = ("import", "--json", "--report", str(report))
    counts = []
    async with cloned_database(postgres_server) as target:
        for number, limit in enumerate(_END_AFTER):
            ending = signal.SIGINT if number % 5 == 4 else signal.SIGKILL
            while True:
                code, lines, output = await seda(
                    imported.source, target, _ENDING, str(int(ending)), str(limit), *arguments
                )
                # The server may notice the death of the one before a moment later.
                if code != Exit.LOCK_BUSY:
                    break
            assert code == (Exit.INTERRUPTED if ending is signal.SIGINT else -ending), output
            assert ending is signal.SIGKILL or "run the same command again" in output
            counts.append(await rooms(target))
        # Run after run adds rooms, each of them whole, and the last one leaves some.
        assert counts == sorted(counts)
        assert imported.result.written["rooms"] // 2 < counts[-1] < imported.result.written["rooms"]
        code, lines, output = await seda(imported.source, target, _COMMAND, *arguments)
        assert code == 0, output
        assert [each["name"] for each in lines if each.get("event") == "step"] == ["Users", "Tracks", "Rooms"]
        result = lines[-1]["data"]["result"]
        assert (result["differences"], result["written"]) == ([], dict(imported.result.written))
        assert [json.loads(line) for line in report.read_text().splitlines()] == imported.report
        assert await digests(target) == imported.digests
