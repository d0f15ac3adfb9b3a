"""Pages that are made once for all: nobody can tell them from pages that are made for each."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest

from seda.chat.internal.v1.author_data_service_pb2 import ErasureMode
from seda.chat.v1.message_pb2 import Message
from seda.chat.v1.message_service_pb2 import ListMessagesResponse
from servicekit.errors import PageTokenMismatchError
from servicekit.sql import Statement
from services.chat.actions.deps import Epoch
from services.chat.actions.message_purge import purge_tombstones
from services.chat.app import build
from services.chat.config import Settings
from services.chat.domain.errors import BannedError, RoleRequiredError, RoomNotFoundError
from tests.postgres import Database
from tests.services.chat.author_fixtures import ANONYMISE, TOMBSTONE, AuthorData
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import Running, refused, running

_SHARED, _MADE = "chat.page_viewer_state", "chat.page_roots"
_JOINED = "chat.page_roots_delta"


@pytest.fixture(scope="module")
async def forgetful_chat(database: Database, neighbours: dict[str, str]) -> AsyncIterator[Running]:
    """Another process of chat, which makes every page again."""
    async with running(Settings, build, database, **neighbours, page_cache_mib=0) as service:
        yield service


class Room:
    """A room that is read through a process that keeps pages, and one that does not."""

    def __init__(self, client: ChatClient, forgetful: Running) -> None:
        self.client, self.elsewhere = client, ChatClient(forgetful, client.admin)
        self.owner = new_user()

    async def open(self) -> Room:
        """A room with a thread, reactions, two members; its page is kept."""
        self.id = (await self.client.create_room(self.owner)).id
        self.member, self.other = await self.client.join_as(self.id), await self.client.join_as(self.id)
        self.root = await self.say(self.owner, "root")
        self.reply = await self.say(self.member, "reply", parent_id=self.root.id)
        self.deleted = await self.say(self.member, "deleted")
        self.last = await self.say(self.member, "last")
        await self.client.delete_message(self.member, self.deleted)
        for email, emoji in ((self.owner, "🔥"), (self.member, "🔥"), (self.member, "👏")):
            await self.client.add_reaction(email, self.root, emoji)
        await self.client.add_reaction(self.member, self.reply, "🙌")
        await self.warm()
        return self

    async def say(self, email: str, text: str, **fields: str) -> Message:
        """Say something."""
        return await self.client.send_message(email, self.id, text, **fields)

    async def warm(self) -> None:
        """Read the page until it is kept."""
        for _ in range(3):
            await self.client.list_messages(self.owner, self.id)
        with self.client.chat.counting() as statements:
            await self.client.list_messages(self.owner, self.id)
        assert statements == [_SHARED]

    async def read(self, email: str) -> ListMessagesResponse:
        """The newest page, which is the same however it comes about."""
        page = await self.client.list_messages(email, self.id)
        made = await self.elsewhere.list_messages(email, self.id)
        assert page == made
        return page

    async def erase(self, mode: ErasureMode.ValueType) -> None:
        """Erase the member, who said most of what there is."""
        authors = AuthorData(self.client.chat)
        user_id = await self.client.db.user_id(self.member)
        async with asyncio.timeout(10):
            while not (await authors.erase(user_id, mode)).done:
                pass

    async def tamper(self) -> None:
        """Change the texts without a rev, as nothing of the service does."""
        await self.client.admin.execute(
            "UPDATE chat.messages SET text = 'tampered ' || text WHERE room_id = $1", UUID(self.id)
        )


@pytest.fixture
async def room(client: ChatClient, forgetful_chat: Running) -> Room:
    """A room whose page is kept."""
    return await Room(client, forgetful_chat).open()


async def test_list_messages_marks_everybody_s_own_reactions_on_a_shared_page(room: Room) -> None:
    marks = {}
    for name, email in (("owner", room.owner), ("member", room.member), ("outsider", new_user())):
        with room.client.chat.counting() as statements:
            page = await room.read(email)
        assert _SHARED in statements
        root = next(message for message in page.messages if message.id == room.root.id)
        marks[name] = [
            [(each.emoji, each.me) for each in message.reactions] for message in (root, *root.replies)
        ]
    assert marks == {
        "owner": [[("🔥", True), ("👏", False)], [("🙌", False)]],
        "member": [[("🔥", True), ("👏", True)], [("🙌", True)]],
        "outsider": [[("🔥", False), ("👏", False)], [("🙌", False)]],
    }


_ACTS: dict[str, Callable[[Room], Awaitable[object]]] = {
    "send": lambda room: room.say(room.owner, "more"),
    "reply": lambda room: room.say(room.owner, "more", parent_id=room.root.id),
    "edit": lambda room: room.client.update_message(room.member, room.last, text="better"),
    "edit a reply": lambda room: room.client.update_message(room.member, room.reply, text="better"),
    "delete": lambda room: room.client.delete_message(room.member, room.last),
    "delete a reply": lambda room: room.client.delete_message(room.owner, room.reply),
    "react": lambda room: room.client.add_reaction(room.other, room.last, "🎵"),
    "react to a reply": lambda room: room.client.add_reaction(room.other, room.reply, "🙌"),
    "take back": lambda room: room.client.remove_reaction(room.owner, room.root, "🔥"),
    "join": lambda room: room.client.join_as(room.id),
    "delete by author": lambda room: room.client.call(
        room.owner, "DeleteMessagesByAuthor", room_id=room.id, author_id=room.last.author_id
    ),
    "restore": lambda room: room.client.restore_message(room.owner, room.deleted),
    "edit the root": lambda room: room.client.update_message(room.owner, room.root, text="better"),
    "pin": lambda room: room.client.pin_message(room.owner, room.root),
    "erase the words": lambda room: room.erase(TOMBSTONE),
    "erase the name": lambda room: room.erase(ANONYMISE),
    "ban": lambda room: room.client.call(
        room.owner, "BanMember", room_id=room.id, user_id=room.last.author_id, delete_window={"seconds": 3600}
    ),
}


@pytest.mark.parametrize("act", _ACTS)
async def test_list_messages_shows_what_has_changed_since_the_page_was_made(room: Room, act: str) -> None:
    before = await room.read(room.owner)
    await _ACTS[act](room)
    with room.client.chat.counting() as statements:
        after = await room.client.list_messages(room.owner, room.id)
    # This process knows that the room has moved, but for erasures, which wake nobody.
    assert statements == ([_SHARED, _JOINED] if act.startswith("erase") else [_JOINED])
    assert after != before
    assert after == await room.read(room.owner)
    # And what is kept from then on is the new page.
    with room.client.chat.counting() as statements:
        assert await room.client.list_messages(room.owner, room.id) == after
    assert statements == [_SHARED]


async def test_list_messages_finds_by_the_rev_what_another_process_has_changed(room: Room) -> None:
    await room.elsewhere.update_message(room.member, room.last, text="better")
    with room.client.chat.counting() as statements:
        page = await room.client.list_messages(room.owner, room.id)
    assert statements == [_SHARED, _JOINED]
    assert page.messages[0].text == "better"
    assert page == await room.read(room.owner)


async def test_list_messages_reads_no_content_again_whose_rev_is_the_same(room: Room) -> None:
    await room.tamper()
    edited = await room.client.update_message(room.member, room.reply, text="better")
    await room.say(room.owner, "more")
    cached = await room.client.list_messages(room.owner, room.id)
    assert [each.text for each in cached.messages[:3]] == ["more", "last", "root"]
    assert [each.text for each in cached.messages[2].replies] == [edited.text]
    # Nor do the first reads of other pages.
    other = await room.client.list_messages(room.owner, room.id, before_seq=cached.messages[0].seq)
    assert other.messages == cached.messages[1:]


async def test_list_messages_takes_no_content_to_another_copy_of_the_database(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = room.client.chat.process.context.database
    epoch = getattr(database.on_connect, "__self__", None)
    assert isinstance(epoch, Epoch)
    await room.say(room.owner, "more")
    await room.tamper()

    def move(name: str, _: float) -> None:
        # As when the statement has led to a new connection.
        if name == _JOINED:
            monkeypatch.setattr(epoch, "value", "another copy")

    database.observers.append(move)
    try:
        with room.client.chat.counting() as statements:
            page = await room.client.list_messages(room.owner, room.id)
    finally:
        database.observers.remove(move)
    assert statements == [_JOINED, _MADE]
    assert page.messages[0].text == "tampered more"


def test_every_statement_that_changes_a_message_takes_a_rev() -> None:
    # But for the search text, which no response shows.
    texts = {
        name: re.sub(r"/\*.*?\*/ ", "", statement.text) for name, statement in Statement.registry.items()
    }
    changing = {name: text for name, text in texts.items() if "UPDATE chat.messages" in text}
    assert {"chat.edit_message", "chat.restore_message", "chat.purge_messages"} <= set(changing)
    for name, text in changing.items():
        sets = re.findall(r"UPDATE chat\.messages\s+(?:\w+\s+)?SET (.*?)(?:FROM|WHERE)", text, re.DOTALL)
        assert len(sets) == text.count("UPDATE chat.messages"), name
        for columns in sets:
            assert "rev = $" in columns or columns.strip() == "search_text = f.search_text", name


async def test_list_messages_restored_ones_come_back_to_a_shared_page(room: Room) -> None:
    before = await room.read(room.owner)
    await room.client.delete_message(room.owner, room.last)
    await room.warm()
    await room.client.restore_message(room.owner, room.last)
    after = await room.read(room.owner)
    assert [message.text for message in after.messages] == [message.text for message in before.messages]


async def test_list_messages_asks_anew_who_may_read_a_shared_page(room: Room) -> None:
    eve = new_user()
    await room.read(eve)
    await room.client.db.set_room(room.id, private=True)
    await refused(room.client.list_messages(eve, room.id), RoomNotFoundError, DOMAIN)
    await room.client.db.set_room(room.id, private=False)
    await room.client.db.add_sanction(room.id, eve, "BAN")
    await refused(room.client.list_messages(eve, room.id), BannedError, DOMAIN)


async def test_list_messages_makes_pages_with_deleted_ones_anew(room: Room) -> None:
    await room.client.add_reaction(room.other, room.last)
    await room.client.delete_message(room.owner, room.last)
    pages = [await room.client.list_messages(room.owner, room.id, show_deleted=True) for _ in range(4)]
    assert {page.messages[0].text for page in pages} == {"last"}
    # What hangs on a message that nobody may restore any more goes first, and moves no rev.
    await room.client.db.age_deletion(room.last, "31 days")
    database = room.client.chat.process.context.database
    assert await purge_tombstones(database, UUID(room.id), [room.last.seq]) == 1
    after = await room.client.list_messages(room.owner, room.id, show_deleted=True)
    assert (after.position.rev, after.messages[0].text) == (pages[0].position.rev, "last")
    assert [len(page.messages[0].reactions) for page in (*pages, after)] == [1, 1, 1, 1, 0]
    await refused(
        room.client.list_messages(room.member, room.id, show_deleted=True), RoleRequiredError, DOMAIN
    )
    await room.warm()
    assert "last" not in {message.text for message in (await room.read(room.member)).messages}


async def test_list_messages_gives_everybody_a_token_of_their_own(room: Room) -> None:
    tokens = {}
    for email in (room.owner, room.member):
        page, *_, last = [await room.client.list_messages(email, room.id, page_size=1) for _ in range(3)]
        assert page == last
        tokens[email] = page.next_page_token
        following = await room.client.list_messages(email, room.id, page_size=1, page_token=tokens[email])
        assert following.messages[0].seq < page.messages[0].seq
    answer = room.client.list_messages(room.member, room.id, page_size=1, page_token=tokens[room.owner])
    await refused(answer, PageTokenMismatchError, DOMAIN)


async def test_list_messages_of_another_copy_of_the_database_makes_pages_anew(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As when a new connection has led to a restored copy, in which the same rev may be of something else.
    epoch = getattr(room.client.chat.process.context.database.on_connect, "__self__", None)
    assert isinstance(epoch, Epoch)
    monkeypatch.setattr(epoch, "value", "another copy")
    with room.client.chat.counting() as statements:
        page = await room.client.list_messages(room.owner, room.id)
    assert statements == [_SHARED, _MADE]
    assert page.position.epoch == "another copy"
