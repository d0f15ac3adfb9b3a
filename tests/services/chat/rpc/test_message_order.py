"""A room's history has no gap at any time, whatever befalls those who write it."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator

import asyncpg
import pytest

from seda.chat.v1.message_service_pb2 import THREAD_VIEW_ALL
from servicekit.rpc_status import UpstreamError
from tests.postgres import Database, administrator
from tests.services.chat.chat_client import ChatClient, new_user

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
async def breaking(client: ChatClient) -> AsyncIterator[None]:
    """Some writes fail in the database."""
    await client.admin.execute(_BREAK)
    yield
    await client.admin.execute(_MEND)


class Writers:
    """Many who write into one room; of ten messages of each about three meet with a failure, of three kinds."""

    def __init__(self, client: ChatClient, room_id: str) -> None:
        self._client, self._room_id = client, room_id
        self._dice = random.Random(20_261_122)
        self.acknowledged: list[str] = []
        self.failed: Counter[str] = Counter()

    async def write(self, email: str, number: int) -> None:
        """Write all messages of one of them."""
        await self._client.join_room(email, self._room_id)
        for count in range(EACH):
            kind = self._dice.choices([_REFUSED, _BROKEN, _LOST, "fine"], [1, 1, 1, 7])[0]
            sending = asyncio.create_task(self._send(email, kind, f"{kind} {number} {count}"))
            if kind == _LOST:
                await self._client.db.value(_KILL_ONE)
            await sending

    async def _send(self, email: str, kind: str, text: str) -> None:
        fields = {"parent_id": str(uuid.uuid4())} if kind == _REFUSED else {}
        try:
            await self._client.send_message(
                email, self._room_id, text, request_id=str(uuid.uuid4()), **fields
            )
        except UpstreamError as error:
            self.failed[f"{kind}: {error.reason}"] += 1
        else:
            self.acknowledged.append(text)


class Reader:
    """Follows a room by seq; notes every step that is not the next number."""

    def __init__(self, client: ChatClient, email: str, room_id: str) -> None:
        self._client, self._email, self._room_id = client, email, room_id
        self.seen: list[int] = []
        self.texts: list[str] = []

    async def read(self) -> None:
        """Read all that is new, or up to where the reader's own connection was killed."""
        found_newest = False
        while not found_newest:
            try:
                page = await self._client.list_messages(
                    self._email,
                    self._room_id,
                    after_seq=self.seen[-1] if self.seen else 0,
                    thread_view=THREAD_VIEW_ALL,
                    page_size=20,
                )
            except UpstreamError as error:
                if error.reason != "DATABASE_UNAVAILABLE":
                    raise
                return
            for message in reversed(page.messages):
                self.seen.append(message.seq)
                self.texts.append(message.text)
            found_newest = page.found_newest

    def jumps(self) -> list[tuple[int, int]]:
        """Places where the next message was not the next number."""
        return [(a, b) for a, b in zip([0, *self.seen], self.seen, strict=False) if b != a + 1]


@pytest.mark.timeout(180)
@pytest.mark.usefixtures("breaking")
async def test_a_reader_by_seq_sees_every_message_once_while_writers_fail(client: ChatClient) -> None:
    owner = new_user()
    room_id = (await client.create_room(owner)).id
    reader, writers = Reader(client, owner, room_id), Writers(client, room_id)
    writing = asyncio.gather(*(writers.write(new_user(), number) for number in range(WRITERS)))
    while not writing.done():
        await reader.read()
        assert reader.jumps() == []
    await writing
    await reader.read()

    assert reader.jumps() == []
    told = Counter(text for text in reader.texts if text)
    assert [text for text in writers.acknowledged if told[text] != 1] == []
    assert [text for text, times in told.items() if times != 1] == []
    assert not any(text.startswith((_REFUSED, _BROKEN)) for text in told)
    # Each kind of failure happened, and what was lost on its way was written all the same, once.
    assert writers.failed[f"{_REFUSED}: MESSAGE_NOT_FOUND"] > WRITERS
    assert writers.failed[f"{_BROKEN}: INTERNAL_ERROR"] > WRITERS
    assert sum(text.startswith(_LOST) for text in told) > WRITERS


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
