"""The send batcher under faults: lost commits, poisoned batches, taken locks, late and cancelled drafts."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import asyncpg
import pytest

from servicekit.clock import SystemClock
from servicekit.database import Database
from servicekit.errors import (
    ConflictError,
    DatabaseBusyError,
    DatabaseUnavailableError,
    DeadlineExceededError,
    OutcomeUnknownError,
    RateLimitedError,
    ServiceUnavailableError,
)
from servicekit.ids import new_id
from servicekit.rate_limit import RateLimiter
from servicekit.sql_errors import LockTimeoutError, UnexpectedDatabaseError
from services.chat.actions.deps import SendResult
from services.chat.domain.errors import RequestIdReusedError, RoomNotFoundError, SlowModeError
from services.chat.domain.message_send import SendDraft
from services.chat.workers.message_batch import NotWritten, Outcome, write_batch
from services.chat.workers.message_batcher import MAX_BATCH, MAX_WAITING_ROOMS, MessageBatcher
from tests import postgres
from tests.services.chat.workers.batching import (
    UNLIMITED,
    USER,
    FaultyDatabase,
    draft,
    locked,
    new_room,
    slow_room,
    soon,
    stored,
)
from tests.services.running import until_blocked


async def test_a_commit_whose_answer_is_lost_is_found_again(
    faulty: FaultyDatabase, batcher: MessageBatcher, admin: asyncpg.Connection
) -> None:
    room_id = await new_room(admin)
    faulty.lost_answers = 1
    sent = await batcher.send(draft(room_id), soon())
    assert sent == SendResult(1, deduplicated=False)
    assert await stored(admin, room_id) == [(1, "x")]
    assert faulty.committed == 2


async def test_a_commit_that_failed_is_written_again(
    faulty: FaultyDatabase, batcher: MessageBatcher, admin: asyncpg.Connection
) -> None:
    room_id = await new_room(admin)
    faulty.faults = [OutcomeUnknownError, DatabaseUnavailableError]
    answers = await asyncio.gather(*(batcher.send(draft(room_id, f"{n}"), soon()) for n in range(5)))
    assert sorted(answer.seq for answer in answers) == [1, 2, 3, 4, 5]
    assert len(await stored(admin, room_id)) == 5


async def test_a_lost_commit_without_the_lookup_writes_twice(
    faulty: FaultyDatabase, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the two above: a batcher that just tries again breaks on the message's own id."""
    room_id = await new_room(admin)

    async def careless(database: Database, drafts: list[SendDraft], **options: Any) -> object:
        return await write_batch(database, drafts, **{**options, "outcome_unknown": False})

    monkeypatch.setattr("services.chat.workers.message_batcher.write_batch", careless)
    faulty.lost_answers = 1
    with pytest.raises(UnexpectedDatabaseError):
        await MessageBatcher(faulty, UNLIMITED).send(draft(room_id), soon())


async def test_a_lost_connection_in_the_middle_is_survived(
    batcher: MessageBatcher, admin: asyncpg.Connection, database: postgres.Database
) -> None:
    room_id = await new_room(admin)
    async with locked(database, room_id):
        call = asyncio.create_task(batcher.send(draft(room_id), soon()))
        await until_blocked(admin)
        killed = await admin.fetchval(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    assert killed == 1
    assert (await call).seq == 1
    assert await stored(admin, room_id) == [(1, "x")]


async def test_a_database_that_stays_away_is_told(faulty: FaultyDatabase, batcher: MessageBatcher) -> None:
    faulty.faults = [DatabaseUnavailableError] * 4
    with pytest.raises(DatabaseUnavailableError):
        await batcher.send(draft(new_id()), soon())


async def test_an_outcome_that_stays_unknown_ends_at_the_deadline(
    faulty: FaultyDatabase, batcher: MessageBatcher, admin: asyncpg.Connection
) -> None:
    """UNAVAILABLE would invite a repetition, and so a second message."""
    room_id = await new_room(admin)
    faulty.faults = [OutcomeUnknownError, *[DatabaseUnavailableError] * 50]
    with pytest.raises(DeadlineExceededError):
        await batcher.send(draft(room_id), soon(0.3))


async def test_an_outcome_that_stays_unknown_is_no_invitation_to_repeat(
    faulty: FaultyDatabase, batcher: MessageBatcher, admin: asyncpg.Connection
) -> None:
    room_id = await new_room(admin)
    for violation in (DatabaseBusyError, ConflictError):
        faulty.faults = [OutcomeUnknownError, *[violation] * 3]
        with pytest.raises(DeadlineExceededError):
            await batcher.send(draft(room_id), soon())
        faulty.faults = []
    assert (await batcher.send(draft(room_id), soon())).seq == 1


@pytest.mark.parametrize("rooms", [1, 2])
async def test_an_unknown_outcome_is_remembered_while_the_room_is_locked(
    faulty: FaultyDatabase,
    batcher: MessageBatcher,
    admin: asyncpg.Connection,
    database: postgres.Database,
    monkeypatch: pytest.MonkeyPatch,
    rooms: int,
) -> None:
    """A batch of one room waits for its lock; one of several skips a room whose lock is taken."""
    room_id, *others = [await new_room(admin) for _ in range(rooms)]
    paused, go_on = asyncio.Event(), asyncio.Event()

    async def pause(*_: object, **__: object) -> None:
        paused.set()
        await go_on.wait()

    monkeypatch.setattr(batcher, "_pause_or_give_up", pause)
    statements: list[str] = []
    faulty.observers.append(lambda name, _: statements.append(name))
    faulty.lost_answers = 1
    call = asyncio.gather(*(batcher.send(draft(each), soon()) for each in (room_id, *others)))
    await paused.wait()
    async with locked(database, room_id), asyncio.timeout(10):
        go_on.set()
        # The second try gives up the lock and the draft goes back into its queue; the third waits again.
        while statements.count("BEGIN") < 3:
            # Observers can't be waited for.
            await asyncio.sleep(0.01)
    assert await call == [SendResult(1, deduplicated=False)] * rooms
    for each in (room_id, *others):
        assert await stored(admin, each) == [(1, "x")]


async def test_a_serialization_failure_repeats_the_batch(
    faulty: FaultyDatabase, batcher: MessageBatcher, admin: asyncpg.Connection
) -> None:
    room_id = await new_room(admin)
    faulty.faults = [ConflictError] * 2
    assert (await batcher.send(draft(room_id), soon())).seq == 1
    faulty.faults = [ConflictError] * 3
    with pytest.raises(ConflictError):
        await batcher.send(draft(room_id), soon())


@pytest.mark.parametrize("poison", ["x" * 4001, "a\x00b"], ids=["check constraint", "data error"])
async def test_one_draft_that_the_database_refuses_fails_alone(
    batcher: MessageBatcher,
    admin: asyncpg.Connection,
    database: postgres.Database,
    poison: str,
) -> None:
    room_id, held = await new_room(admin), await new_room(admin)
    async with locked(database, room_id, held):
        # While the first of them waits for its lock, the others gather into one batch.
        calls = [
            asyncio.create_task(batcher.send(draft(room_id, text), soon()))
            for text in ("a", "b", poison, "d")
        ]
        await until_blocked(admin)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(answer).__name__ for answer in answers[:2]] == ["SendResult", "SendResult"]
    assert isinstance(answers[2], UnexpectedDatabaseError)
    assert isinstance(answers[3], SendResult)
    assert await stored(admin, room_id) == [(1, "a"), (2, "b"), (3, "d")]


async def test_a_draft_that_waited_too_long_is_refused_unwritten(
    batcher: MessageBatcher, admin: asyncpg.Connection, database: postgres.Database
) -> None:
    room_id = await new_room(admin)
    async with locked(database, room_id):
        first = asyncio.create_task(batcher.send(draft(room_id, "first"), soon()))
        await until_blocked(admin)
        late = asyncio.create_task(batcher.send(draft(room_id, "late"), soon(0.0)))
        gone = asyncio.create_task(batcher.send(draft(room_id, "gone"), soon()))
        await asyncio.sleep(0)  # lets the tasks queue their drafts
        gone.cancel()
    assert (await first).seq == 1
    with pytest.raises(DeadlineExceededError):
        await late
    assert await stored(admin, room_id) == [(1, "first")]


async def test_rooms_that_wait_for_locks_leave_the_others_alone(
    faulty: FaultyDatabase, batcher: MessageBatcher, admin: asyncpg.Connection, database: postgres.Database
) -> None:
    """More rooms are locked than have a place to wait, for longer than a lock is waited for."""
    held = [await new_room(admin) for _ in range(MAX_WAITING_ROOMS + 3)]
    free = await new_room(admin)
    async with locked(database, *held):
        stuck = [asyncio.create_task(batcher.send(draft(room_id), soon())) for room_id in held]
        await until_blocked(admin, MAX_WAITING_ROOMS)
        async with asyncio.timeout(5):
            for n in range(30):
                await batcher.send(draft(free, f"{n}"), soon())
        # Every room's lock never comes more often than a conflict is repeated.
        await faulty.until("chat.lock_visible_room", len(held) * 6)
        assert not any(call.done() for call in stuck)
    assert [answer.seq for answer in await asyncio.gather(*stuck)] == [1] * len(held)
    assert len(await stored(admin, free)) == 30


async def test_a_batch_is_bounded_and_keeps_each_rooms_order(
    faulty: FaultyDatabase, batcher: MessageBatcher, admin: asyncpg.Connection
) -> None:
    room_id = await new_room(admin)
    count = MAX_BATCH * 2 + 50
    answers = await asyncio.gather(*(batcher.send(draft(room_id, f"{n}"), soon()) for n in range(count)))
    assert [answer.seq for answer in answers] == list(range(1, count + 1))
    assert await stored(admin, room_id) == [(n + 1, f"{n}") for n in range(count)]
    # The first alone, and no draft a second time by itself, as after a statement that the database refused.
    assert faulty.committed <= 5


async def test_drafts_that_are_skipped_keep_their_order(
    batcher: MessageBatcher, admin: asyncpg.Connection, database: postgres.Database
) -> None:
    held, free = await new_room(admin), await new_room(admin)
    async with locked(database, held):
        skipped = [asyncio.create_task(batcher.send(draft(held, f"{n}"), soon())) for n in range(5)]
        await batcher.send(draft(free), soon())
    await asyncio.gather(*skipped)
    assert await stored(admin, held) == [(n + 1, f"{n}") for n in range(5)]


async def test_equal_request_ids_in_one_batch_are_one_write(
    faulty: FaultyDatabase, batcher: MessageBatcher, admin: asyncpg.Connection, database: postgres.Database
) -> None:
    room_id, request_id = await new_room(admin), uuid.uuid4()
    async with locked(database, room_id):
        first = asyncio.create_task(batcher.send(draft(room_id, "first"), soon()))
        await until_blocked(admin)
        calls = [asyncio.create_task(batcher.send(draft(room_id, "x", request_id), soon())) for _ in range(5)]
        await asyncio.sleep(0)  # lets the tasks queue their drafts
    assert (await first).seq == 1
    answers = await asyncio.gather(*calls)
    assert [answer.seq for answer in answers] == [2] * 5
    assert [answer.deduplicated for answer in answers] == [False, True, True, True, True]
    assert len(await stored(admin, room_id)) == 2
    # The unique index would have caught a second write too, at the price of doing the batch over one by one.
    assert faulty.committed == 2


async def test_stopping_writes_what_was_accepted_and_takes_no_more(
    batcher: MessageBatcher, admin: asyncpg.Connection
) -> None:
    room_id = await new_room(admin)
    calls = [asyncio.create_task(batcher.send(draft(room_id, f"{n}"), soon())) for n in range(30)]
    await asyncio.sleep(0)  # lets the tasks queue their drafts
    await batcher.stop()
    assert len(await asyncio.gather(*calls)) == 30
    with pytest.raises(ServiceUnavailableError):
        await batcher.send(draft(room_id), soon())


async def _written(database: Database, *drafts: SendDraft) -> list[Outcome]:
    return await write_batch(database, drafts, wait=True, outcome_unknown=False, charge=lambda _: None)


async def test_a_draft_that_is_refused_as_too_many_does_not_slow_the_next_one(
    faulty: FaultyDatabase, admin: asyncpg.Connection
) -> None:
    room_id = await slow_room(admin)
    limit = RateLimiter(0.001, 1, SystemClock())
    limit.hit(USER)
    outcomes = await write_batch(
        faulty,
        [draft(room_id), draft(room_id)],
        wait=True,
        outcome_unknown=False,
        charge=lambda each: limit.hit(each.user_id),
    )
    assert [type(each) for each in outcomes] == [RateLimitedError] * 2


async def test_a_batch_that_is_repeated_is_charged_once(
    faulty: FaultyDatabase, admin: asyncpg.Connection
) -> None:
    room_id = await new_room(admin)
    batcher = MessageBatcher(faulty, RateLimiter(0.001, 1, SystemClock()))
    faulty.faults = [ConflictError, ConflictError]
    assert (await batcher.send(draft(room_id), soon())).seq == 1
    with pytest.raises(RateLimitedError):
        await batcher.send(draft(room_id), soon())


async def test_slow_mode_holds_between_the_drafts_of_a_batch(
    faulty: FaultyDatabase, admin: asyncpg.Connection
) -> None:
    room_id = await slow_room(admin)
    outcomes = await _written(faulty, draft(room_id, "one"), draft(room_id, "two"))
    assert [type(each) for each in outcomes] == [SendResult, SlowModeError]
    assert await stored(admin, room_id) == [(1, "one")]


async def test_drafts_of_a_batch_with_one_request_id_are_one_message_or_a_refusal(
    faulty: FaultyDatabase, admin: asyncpg.Connection
) -> None:
    room_id, request_id = await new_room(admin), new_id()
    outcomes = await _written(faulty, *(draft(room_id, text, request_id) for text in ("one", "one", "two")))
    assert [type(each) for each in outcomes] == [SendResult, SendResult, RequestIdReusedError]
    assert [each.seq for each in outcomes if isinstance(each, SendResult)] == [1, 1]
    assert await stored(admin, room_id) == [(1, "one")]


@pytest.mark.parametrize("wait", [True, False])
async def test_a_draft_for_a_hidden_room_waits_for_no_lock(
    faulty: FaultyDatabase, admin: asyncpg.Connection, database: postgres.Database, wait: bool
) -> None:
    room_id = await new_room(admin)
    await admin.execute("UPDATE chat.rooms SET private = true WHERE id = $1", room_id)
    non_member = draft(room_id)._replace(user_id=new_id())

    async def write(*drafts: SendDraft, wait: bool, outcome_unknown: bool = False) -> list[type]:
        outcomes = await write_batch(
            faulty, drafts, wait=wait, outcome_unknown=outcome_unknown, charge=lambda _: None
        )
        return [type(each) for each in outcomes]

    async with locked(database, room_id):
        assert await write(non_member, wait=wait) == [RoomNotFoundError]
        assert await write(non_member, draft(room_id), wait=False) == [RoomNotFoundError, NotWritten]
        # Whether an earlier try wrote it is known only once its transaction has ended.
        assert await write(non_member, wait=False, outcome_unknown=True) == [NotWritten]
        with pytest.raises(LockTimeoutError):
            await write(non_member, wait=True, outcome_unknown=True)
        with pytest.raises(LockTimeoutError):
            await write(non_member, draft(room_id), wait=True)
    assert await write(non_member, draft(room_id), wait=wait) == [RoomNotFoundError, SendResult]


async def test_messages_without_letters_have_an_empty_search_text(
    batcher: MessageBatcher, admin: asyncpg.Connection
) -> None:
    """None would have the backfill read them again and again."""
    room_id = await new_room(admin)
    await batcher.send(draft(room_id, "!")._replace(search_text=None), soon())
    assert await admin.fetchval("SELECT search_text FROM chat.messages WHERE room_id = $1", room_id) == ""
