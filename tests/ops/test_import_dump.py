"""`seda import` of a database that Prisma made and filled: tests/data/original/dump.sql."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest

from ops.console import Console
from ops.dev_tokens import development_subject
from ops.errors import CliError
from ops.import_prisma import load, source
from ops.import_prisma.load import ImportResult
from ops.import_prisma.report import Report
from ops.row_progress import RowProgress
from seda.chat.v1 import moderation_pb2, moderation_service_pb2, moderation_service_pb2_grpc
from seda.users.v1 import (
    admin_pb2,
    admin_service_pb2,
    admin_service_pb2_grpc,
    verification_service_pb2,
    verification_service_pb2_grpc,
)
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from tests.data.original.make_dump import DUMP, fingerprint
from tests.postgres import Database, Server, empty_database
from tests.services.running import running, user
from tests.support.recount import FAULTS

pytestmark = pytest.mark.slow

_OUTCOMES = """
    admin_actions changed ACTION_UNKNOWN 1
    admin_actions skipped TARGET_INVALID 1
    artist_profiles changed BIO_CHANGED 1
    artist_profiles changed VERIFIED_DROPPED 2
    artist_profiles changed WEBSITE_URL_DROPPED 1
    crawler_cache skipped NOT_TAKEN_OVER 3
    messages changed PARENT_UNKNOWN 1
    messages changed TRACK_DROPPED 1
    messages skipped EMPTY 1
    messages skipped ROOM_SKIPPED 40
    messages skipped SYSTEM_MESSAGE 1
    messages skipped TEXT_INVALID 1
    messages skipped TEXT_TOO_LONG 1
    messages skipped TRACK_INVALID 1
    moderation_logs changed ACTION_UNKNOWN 1
    moderation_logs changed TIME_UNKNOWN 3
    moderation_logs skipped ROOM_UNKNOWN 1
    reactions skipped DUPLICATE 1
    reactions skipped EMOJI_INVALID 1
    reactions skipped MESSAGE_SKIPPED 1
    reactions skipped ROOM_SKIPPED 28
    room_memberships skipped DUPLICATE 4
    room_memberships skipped ROOM_SKIPPED 9
    rooms changed NAME_CHANGED 1
    rooms changed OWNER_REPLACED 1
    rooms skipped ROOM_NAME_INVALID 1
    track_refs changed DURATION_CHANGED 1
    track_refs skipped DUPLICATE 1
    track_refs skipped TRACK_INVALID 1
    users skipped EMAIL_TAKEN 1
    verification_requests changed CODE_REPLACED 5
    verification_requests changed VERIFIED_DROPPED 1
    verification_requests skipped ARTIST_UNKNOWN 1
    verification_requests skipped DUPLICATE 1
    verification_requests skipped STATUS_UNKNOWN 1
    verification_requests skipped TARGET_INVALID 1
"""
_END_SESSION = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1 AND datname = ANY ($2::text[])
"""
_ADMIN = "listener0@example.test"


class Imported(NamedTuple):
    source: Database
    target: Database
    connection: asyncpg.Connection
    result: ImportResult
    report: list[dict[str, str]]


async def take_over(
    original: Database, target: Database, **settings: str
) -> tuple[ImportResult, list[dict[str, str]]]:
    file, quiet = io.StringIO(), RowProgress(Console(io.StringIO(), io.StringIO(), {}), 1)
    result = await load.run_import(
        original.server.dsn(original.name, **settings),
        "public",
        target.admin_dsn,
        Report(file),
        quiet,
        dry_run=False,
    )
    return result, [json.loads(line) for line in file.getvalue().splitlines()]


@pytest.fixture(scope="module")
async def imported(postgres_server: Server, database: Database) -> AsyncIterator[Imported]:
    async with empty_database(postgres_server) as original:
        connection = await asyncpg.connect(original.admin_dsn)
        await connection.execute(DUMP.read_text(encoding="utf-8"))
        await connection.close()
        result, report = await take_over(original, database)
        connection = await asyncpg.connect(database.admin_dsn)
        try:
            yield Imported(original, database, connection, result, report)
        finally:
            await connection.close()


def test_the_dump_is_what_its_script_makes() -> None:
    assert fingerprint() in DUMP.read_text(encoding="utf-8").partition("\n")[0]


async def test_every_row_is_there_or_in_the_report(imported: Imported) -> None:
    found = Counter((row["table"], row["outcome"], row["reason"]) for row in imported.report)
    assert [f"{' '.join(outcome)} {rows}" for outcome, rows in sorted(found.items())] == [
        line.strip() for line in _OUTCOMES.split("\n") if line
    ]
    result = imported.result
    assert result.differences == []
    assert set(result.read) == {*source.TABLES, source.CACHE}
    for table, read in result.read.items():
        # The owner of room 3 comes from nowhere, and is the member that was there already.
        assert result.written[table] + result.skipped[table] == read, table
    for name, query in FAULTS.items():
        # Messages of the same time are in the order of their ids, and the owner of room 3 did not make it.
        if name not in {"time against the numbers", "a room without its one owner"}:
            assert await imported.connection.fetch(query) == [], name


async def test_a_second_run_writes_nothing(imported: Imported) -> None:
    query = "SELECT md5(string_agg(xmin::text || id, '' ORDER BY id)) FROM "
    tables = (
        "users.users",
        "users.verification_requests",
        "users.admin_actions",
        "tracks.track_refs",
        "chat.rooms",
    )
    before = [await imported.connection.fetchval(query + each) for each in tables]
    assert await take_over(imported.source, imported.target) == (imported.result, imported.report)
    assert [await imported.connection.fetchval(query + each) for each in tables] == before


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["seda import", "seda import source"])
async def test_a_lost_connection_is_no_crash(
    imported: Imported, fresh_database: Database, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    async def write_tracks(*_: object) -> dict[tuple[str, str], UUID]:
        await imported.connection.execute(_END_SESSION, lost, [imported.source.name, fresh_database.name])
        return {}

    monkeypatch.setattr(load, "write_tracks", write_tracks)
    with pytest.raises(CliError) as caught:
        await take_over(imported.source, fresh_database)
    assert (caught.value.code, caught.value.retry) == ("CONNECTION_LOST", True)
    monkeypatch.undo()
    result, report = await take_over(imported.source, fresh_database)
    assert (result, report) == (imported.result, imported.report)


async def test_rows_that_a_policy_hides_are_not_left_out_silently(
    imported: Imported, fresh_database: Database
) -> None:
    original = await asyncpg.connect(imported.source.admin_dsn)
    try:
        await original.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO chat_ro")
        await original.execute("ALTER TABLE messages ENABLE ROW LEVEL SECURITY")
        with pytest.raises(CliError) as caught:
            await take_over(imported.source, fresh_database, role="chat_ro")
        assert caught.value.code == "SOURCE_FORBIDDEN"
    finally:
        await original.execute("ALTER TABLE messages DISABLE ROW LEVEL SECURITY")
        await original.close()


async def test_another_schema_is_named_as_prisma_names_it(imported: Imported) -> None:
    original = await asyncpg.connect(imported.source.admin_dsn)
    try:
        await original.execute('ALTER SCHEMA public RENAME TO "Seda ""Prod"')
        schema = source.read_source_url("postgresql://user@localhost/seda?schema=Seda%20%22Prod")[1]
        rows = sum(n for table, n in imported.result.read.items() if table != source.CACHE)
        assert await load.count_rows(imported.source.admin_dsn, schema) == rows
        with pytest.raises(CliError) as caught:
            await load.count_rows(imported.source.admin_dsn, "public")
        assert caught.value.code == "SOURCE_UNKNOWN"
    finally:
        await original.execute('ALTER SCHEMA "Seda ""Prod" RENAME TO public')
        await original.close()


async def test_a_mark_stays_with_a_claim_behind_it(imported: Imported) -> None:
    rows = await imported.connection.fetch(
        "SELECT a.artist_name, a.verified, a.verified_at IS NOT NULL AS dated, v.state, v.target_url, v.recheck_at > now() AS due"
        " FROM users.artist_profiles a LEFT JOIN users.verification_requests v ON v.artist_profile_id = a.id"
        " ORDER BY a.created_at, v.created_at"
    )
    spotify = "https://open.spotify.com/artist/06dd366b7b350efd3626d4"
    assert [tuple(row) for row in rows] == [
        ("Velvet Sea", True, True, "VERIFIED", "https://velvet.example.com/", True),
        ("Núria Bañó", True, True, "VERIFIED", spotify, True),
        ("Los Óxidos", False, False, None, None, None),
        ("夜の海", False, False, "PENDING", "https://soundcloud.com/night-sea", None),
        ("Paper Lantern", False, False, "REJECTED", "https://lantern.example.com/", None),
        ("Paper Lantern", False, False, "EXPIRED", "https://lantern.example.com/", None),
        ("Copper & Sons", False, False, None, None, None),
        ("VeIvet Sea", False, False, "REVOKED", "https://lookalike.example.com/", None),
        ("Ø", False, False, None, None, None),
    ]
    codes = {
        row["claim_code"]
        for row in await imported.connection.fetch("SELECT claim_code FROM users.verification_requests")
    }
    assert "seda-verify-velvetseavelvetseavelvetse" in codes


async def test_a_track_has_one_identity(imported: Imported) -> None:
    tracks = await imported.connection.fetch(
        "SELECT provider, url, title, listed_at FROM tracks.track_refs WHERE provider <> 'spotify' ORDER BY provider"
    )
    assert [(row["provider"], row["url"], row["title"]) for row in tracks] == [
        ("apple", "https://music.apple.com/de/song/1440857781", "Song"),
        ("deezer", "https://www.deezer.com/track/3135556", None),
        ("youtube", "https://www.youtube.com/watch?v=dQw4w9WgXcQ", "A video"),
    ]
    # Only what was posted is found by everybody.
    assert [row["listed_at"] is not None for row in tracks] == [False, True, False]
    posted = await imported.connection.fetchrow(
        "SELECT count(*) AS posts, count(t.id) AS known, count(DISTINCT m.track_id) AS tracks,"
        " count(*) FILTER (WHERE m.track ->> 'provider_id' = t.provider_id) AS alike"
        " FROM chat.messages m LEFT JOIN tracks.track_refs t ON t.id = m.track_id WHERE m.track IS NOT NULL"
    )
    assert posted is not None
    assert tuple(posted) == (17, 17, 5, 17)


async def test_the_services_show_the_logs_and_claims(imported: Imported) -> None:
    await imported.connection.execute(
        "UPDATE users.users SET supabase_id = $2 WHERE email = $1", _ADMIN, development_subject(_ADMIN)
    )
    room = await imported.connection.fetchval("SELECT id FROM chat.rooms ORDER BY created_at LIMIT 1")
    async with AsyncExitStack() as stack:
        users = await stack.enter_async_context(
            running(
                UsersSettings,
                build_users,
                imported.target,
                chat_target="127.0.0.1:1",
                tracks_target="127.0.0.1:1",
            )
        )
        targets = {"users_target": users.address, "tracks_target": users.address}
        chat = await stack.enter_async_context(running(ChatSettings, build_chat, imported.target, **targets))
        listed: Any = await admin_service_pb2_grpc.AdminServiceStub(users.channel).ListAdminActions(
            admin_service_pb2.ListAdminActionsRequest(), metadata=user(_ADMIN)
        )
        logged: Any = await moderation_service_pb2_grpc.ModerationServiceStub(
            chat.channel
        ).ListModerationLogs(
            moderation_service_pb2.ListModerationLogsRequest(room_id=str(room)), metadata=user(_ADMIN)
        )
        claims: Any = await verification_service_pb2_grpc.VerificationServiceStub(
            users.channel
        ).ListVerifications(
            verification_service_pb2.ListVerificationsRequest(as_admin=True), metadata=user(_ADMIN)
        )
    assert [(each.action, each.reason) for each in listed.admin_actions] == [
        (admin_pb2.ADMIN_ACTION_TYPE_UNSPECIFIED, "Taken over without a reason"),
        (admin_pb2.ADMIN_ACTION_TYPE_MUTE_USER, '{"note": "Third time", "until": "2099-01-01"}'),
        (admin_pb2.ADMIN_ACTION_TYPE_SET_ROLE, "Helps every evening"),
    ]
    assert {(each.action, each.actor_role, each.reason) for each in logged.logs} == {
        (moderation_pb2.MODERATION_ACTION_MUTE_MEMBER, moderation_pb2.ACTOR_ROLE_MODERATOR, ""),
        (moderation_pb2.MODERATION_ACTION_DELETE_MESSAGE, moderation_pb2.ACTOR_ROLE_MODERATOR, "Spam"),
    }
    assert len(claims.verifications) == imported.result.written["verification_requests"]
