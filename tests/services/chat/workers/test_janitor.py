"""The janitor: what it empties and folds, one process at a time, a little at a time."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.database import Database, PoolOptions
from services.chat.actions.search_backfill import backfill_messages
from services.chat.store.rooms import search_name
from services.chat.workers.janitor import LEASE, Janitor
from tests import postgres
from tests.services.chat.author_fixtures import columns_with, count_rows_per_transaction, invariant_violations
from tests.services.chat.builders import make_messages
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import add_track, until_blocked

OTHER = UUID("0190a5c0-0000-7000-8000-000000000001")


@pytest.fixture
async def patient(database: postgres.Database) -> AsyncIterator[Janitor]:
    """One that waits for a room as long as the service does."""
    opened = Database(database.app_dsn("chat"), PoolOptions("test", lock_timeout_ms=10_000))
    await opened.open()
    yield Janitor(opened, interval=3_600, pause=0)
    await opened.close()


async def _spoken(client: ChatClient, word: str) -> tuple[str, Message]:
    """The owner of a room and a message there with everything that can hang on one."""
    ada, bob = new_user(), new_user()
    room_id = (await client.create_room(ada)).id
    await client.join_room(bob, room_id)
    message = await client.send_message(
        ada, room_id, f"first {word}", mention_user_ids=[await client.db.user_id(bob)]
    )
    await client.update_message(ada, message, text=f"then {word}")
    for email, emoji in ((ada, f":{word}:"), (bob, f":{word}:"), (bob, "🎵")):
        await client.add_reaction(email, message, emoji)
    await client.remove_reaction(bob, message, "🎵")
    return ada, message


async def test_janitor_empties_what_was_deleted_a_month_ago(client: ChatClient, janitor: Janitor) -> None:
    word = f"old{uuid.uuid4().hex[:8]}"
    ada, message = await _spoken(client, word)
    reply = await client.send_message(ada, message.room_id, "a reply", parent_id=message.id)
    await client.delete_message(ada, message)
    await client.db.age_deletion(message, "30 days 1 second")
    before = (await client.get_room(ada, message.room_id)).position.rev
    assert await janitor.run_once()
    assert await columns_with(client.admin, word) == set()
    row = await client.admin.fetchrow(
        "SELECT *, emptied_at IS NOT NULL AS purged FROM chat.messages WHERE id = $1", UUID(message.id)
    )
    assert row is not None
    assert (row["seq"], row["deletion_type"], row["purged"]) == (message.seq, "AUTHOR", True)
    assert row["mention_user_ids"] is row["text"] is row["search_text"] is None
    assert row["rev"] == before + 1 == (await client.get_room(ada, message.room_id)).position.rev
    assert str(row["user_id"]) == await client.db.user_id(ada)
    assert (await client.get_message(ada, reply)).text == "a reply"
    assert await client.db.thread_counters(message) == (1, reply.seq)
    assert await invariant_violations(client.admin) == set()


async def test_janitor_leaves_what_may_still_be_restored(client: ChatClient, janitor: Janitor) -> None:
    word = f"young{uuid.uuid4().hex[:8]}"
    ada, message = await _spoken(client, word)
    await client.delete_message(ada, message)
    await client.db.age_deletion(message, "29 days 23 hours")
    rows = await client.db.room_rows(message.room_id)
    assert await janitor.run_once()
    assert await client.db.room_rows(message.room_id) == rows
    restored = await client.restore_message(ada, message, reason="a mistake")
    assert restored.text == f"then {word}"


async def test_janitor_empties_tracks_and_nothing_twice(
    client: ChatClient, janitor: Janitor, statements: list[str]
) -> None:
    ada = new_user()
    room_id = (await client.create_room(ada)).id
    track_id = await add_track(client.admin, "2qToAcex0ruZfbEbAy9OhW")
    message = await client.send_message(ada, room_id, "a song", track_id=track_id)
    await client.delete_message(ada, message)
    await client.db.age_deletion(message, "31 days")
    assert await janitor.run_once()
    row = await client.admin.fetchrow("SELECT * FROM chat.messages WHERE id = $1", UUID(message.id))
    assert row is not None
    assert row["track"] is row["track_id"] is row["text"] is None
    rows = await client.db.room_rows(room_id)
    statements.clear()
    assert await janitor.run_once()
    assert await client.db.room_rows(room_id) == rows
    assert statements == [
        "chat.acquire_lease", "chat.expired_tombstones", "chat.messages_missing_search_text", "chat.rooms_missing_search_name", "chat.acquire_lease",
        "chat.get_backfill", "chat.get_backfill", "chat.release_lease",
    ]  # fmt: skip


async def test_janitor_keeps_every_transaction_small(
    client: ChatClient, janitor: Janitor, statements: list[str]
) -> None:
    ada = new_user()
    room_id = UUID((await client.create_room(ada)).id)
    word, deleted = "'muchtosay'", {"deleted_at": "now() - interval '1 year'", "deletion_type": "'AUTHOR'"}
    await make_messages(client.admin, room_id, OTHER, 900, text=word, search_text=word, **deleted)
    await client.admin.execute(
        """
        INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
        SELECT room_id, id, gen_random_uuid(), ':muchtosay:', now(), 2000 + n
          FROM chat.messages, generate_series(1, 700) n WHERE room_id = $1 AND seq = 5
        """,
        room_id,
    )
    await client.admin.execute(
        """
        INSERT INTO chat.reaction_tallies SELECT $1, id, ':muchtosay:', 700, now() FROM chat.messages
         WHERE room_id = $1 AND seq = 5
        """,
        room_id,
    )
    await client.admin.execute("UPDATE chat.room_counters SET last_rev = 3000 WHERE room_id = $1", room_id)
    async with count_rows_per_transaction(client.admin) as sizes:
        statements.clear()
        assert await janitor.run_once()
        assert 200 <= max(await sizes()) <= 500
    assert statements.count("chat.lock_rooms") == 9
    assert await columns_with(client.admin, "muchtosay") == set()
    assert await invariant_violations(client.admin) == set()


async def test_janitor_passes_by_a_room_that_is_busy(client: ChatClient, janitor: Janitor) -> None:
    tombstones = []
    for age in ("60 days", "50 days"):
        ada = new_user()
        message = await client.send_message(ada, (await client.create_room(ada)).id, "x")
        await client.delete_message(ada, message)
        await client.db.age_deletion(message, age)
        tombstones.append(message)
    purged = "SELECT emptied_at IS NOT NULL FROM chat.messages WHERE id = $1"
    busy, free = tombstones
    async with client.admin.transaction():
        await client.admin.execute(
            "SELECT 1 FROM chat.room_counters WHERE room_id = $1 FOR UPDATE", UUID(busy.room_id)
        )
        assert await janitor.run_once()
        assert [await client.admin.fetchval(purged, UUID(each.id)) for each in (busy, free)] == [False, True]
    assert await janitor.run_once()
    assert await client.admin.fetchval(purged, UUID(busy.id))


async def test_janitor_looks_again_under_the_lock(client: ChatClient, patient: Janitor) -> None:
    ada = new_user()
    room_id = (await client.create_room(ada)).id
    message = await client.send_message(ada, room_id, "back again")
    await client.add_reaction(ada, message)
    await client.delete_message(ada, message)
    await client.db.age_deletion(message, "31 days")
    async with client.admin.transaction():
        await client.admin.execute(
            "SELECT 1 FROM chat.room_counters WHERE room_id = $1 FOR UPDATE", UUID(room_id)
        )
        looking = asyncio.create_task(patient.run_once())
        await until_blocked(client.admin)
        # Its deletion is younger than it was when the janitor found it.
        await client.db.age_deletion(message, "1 day")
    assert await looking
    row = await client.admin.fetchrow(
        "SELECT text, emptied_at FROM chat.messages WHERE id = $1", UUID(message.id)
    )
    assert row is not None
    assert tuple(row) == ("back again", None)
    kept = "SELECT count(*) FROM chat.reactions WHERE message_id = $1"
    assert await client.admin.fetchval(kept, UUID(message.id)) == 1


@pytest.mark.parametrize("text", ["Crème BRÛLÉE, please", "x", "!?"])
async def test_janitor_folds_messages_that_an_older_build_wrote(
    client: ChatClient, janitor: Janitor, text: str
) -> None:
    ada = new_user()
    room_id = (await client.create_room(ada)).id
    sent = await client.send_message(ada, room_id, text)
    folded = "SELECT search_text, rev FROM chat.messages WHERE id = $1"
    before = await client.admin.fetchrow(folded, UUID(sent.id))
    await client.admin.execute("UPDATE chat.messages SET search_text = NULL WHERE id = $1", UUID(sent.id))
    assert await janitor.run_once()
    # As the sender's own process folds it, and nobody is told of a change.
    assert before is not None
    assert await client.admin.fetchrow(folded, UUID(sent.id)) == before


async def test_janitor_folds_many_messages_of_many_rooms(
    client: ChatClient, janitor: Janitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.chat.actions.search_backfill.BATCH_SIZE", 4)
    ada = new_user()
    rooms = [(await client.create_room(ada)).id for _ in range(3)]
    for room_id in rooms:
        for number in range(5):
            await client.send_message(ada, room_id, f"Number {number}")
    ids = list(map(UUID, rooms))
    await client.admin.execute("UPDATE chat.messages SET search_text = NULL WHERE room_id = ANY ($1)", ids)
    assert await janitor.run_once()
    rows = await client.admin.fetch(
        "SELECT search_text FROM chat.messages WHERE room_id = ANY ($1) ORDER BY 1", ids
    )
    assert [row[0] for row in rows] == [f"number {number}" for number in range(5) for _ in range(3)]


async def test_janitor_folds_what_was_edited_meanwhile_as_it_is_now(
    client: ChatClient, janitor: Janitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = new_user()
    message = await client.send_message(ada, (await client.create_room(ada)).id, "before")
    await client.admin.execute("UPDATE chat.messages SET search_text = NULL WHERE id = $1", UUID(message.id))

    async def edited_first(database: Database, room_id: UUID, found: list[tuple[int, str]]) -> int:
        await client.update_message(ada, message, text="after")
        # As a build does that knows of no search.
        await client.admin.execute(
            "UPDATE chat.messages SET search_text = NULL WHERE id = $1", UUID(message.id)
        )
        monkeypatch.undo()
        return await backfill_messages(database, room_id, found)

    monkeypatch.setattr("services.chat.workers.janitor.backfill_messages", edited_first)
    assert await janitor.run_once()
    assert await janitor.run_once()
    query = "SELECT search_text FROM chat.messages WHERE id = $1"
    assert await client.admin.fetchval(query, UUID(message.id)) == "after"


async def test_janitor_folds_names_of_rooms_and_passes_by_empty_ones(
    client: ChatClient, janitor: Janitor, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.chat.actions.search_backfill.BATCH_SIZE", 2)
    ada = new_user()
    names = ["\u200b", "Été", "\u0301", "ÖL", "\u200b\u0301"]
    rooms = [(await client.create_room(ada)).id for _ in names]
    for room_id, name in zip(rooms, names, strict=True):
        await client.db.set_room(room_id, name=name, search_name="")
    assert await janitor.run_once()
    query = "SELECT search_name FROM chat.rooms WHERE id = ANY ($1) ORDER BY array_position($1, id)"
    found = [row[0] for row in await client.admin.fetch(query, rooms)]
    assert found == [search_name(name) for name in names] == ["", "ete", "", "ol", ""]
    # Names without any letter are met with every look, once each.
    statements.clear()
    assert await janitor.run_once()
    assert statements.count("chat.rooms_missing_search_name") == 2
    assert "chat.set_rooms_search_name" not in statements


async def test_janitor_is_one_at_a_time(client: ChatClient, janitor: Janitor, patient: Janitor) -> None:
    async with client.admin.transaction():
        # The first one stands still in the middle of its work.
        await client.admin.execute("LOCK TABLE chat.rooms IN ACCESS EXCLUSIVE MODE")
        looking = asyncio.create_task(patient.run_once())
        await until_blocked(client.admin)
        assert not await janitor.run_once()
    assert await looking
    assert await janitor.run_once()
    assert await client.admin.fetchval("SELECT count(*) FROM chat.leases") == 0


async def test_janitor_takes_over_from_a_dead_one(client: ChatClient, janitor: Janitor) -> None:
    await client.admin.execute(
        "INSERT INTO chat.leases VALUES ($1, $2, clock_timestamp() + interval '30 seconds')", LEASE, OTHER
    )
    assert not await janitor.run_once()
    await client.admin.execute("UPDATE chat.leases SET until = clock_timestamp()")
    assert await janitor.run_once()


async def test_janitor_stops_when_another_one_has_taken_over(
    client: ChatClient, janitor: Janitor, admin: asyncpg.Connection
) -> None:
    tombstones = []
    for _ in range(3):
        ada = new_user()
        message = await client.send_message(ada, (await client.create_room(ada)).id, "x")
        await client.delete_message(ada, message)
        await client.db.age_deletion(message, "40 days")
        tombstones.append(UUID(message.id))
    purged = "SELECT count(*) FROM chat.messages WHERE id = ANY ($1) AND emptied_at IS NOT NULL"
    held = janitor._acquire_lease

    async def usurped() -> bool:
        if await admin.fetchval(purged, tombstones) == 1:
            await admin.execute(
                "UPDATE chat.leases SET holder = $1, until = clock_timestamp() + interval '30 seconds'", OTHER
            )
        return await held()

    janitor._acquire_lease = usurped  # type: ignore[method-assign]  # stands for a stall longer than the lease
    assert await janitor.run_once()
    assert await admin.fetchval(purged, tombstones) == 1
    # What is another one's is not given back.
    assert await admin.fetchval("SELECT holder FROM chat.leases") == OTHER
    await admin.execute("DELETE FROM chat.leases")
    janitor._acquire_lease = held  # type: ignore[method-assign]  # as it was
    assert await janitor.run_once()
    assert await admin.fetchval(purged, tombstones) == 3


async def test_janitor_looks_by_itself_and_goes_on_after_a_fault(
    client: ChatClient, pool: Database, statements: list[str]
) -> None:
    ada = new_user()
    message = await client.send_message(ada, (await client.create_room(ada)).id, "x")
    await client.delete_message(ada, message)
    await client.db.age_deletion(message, "40 days")
    looked = asyncio.Event()
    faulty = [RuntimeError("a fault"), RuntimeError("another one")]

    def observe(name: str, _: float) -> None:
        if name == "chat.expired_tombstones" and faulty:
            raise faulty.pop()
        if name == "chat.release_lease" and "chat.purge_messages" in statements:
            looked.set()

    pool.observers.append(observe)
    janitor = Janitor(pool, interval=0.01, pause=0)
    await janitor.start()
    async with asyncio.timeout(20):
        await looked.wait()
    await janitor.stop()
    query = "SELECT emptied_at IS NOT NULL FROM chat.messages WHERE id = $1"
    assert await client.admin.fetchval(query, UUID(message.id))
    assert await client.admin.fetchval("SELECT count(*) FROM chat.leases") == 0


async def test_janitor_waits_for_its_interval_before_the_first_look(
    pool: Database, statements: list[str]
) -> None:
    janitor = Janitor(pool, interval=3_600)
    await janitor.start()
    await asyncio.sleep(0)
    await janitor.stop()
    assert statements == []
