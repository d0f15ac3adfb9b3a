"""`seda seed`: what it writes is what the services would have written, once, and only where it may."""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest

from ops.console import Console
from ops.errors import CliError
from ops.row_progress import RowProgress
from ops.seed import content, load, rows
from search_text import normalize_text
from seda.chat.v1 import message_service_pb2, message_service_pb2_grpc
from seda.users.v1 import artist_service_pb2, artist_service_pb2_grpc
from services.chat.app import build as build_chat
from services.chat.config import Settings as ChatSettings
from services.chat.domain.message_search import search_text
from services.tracks.app import build as build_tracks
from services.tracks.config import Settings as TracksSettings
from services.tracks.domain.metadata import search_text as track_search_text
from services.users.app import build as build_users
from services.users.config import Settings as UsersSettings
from services.users.domain.name_skeleton import name_skeleton
from tests.postgres import Database
from tests.services.running import running, user
from tests.support.recount import FAULTS

pytestmark = pytest.mark.slow

# More rooms than are loaded beside the indexes: a private one and a large one are among them.
SCALE, ROOMS = 0.022, 11
_EVERYTHING = """
    SELECT (SELECT count(*) FROM users.users) AS users, (SELECT count(*) FROM users.artist_profiles) AS artists,
           (SELECT count(*) FROM chat.rooms) AS rooms, (SELECT count(*) FROM chat.messages) AS messages,
           (SELECT count(*) FROM chat.reactions) AS reactions
"""
_MORE_FAULTS = {
    "a user's count of rooms": """
        SELECT * FROM chat.user_counters FULL JOIN
               (SELECT user_id, count(*) AS n FROM chat.room_memberships GROUP BY user_id) m USING (user_id)
         WHERE rooms_rev IS DISTINCT FROM n
    """,
    "a message hidden from searches, or not": """
        SELECT m.id FROM chat.messages m JOIN chat.rooms r ON r.id = m.room_id
         WHERE m.private_room_id IS DISTINCT FROM CASE WHEN r.private THEN r.id END
    """,
    "somebody who is in no room but wrote or reacted there": """
        SELECT 1 FROM (SELECT room_id, user_id FROM chat.messages UNION SELECT room_id, user_id FROM chat.reactions) a
         WHERE NOT EXISTS (SELECT FROM chat.room_memberships m
                            WHERE m.room_id = a.room_id AND m.user_id = a.user_id AND m.left_at IS NULL)
    """,
    "a member nobody knows": """
        SELECT user_id FROM chat.room_memberships WHERE user_id NOT IN (SELECT id FROM users.users)
    """,
    "a posted track that is unlike its snapshot": """
        SELECT m.id FROM chat.messages m LEFT JOIN tracks.track_refs t ON t.id = m.track_id
         WHERE m.track_id IS NOT NULL AND m.track IS DISTINCT FROM jsonb_build_object(
               'provider', t.provider, 'provider_id', t.provider_id, 'url', t.url, 'title', t.title, 'artist', t.artist,
               'artwork_url', t.artwork_url, 'duration_seconds', t.duration_seconds)
    """,
    "a track listed at another time than its first post in a public room": """
        SELECT t.id FROM tracks.track_refs t
         WHERE t.listed_at IS DISTINCT FROM (SELECT min(m.created_at) FROM chat.messages m JOIN chat.rooms r ON r.id = m.room_id
                                              WHERE m.track_id = t.id AND NOT r.private)
    """,
    "a posted track that its poster would not find": """
        SELECT t.id FROM tracks.track_refs t
         WHERE listed_at IS NULL AND NOT EXISTS (SELECT FROM tracks.track_resolvers r WHERE r.track_id = t.id)
    """,
    "an artist verified without a claim, or the reverse": """
        SELECT p.id FROM users.artist_profiles p
         WHERE p.verified <> EXISTS (SELECT FROM users.verification_requests v
                                      WHERE v.artist_profile_id = p.id AND v.state IN ('VERIFIED', 'STALE'))
    """,
    "nobody verified": "SELECT 1 WHERE NOT EXISTS (SELECT FROM users.artist_profiles WHERE verified)",
}


def quiet() -> RowProgress:
    return RowProgress(Console(io.StringIO(), io.StringIO(), {}), 1)


@pytest.fixture(scope="module")
async def seeded(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection to a database with a small seed."""
    await load.load(database.admin_dsn, SCALE, quiet())
    connection = await asyncpg.connect(database.admin_dsn)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("fault", FAULTS | _MORE_FAULTS)
async def test_every_denormalized_value_equals_a_recount(seeded: asyncpg.Connection, fault: str) -> None:
    assert await seeded.fetch((FAULTS | _MORE_FAULTS)[fault]) == []


async def test_everything_is_found_as_the_services_would_find_it(seeded: asyncpg.Connection) -> None:
    for text, found in await seeded.fetch("SELECT DISTINCT text, search_text FROM chat.messages"):
        assert found == search_text(text)
    for name, found in await seeded.fetch("SELECT name, search_name FROM chat.rooms"):
        assert found == normalize_text(name)
    for title, artist, found in await seeded.fetch(
        "SELECT title, artist, search_text FROM tracks.track_refs"
    ):
        assert found == track_search_text(title, artist)
    artists = await seeded.fetch("SELECT artist_name, search_name, name_skeleton FROM users.artist_profiles")
    assert len(artists) == ROOMS * rows.ARTISTS_PER_ROOM
    for name, found, skeleton in artists:
        assert (found, skeleton) == (normalize_text(name), name_skeleton(name))


async def test_a_second_run_adds_nothing_and_a_larger_scale_the_rest(
    seeded: asyncpg.Connection, database: Database
) -> None:
    before = await seeded.fetchrow(_EVERYTHING)
    again = await load.load(database.admin_dsn, SCALE, quiet())
    assert (again.missing, await seeded.fetchrow(_EVERYTHING)) == ((), before)
    more = await load.load(database.admin_dsn, (ROOMS + 1) / load.ROOMS_AT_SCALE_1, quiet())
    assert more.missing == (ROOMS,)
    after = await seeded.fetchrow(_EVERYTHING)
    assert before is not None
    assert after is not None
    assert {name: after[name] - before[name] for name in after.keys()} == more.counts  # noqa: SIM118 - a Record
    for fault, query in (FAULTS | _MORE_FAULTS).items():
        assert await seeded.fetch(query) == [], fault


async def test_no_index_is_missing_afterwards(seeded: asyncpg.Connection, fresh_database: Database) -> None:
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'chat' ORDER BY indexdef"
    migrated = await asyncpg.connect(fresh_database.admin_dsn)
    try:
        assert await seeded.fetch(query) == await migrated.fetch(query)
    finally:
        await migrated.close()


def test_the_rows_are_the_same_every_time() -> None:
    first, second = rows.empty_rows(), rows.empty_rows()
    rows.add_block(7, first)
    rows.add_block(7, second)
    assert first == second


def test_scale_1_is_as_documented() -> None:
    plan = load.SeedPlan(1, tuple(range(load.ROOMS_AT_SCALE_1)), real=False)
    assert plan.counts == {
        "users": 10_000,
        "artists": 1_000,
        "rooms": 500,
        "messages": 900_000,
        "reactions": 1_350_000,
    }


@pytest.mark.usefixtures("seeded")
async def test_the_services_serve_it(database: Database) -> None:
    async with AsyncExitStack() as stack:
        users = await stack.enter_async_context(running(UsersSettings, build_users, database))
        tracks = await stack.enter_async_context(
            running(TracksSettings, build_tracks, database, users_target=users.address)
        )
        targets = {"users_target": users.address, "tracks_target": tracks.address}
        chat = await stack.enter_async_context(running(ChatSettings, build_chat, database, **targets))
        messages = message_service_pb2_grpc.MessageServiceStub(chat.channel)
        # User 180 owns room 9, the large one.
        owner = user(content.user_email(180))
        page = await messages.ListMessages(
            message_service_pb2.ListMessagesRequest(room_id=rows.room_id(9), page_size=50), metadata=owner
        )
        found = await messages.SearchMessages(
            message_service_pb2.SearchMessagesRequest(query="cafe last night"), metadata=owner
        )
        artists = artist_service_pb2_grpc.ArtistServiceStub(users.channel)
        hits = await artists.SearchArtists(
            artist_service_pb2.SearchArtistsRequest(query=content.artist_name(3)), metadata=owner
        )
    assert len(page.messages) == 50
    assert sum(reaction.count for message in page.messages for reaction in message.reactions) > 50
    assert {message.reply_count for message in page.messages} == {0, 4}
    assert found.messages
    assert hits.matches[0].artist_profile.artist_name == content.artist_name(3)


async def seda(
    database: Database, *arguments: str, **environ: str
) -> tuple[int, list[dict[str, object]], str]:
    """Run `seda seed` as a program; return its exit code, its events or result, and its messages."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from ops.cli import main; main()", "seed", *arguments),
        env=os.environ | {"DATABASE_URL": database.admin_dsn} | environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    return process.returncode or 0, [json.loads(each) for each in stdout.splitlines()], stderr.decode()


async def test_the_command_reports_steps_and_the_result(fresh_database: Database) -> None:
    code, lines, _ = await seda(fresh_database, "--scale", "0.002", "--json")
    assert code == 0
    assert [each["name"] for each in lines if each.get("event") == "step"] == [
        "Loading",
        "Counting for the planner",
    ]
    counts = {"users": 20, "artists": 2, "rooms": 1, "messages": 900, "reactions": 1350}
    assert lines[-1] == {"ok": True, "data": {"dry_run": False, "scale": 0.002, "added": counts}}


async def test_a_database_that_people_use_needs_its_name(fresh_database: Database) -> None:
    name = fresh_database.name
    scale = ("--scale", "0.002", "--json")
    production = {"SEDA_ENV": "production"}

    async def refusal(*arguments: str, **environ: str) -> object:
        code, lines, _ = await seda(fresh_database, *scale, *arguments, **environ)
        error = lines[-1].get("error")
        return (code, error["code"]) if isinstance(error, dict) else code

    assert await refusal(**production) == (4, "CONFIRMATION_NEEDED")
    assert await refusal("--yes", **production) == (4, "CONFIRMATION_NEEDED")
    assert await refusal("--yes", "--database", "other", **production) == (4, "WRONG_DATABASE")
    assert await refusal("--dry-run", **production) == 0
    connection = await asyncpg.connect(fresh_database.admin_dsn)
    try:
        await connection.execute(
            "INSERT INTO users.users (id, email, supabase_id, display_name)"
            " VALUES (gen_random_uuid(), 'ada@example.org', 'ada', '')"
        )
        assert await refusal() == (4, "CONFIRMATION_NEEDED")
        assert await refusal("--yes") == (4, "CONFIRMATION_NEEDED")
        assert await connection.fetchval("SELECT count(*) FROM chat.rooms") == 0
        assert await refusal("--yes", "--database", name, **production) == 0
        assert await connection.fetchval("SELECT count(*) FROM chat.rooms") == 1
    finally:
        await connection.close()


async def test_a_failed_load_leaves_nothing(
    fresh_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    progress = quiet()

    def stop(_: int) -> None:
        raise CliError("STOPPED", "Stopped.")

    monkeypatch.setattr(progress, "advance", stop)
    with pytest.raises(CliError):
        await load.load(fresh_database.admin_dsn, SCALE, progress)
    connection = await asyncpg.connect(fresh_database.admin_dsn)
    try:
        assert set(await connection.fetchrow(_EVERYTHING) or ()) == {0}
        assert await connection.fetchval("SELECT to_regclass('chat.messages_author_idx')") is not None
    finally:
        await connection.close()


@pytest.mark.parametrize("as_json", [True, False])
def test_progress_without_a_terminal(*, as_json: bool) -> None:
    """A line a minute, an event a second at most; both with the rate and the remaining time."""
    times = iter((0.0, 0.5, 1.5, 2.0, 61.5, 80.0))
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err, {})
    console.json = as_json
    with RowProgress(console, 1_000, lambda: next(times)) as progress:
        for _ in range(5):
            progress.advance(100)
    if as_json:
        assert [json.loads(line)["done"] for line in out.getvalue().splitlines()] == [200, 400, 500]
        assert json.loads(out.getvalue().splitlines()[0]) == {
            "event": "progress",
            "done": 200,
            "total": 1000,
            "rows_per_second": 133,
            "eta_seconds": 6,
        }
    else:
        assert err.getvalue() == "400 of 1,000 rows, 7 a second, 92 s left\n"
