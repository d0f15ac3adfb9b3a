"""A room's history has no gap at any time, whatever befalls those who write it."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from servicekit.statuses import UpstreamError
from tests.postgres import Database, administrator
from tests.services.chat.world import World, new_user

WRITERS = 32
EACH = 30
_REFUSED, _BROKEN, _LOST = "refused", "broken", "lost"
# The writing statement fails for one message of a batch, as it would for data that only the database refuses.
_BREAK = """
CREATE FUNCTION chat.break_some() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.text LIKE 'broken%' THEN RAISE EXCEPTION 'broken on purpose' USING ERRCODE = '23514'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER break_some BEFORE INSERT ON chat.messages FOR EACH ROW EXECUTE FUNCTION chat.break_some()
"""
_MEND = "DROP TRIGGER break_some ON chat.messages; DROP FUNCTION chat.break_some"
# One connection of the service that is in the middle of something.
_KILL_ONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND application_name = 'chat' AND state <> 'idle' LIMIT 1
"""


@pytest.fixture
async def breaking(world: World) -> AsyncIterator[None]:
    """Some writes fail in the database."""
    await world.admin.execute(_BREAK)
    yield
    await world.admin.execute(_MEND)


class Reader:
    """Follows a room by seq; notes every step that is not the next number."""

    def __init__(self, world: World, email: str, room_id: str) -> None:
        self._world, self._email, self._room_id = world, email, room_id
        self.seen: list[int] = []
        self.texts: list[str] = []

    async def read(self) -> None:
        """Read all that is new."""
        page_token = ""
        after = self.seen[-1] if self.seen else 0
        while True:
            page = await self._world.page(
                self._email,
                self._room_id,
                after_seq=after,
                thread_view=2,
                page_size=20,
                page_token=page_token,
            )
            for message in reversed(page.messages):
                self.seen.append(message.seq)
                self.texts.append(message.text)
            page_token = page.next_page_token
            if not page_token:
                return

    def jumps(self) -> list[tuple[int, int]]:
        """Places where the next message was not the next number."""
        return [(a, b) for a, b in zip([0, *self.seen], self.seen, strict=False) if b != a + 1]


async def test_a_reader_by_seq_sees_every_message_once_while_writers_fail(
    world: World, breaking: None
) -> None:
    owner = new_user()
    room_id = (await world.room(owner)).id
    emails = [new_user() for _ in range(WRITERS)]
    for email in emails:
        await world.join(email, room_id)
    reader = Reader(world, owner, room_id)
    acknowledged: list[str] = []
    failed: Counter[str] = Counter()
    dice = random.Random(20_261_122)
    done = asyncio.Event()

    async def write(email: str, number: int) -> None:
        for count in range(EACH):
            kind = dice.choices([_REFUSED, _BROKEN, _LOST, "fine"], [1, 1, 1, 7])[0]
            text = f"{kind} {number} {count}"
            fields = {"parent_id": str(uuid.uuid4())} if kind == _REFUSED else {}
            if kind == _LOST:
                async with administrator(world.chat.database.server, world.chat.database.name) as killer:
                    sending = asyncio.create_task(send(email, text, kind, fields))
                    await killer.execute(_KILL_ONE)
                    await sending
            else:
                await send(email, text, kind, fields)

    async def send(email: str, text: str, kind: str, fields: dict[str, str]) -> None:
        try:
            await world.send(email, room_id, text, request_id=str(uuid.uuid4()), **fields)
        except UpstreamError as error:
            failed[f"{kind}: {error.reason}"] += 1
        else:
            acknowledged.append(text)

    async def follow() -> None:
        while not done.is_set():
            await _until_answered(reader)
            assert reader.jumps() == []

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(email, number) for number, email in enumerate(emails)))
    done.set()
    await following
    await _until_answered(reader)

    assert reader.jumps() == []
    told = Counter(text for text in reader.texts if text)
    assert [text for text in acknowledged if told[text] != 1] == []
    assert [text for text, times in told.items() if times != 1] == []
    assert not any(text.startswith((_REFUSED, _BROKEN)) for text in told)
    # A third of the failing ones each; what was lost on the way was written all the same, once.
    assert failed[f"{_REFUSED}: MESSAGE_NOT_FOUND"] > WRITERS
    assert failed[f"{_BROKEN}: INTERNAL_ERROR"] > WRITERS
    assert len(reader.seen) == len(set(reader.seen)) == reader.seen[-1]


async def _until_answered(reader: Reader) -> None:
    """Read, again where the reader's own connection was the one that was killed."""
    while True:
        try:
            return await reader.read()
        except UpstreamError as error:
            assert error.reason == "DATABASE_UNAVAILABLE"


async def test_a_reader_by_time_misses_what_commits_late(
    database: Database, admin: asyncpg.Connection
) -> None:
    """The control: two writers, numbered by the time at which each began, and read in that order."""
    await admin.execute("CREATE TABLE public.by_time (text text, created_at timestamptz DEFAULT now())")
    seen: list[str] = []
    cursor = None
    async with administrator(database.server, database.name) as other:
        late = admin.transaction()
        await late.start()
        await admin.execute("INSERT INTO public.by_time VALUES ('began first')")
        await other.execute("INSERT INTO public.by_time VALUES ('began second')")
        for commit in (False, True):
            if commit:
                await late.commit()
            rows = await other.fetch(
                "SELECT text, created_at FROM public.by_time"
                " WHERE $1::timestamptz IS NULL OR created_at > $1 ORDER BY created_at",
                cursor,
            )
            seen += [row["text"] for row in rows]
            cursor = rows[-1]["created_at"] if rows else cursor
    await admin.execute("DROP TABLE public.by_time")
    assert seen == ["began second"]
