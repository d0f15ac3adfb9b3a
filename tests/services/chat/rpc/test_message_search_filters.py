"""SearchMessages limited to messages with a track, and to public rooms."""

from __future__ import annotations

import time
import uuid
from uuid import UUID

import pytest

from seda.chat.v1.message_pb2 import Message
from servicekit.clock import Micros
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import decode_token, fingerprint
from servicekit.rpc_status import UpstreamError
from services.chat.domain.errors import RoomNotFoundError
from services.chat.store import message_search as store
from services.chat.store.message_search import Cursor
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import add_track, refused


class Author:
    """A user with messages with and without a track, in a public and in a private room."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.email = new_user()
        self.said: dict[str, Message] = {}

    async def speak(self) -> Author:
        """Send the messages, the last one of each kind first."""
        self.track_id = await add_track(self.client.admin, uuid.uuid4().hex[:22])
        for kind in ("public", "private"):
            room = await self.client.create_room(self.email, private=kind == "private")
            for name, fields in (("text", {}), ("track", {"track_id": self.track_id})):
                self.said[f"{kind} {name}"] = await self.client.send_message(
                    self.email, room.id, f"{kind} {name}", **fields
                )
        self.user_id = await self.client.db.user_id(self.email)
        return self

    async def found(self, email: str = "", **fields: object) -> list[str]:
        """The texts that a search for the author finds, the newest first."""
        response = await self.client.call(
            email or self.email, "SearchMessages", author_id=self.user_id, **fields
        )
        return [message.text for message in response.messages]


@pytest.fixture
async def author(client: ChatClient) -> Author:
    return await Author(client).speak()


@pytest.fixture(params=["newest", "index"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages are found among the newest of all rooms, or by the index."""

    async def search_recent(*_: object) -> tuple[list[Cursor], Cursor]:
        return [], Cursor(Micros(time.time_ns() // 1_000 + 60_000_000), UUID(int=0), 0)

    if request.param == "index":
        monkeypatch.setattr(store, "search_recent", search_recent)


async def test_search_messages_with_a_track(author: Author) -> None:
    assert await author.found() == ["private track", "private text", "public track", "public text"]
    assert await author.found(has_track=True) == ["private track", "public track"]
    assert await author.found(has_track=True, query="private") == ["private track"]
    assert await author.found(has_track=True, track_id=author.track_id) == ["private track", "public track"]


async def test_search_messages_in_public_rooms(author: Author) -> None:
    assert await author.found(public_only=True) == ["public track", "public text"]
    assert await author.found(public_only=True, has_track=True) == ["public track"]
    # Others find the same: what is in private rooms is hidden from them anyway.
    assert await author.found(new_user()) == await author.found(public_only=True)


async def test_search_messages_in_public_rooms_finds_nothing_in_a_private_one(author: Author) -> None:
    private = author.said["private text"].room_id
    assert await author.found(room_id=private) == ["private track", "private text"]
    with pytest.raises(UpstreamError) as seen:
        await author.found(new_user(), room_id=private, public_only=True)
    assert seen.value.reason == RoomNotFoundError.reason
    assert await author.found(room_id=private, public_only=True) == []


async def test_page_tokens_of_search_messages_hold_for_their_filters(author: Author) -> None:
    call = author.client.call
    common = {"author_id": author.user_id, "page_size": 1}
    tokens = {}
    for name, fields in (("all", {}), ("tracks", {"has_track": True}), ("public", {"public_only": True})):
        tokens[name] = (await call(author.email, "SearchMessages", **common, **fields)).next_page_token
    for name, fields in (
        ("all", {"has_track": True}),
        ("tracks", {}),
        ("tracks", {"public_only": True}),
        ("public", {}),
        ("public", {"has_track": True}),
    ):
        answer = call(author.email, "SearchMessages", **common, **fields, page_token=tokens[name])
        await refused(answer, PageTokenMismatchError, DOMAIN)
    # As made by a process that does not know the filters.
    filters = (author.user_id, None, None, None)
    mark = fingerprint("SearchMessages", author.user_id, "", None, *filters)
    assert decode_token(tokens["all"], mark).numbers
