"""SearchMessages over a real channel."""

from __future__ import annotations

import datetime as dt
import unicodedata
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from seda.chat.v1.message_pb2 import Message
from servicekit.errors import InvalidFieldsError, PageTokenMismatchError, RateLimitedError
from services.chat.app import build
from services.chat.config import Settings
from services.chat.domain.errors import BannedError, RoomNotFoundError
from tests.postgres import Database
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import Running, add_track, refused, running


class Library:
    """A user who searches a room of their own for texts with a word that no other test uses."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.ada = new_user()
        self.word = f"w{uuid.uuid4().hex[:10]}"

    async def open(self, **fields: Any) -> Library:
        """Make the room."""
        self.room_id = (await self.client.create_room(self.ada, **fields)).id
        return self

    async def say(self, text: str, email: str = "", room_id: str = "", **fields: Any) -> Message:
        """Say something with the word."""
        return await self.client.send_message(
            email or self.ada, room_id or self.room_id, f"{self.word} {text}".strip(), **fields
        )

    async def found(self, query: str = "", email: str = "", **fields: Any) -> list[str]:
        """The texts found for the word and a query, without the word."""
        response = await self.client.search_messages(
            email or self.ada, f"{self.word} {query}".strip(), **fields
        )
        return [message.text.removeprefix(self.word).strip() for message in response.messages]

    async def user_id(self, email: str = "") -> str:
        """Somebody's id."""
        return await self.client.db.user_id(email or self.ada)


@pytest.fixture
async def library(client: ChatClient) -> Library:
    """A room to search."""
    return await Library(client).open()


async def test_search_messages_finds_all_words_newest_first(library: Library) -> None:
    for text in ("the late night show", "night", "late at night", "late"):
        await library.say(text)
    assert await library.found() == ["late", "late at night", "night", "the late night show"]
    assert await library.found("night late") == ["late at night", "the late night show"]
    assert await library.found("late nigh") == []


@pytest.mark.parametrize(
    ("text", "query", "found"),
    [
        ("Beyoncé", "BEYONCE", True),
        ("beyonce", "Beyoncé", True),
        ("STRASSE", "straße", True),
        ("\uff26\uff35\uff2c\uff2c width", "full", True),
        ("AC/DC live", "ac dc", True),
        ("AC/DC live", "ac/dc", True),
        ("AC/DC live", "dc", True),
        ("see https://example.org/record?id=7", "record", True),
        ("see https://example.org/record?id=7", "https://example.org/record", True),
        ("part-one, part-two", "two", True),
        ("don't stop", "stop don", True),
        ("rock'n'roll", "rock n roll", True),
        ("m.i.a. and 7.5", "mia", False),
        ("m.i.a. and 7.5", "m.i.a", True),
        ("m.i.a. and 7.5", "7.5", True),
        ("Привет мир", "ПРИВЕТ", True),
        ("naïve café", "cafe naive", True),
        ("a_b under", "b", True),
        ("100% sure & 'quoted' \\ back | or ! not", "100% & ! |", True),
        ("the and of", "the", True),
        ("recorded", "record", False),
        # Long forms in Unicode, which are not decomposed.
        ("\ufdfa ½ \u2057 end", "½ \ufdfa", True),
        ("방탄소년단 노래", "노래 방탄소년단", True),
        ("방탄소년단 노래", unicodedata.normalize("NFD", "방탄소년단"), True),
        # Particles and compounds of Korean are joined to its words.
        ("방탄소년단이 왔다", "방탄소년단", True),
        ("방탄소년단", "소년", True),
        ("방탄소년단", "년방", False),
        # Scripts without spaces: any part, also of one character, but in its order and within a run.
        ("我家在上海东边。", "上海", True),
        ("我家在上海东边。", "海东", True),
        ("我家在上海东边。", "边", True),
        ("我家在上海东边。", "上海东边 我", True),
        ("我家在上海东边。", "上东", False),
        ("我家在上海东边。", "上海北", False),
        ("海东上海", "上海东", False),
        ("上海。海东", "上海东", False),
        ("海", "海", True),
        ("海", "海海", False),
        ("買ったiPhoneケース2個", "iphone ケース 2", True),
        ("買ったiPhoneケース2個", "phone", False),
        ("米津玄師のLemonが好き", "lemonが", True),
        ("ガガガ", "カガ", True),
        ("เพลงนี้เพราะมาก", "เพราะ", True),
        ("ຂ້ອຍຮັກເພງນີ້", "ຮັກ", True),
        ("ខ្ញុំចូលចិត្តចម្រៀង", "ចិត្ត", True),
        ("ဒီသီချင်းကိုကြိုက်တယ်", "သီချင်း", True),
        ("\U00020bb7野家で会う", "\U00020bb7野", True),
        # What keyboards of other languages make of a letter.
        ("Łódź, Ærø, þing, Iğd\u0131r", "lodz aero thing igdir", True),
        ("lodz", "Łódź", True),
        ("كـــتاب", "كتاب", True),
        ("rock\u2019n\u2019roll don\u02bct", "rock'n'roll don't", True),
    ],
)
async def test_search_messages_matches_words_as_they_are_meant(
    library: Library, text: str, query: str, found: bool
) -> None:
    await library.say(text)
    assert await library.found(query) == ([text] if found else [])


@pytest.mark.parametrize("query", ["!!!", "👍", "'", "& |", "\u200b"])
async def test_search_messages_for_no_word_finds_nothing(library: Library, query: str) -> None:
    await library.say(query if query != "\u200b" else "x")
    assert not (await library.client.search_messages(library.ada, query)).messages
    author = await library.user_id()
    assert not (await library.client.search_messages(library.ada, query, author_id=author)).messages


async def test_search_messages_by_author_and_track_and_time(library: Library) -> None:
    client = library.client
    track, other = [await add_track(client.admin, uuid.uuid4().hex[:22]) for _ in range(2)]
    bob = await library.client.join_as(library.room_id)
    await library.say("by ada")
    await library.say("by bob", bob)
    await library.say("posted by ada", track_id=track)
    await library.say("posted by bob", bob, track_id=track)
    await library.say("another", bob, track_id=other)
    bare = await client.send_message(bob, library.room_id, track_id=track)
    ada_id, bob_id = await library.user_id(), await library.user_id(bob)
    assert await library.found(author_id=ada_id) == ["posted by ada", "by ada"]
    assert await library.found(track_id=track) == ["posted by bob", "posted by ada"]
    assert await library.found("by", track_id=track, author_id=bob_id) == ["posted by bob"]
    posts = await library.client.search_messages(library.ada, track_id=track)
    assert posts.messages[0].id == bare.id
    assert len(posts.messages) == 3
    assert posts.messages[1].track.track_id == track
    by_bob = await library.client.search_messages(library.ada, author_id=bob_id, room_id=library.room_id)
    assert by_bob.messages[0].id == bare.id
    # That bob joined is no message of his.
    assert len(by_bob.messages) == 4
    only = await library.client.search_messages(library.ada, author_id=bob_id, track_id=other)
    assert [message.text for message in only.messages] == [f"{library.word} another"]


async def test_search_messages_within_a_time(library: Library) -> None:
    messages = [await library.say(text) for text in ("one", "two", "three")]
    start, end = messages[1].create_time, messages[2].create_time
    assert await library.found(start_time=start) == ["three", "two"]
    assert await library.found(end_time=end) == ["two", "one"]
    assert await library.found(start_time=start, end_time=end) == ["two"]
    long_ago, far = Timestamp(), Timestamp()
    long_ago.FromDatetime(dt.datetime(1, 1, 1, tzinfo=dt.UTC))
    far.FromDatetime(dt.datetime(9999, 12, 31, tzinfo=dt.UTC))
    assert len(await library.found(start_time=long_ago, end_time=far)) == 3


async def test_search_messages_finds_replies_and_shows_reactions(library: Library) -> None:
    root = await library.say("root")
    reply = await library.say("reply", parent_id=root.id)
    await library.client.add_reaction(library.ada, reply, "🔥")
    found = (await library.client.search_messages(library.ada, library.word)).messages
    assert [(message.id, message.root_id, message.reply_count) for message in found] == [
        (reply.id, root.id, 0),
        (root.id, "", 0),
    ]
    assert [(each.emoji, each.count, each.me) for each in found[0].reactions] == [("🔥", 1, True)]
    theirs = (await library.client.search_messages(new_user(), library.word)).messages
    assert [(each.emoji, each.me) for each in theirs[0].reactions] == [("🔥", False)]


async def test_search_messages_knows_what_was_edited_and_deleted(library: Library) -> None:
    message = await library.say("before")
    await library.client.update_message(library.ada, message, text=f"{library.word} after")
    assert await library.found() == ["after"]
    assert await library.found("before") == []
    await library.client.delete_message(library.ada, message)
    assert await library.found() == []
    assert not (await library.client.search_messages(library.ada, author_id=await library.user_id())).messages
    await library.client.restore_message(library.ada, message)
    assert await library.found() == ["after"]


async def test_search_messages_of_rooms_that_the_caller_may_read(library: Library) -> None:
    client, bob = library.client, new_user()
    hidden = await client.create_room(library.ada, private=True)
    banned = await client.create_room(library.ada)
    left = await client.create_room(library.ada)
    for room_id in (banned.id, left.id):
        await client.join_room(bob, room_id)
    await client.db.add_sanction(banned.id, bob, "BAN")
    await library.say("public")
    await library.say("hidden", room_id=hidden.id)
    await library.say("banned", room_id=banned.id)
    await library.say("left", room_id=left.id)
    await client.db.set_room(left.id, private=True)
    assert await library.found() == ["left", "banned", "hidden", "public"]
    assert await library.found(email=bob) == ["left", "public"]
    await client.admin.execute(
        "UPDATE chat.room_memberships SET left_at = now() WHERE room_id = $1 AND user_id = $2",
        left.id, await client.db.user_id(bob),
    )  # fmt: skip
    assert await library.found(email=bob) == ["public"]
    assert await library.found(room_id=library.room_id) == ["public"]
    assert await library.found(room_id=hidden.id) == ["hidden"]
    for room_id in (hidden.id, left.id, str(uuid.uuid4())):
        await refused(library.found(email=bob, room_id=room_id), RoomNotFoundError, DOMAIN)
    await refused(library.found(email=bob, room_id=banned.id), BannedError, DOMAIN)


async def test_search_messages_pages_without_a_miss_or_a_repeat(library: Library) -> None:
    second = (await library.client.create_room(library.ada)).id
    for n in range(6):
        await library.say(f"{n}", room_id=library.room_id if n % 2 else second)
    # Messages of one instant, in two rooms, still have an order.
    await library.client.admin.execute(
        "UPDATE chat.messages SET created_at = '2026-01-01' WHERE room_id = ANY ($1::uuid[])",
        [library.room_id, second],
    )
    seen: list[tuple[str, int]] = []
    token = ""
    while True:
        page = await library.client.search_messages(library.ada, library.word, page_size=2, page_token=token)
        seen += [(message.room_id, message.seq) for message in page.messages]
        token = page.next_page_token
        if not token:
            break
        await library.say("meanwhile")
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 6


async def test_search_messages_ends_a_page_at_a_mebibyte(library: Library) -> None:
    text = "\U0001d11e" * 3900
    for _ in range(70):
        await library.say(text)
    first = await library.client.search_messages(library.ada, library.word, page_size=100)
    assert first.ByteSize() <= 1 << 20
    second = await library.client.search_messages(
        library.ada, library.word, page_size=100, page_token=first.next_page_token
    )
    assert [m.seq for m in (*first.messages, *second.messages)] == list(range(70, 0, -1))


async def test_search_messages_refuses_tokens_of_other_searches(library: Library) -> None:
    for n in range(3):
        await library.say(f"{n}")
    token = (await library.client.search_messages(library.ada, library.word, page_size=1)).next_page_token
    for email, fields in (
        (new_user(), {}),
        (library.ada, {"room_id": library.room_id}),
        (library.ada, {"author_id": await library.user_id()}),
        (library.ada, {"start_time": Timestamp(seconds=1)}),
    ):
        answer = library.client.search_messages(email, library.word, page_token=token, **fields)
        await refused(answer, PageTokenMismatchError, DOMAIN)
    answer = library.client.search_messages(library.ada, "another", page_token=token)
    await refused(answer, PageTokenMismatchError, DOMAIN)


@pytest.mark.parametrize(
    "fields",
    [
        {"query": "x" * 201},
        {"query": "x", "room_id": "7"},
        {"query": "x", "author_id": "7"},
        {"track_id": "7"},
    ],
)
async def test_search_messages_names_the_field_at_fault(library: Library, fields: dict[str, str]) -> None:
    error = await refused(library.client.search_messages(library.ada, **fields), InvalidFieldsError, DOMAIN)
    assert [violation.field for violation in error.violations] == list(fields)[-1:]


async def test_search_messages_for_nothing_is_refused(library: Library) -> None:
    await refused(
        library.client.search_messages(library.ada, room_id=library.room_id), InvalidFieldsError, DOMAIN
    )


@pytest.fixture
async def patient_chat(database: Database, neighbours: dict[str, str]) -> AsyncIterator[Running]:
    """Another process of chat, in which a user makes two searches and hardly more."""
    limits = {"search_rate_per_second": 0.001, "search_burst": 2}
    async with running(Settings, build, database, **neighbours, **limits) as service:
        yield service


async def test_search_messages_too_often_is_refused(client: ChatClient, patient_chat: Running) -> None:
    library = await Library(ChatClient(patient_chat, client.admin)).open()
    await library.say("x")
    for _ in range(2):
        assert await library.found() == ["x"]
    error = await refused(library.found(), RateLimitedError, DOMAIN)
    assert error.retry_after is not None
    assert error.retry_after > 0
    # Each user has a limit of their own.
    assert await library.found(email=new_user()) == ["x"]
