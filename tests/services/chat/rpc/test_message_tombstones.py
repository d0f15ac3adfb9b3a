"""What a deleted message said is in no answer of any method, but to moderators who ask for it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from gateway.rpc.service_descriptors import services_of
from seda.chat.v1 import message_pb2, reaction_service_pb2
from seda.chat.v1.message_pb2 import Message as ChatMessage
from seda.chat.v1.message_pb2 import MessageType
from servicekit.caller import Role
from servicekit.methods import Access, Method, methods_of
from services.chat.wire import message as wire_message
from services.chat.wire import messages as wire_messages
from tests.contract.suite import Outcome, send
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import add_user, user

CANARY = "zqcanaryzq"
_EMOJI = f":{CANARY}:"
# What could tell something of a message.
_CONTENT = {
    each.full_name
    for each in (
        message_pb2.Message.DESCRIPTOR,
        message_pb2.ReactionTally.DESCRIPTOR,
        message_pb2.Revision.DESCRIPTOR,
        message_pb2.TrackSnapshot.DESCRIPTOR,
        reaction_service_pb2.Reaction.DESCRIPTOR,
    )
}
# Only these tell, and only moderators: the first three when they ask with this field, revisions always.
_ASKING = "show_deleted"
_TELLING = {"ListMessages", "ListReplies", "GetMessage"}
_FOR_MODERATORS = {"ListRevisions", "RestoreMessage"}
_MODERATORS = {"owner", "moderator"}


def _carries(descriptor: Any, seen: frozenset[str] = frozenset()) -> bool:
    """Whether an answer of the type may hold what a message said."""
    if descriptor.full_name in _CONTENT:
        return True
    if descriptor.full_name in seen:
        return False
    inner = [each.message_type for each in descriptor.fields if each.type == FieldDescriptor.TYPE_MESSAGE]
    return any(_carries(each, seen | {descriptor.full_name}) for each in inner)


def _methods() -> dict[str, Method]:
    """Every method for users that reads anything, or answers with anything of a message."""
    return {
        method.name: method
        for descriptor in services_of("chat")
        for method in methods_of(descriptor)
        if method.access is Access.USER
        and (
            method.name.startswith(("Get", "List", "Lookup", "Search"))
            or _carries(method.response_type.DESCRIPTOR)
        )
    }


METHODS = _methods()


@dataclass
class Remains:
    """A room in which a lot was deleted, in every way that there is; `gone` is all of that."""

    room_id: str
    live: ChatMessage
    gone: list[ChatMessage]
    people: dict[str, str]
    author_id: str
    drafts: dict[str, tuple[str, dict[str, Any]]]


class Undertaker:
    """Makes such a room."""

    def __init__(self, client: ChatClient) -> None:
        self.client = client
        self.gone: list[ChatMessage] = []
        self.drafts: dict[str, tuple[str, dict[str, Any]]] = {}

    async def bury(self) -> Remains:
        """Say much, and delete it."""
        client, owner = self.client, new_user()
        room_id = (await client.create_room(owner)).id
        author, moderator = (
            await self.client.join_as(room_id),
            await self.client.join_as(room_id, "MODERATOR"),
        )
        banned, member = await self.client.join_as(room_id), await self.client.join_as(room_id)
        mentioned = await self.client.join_as(room_id)
        admin = new_user()
        await add_user(client.admin, admin, role=Role.ADMIN)
        live = await self._say(author, room_id, "still here")
        said = {"track_id": await self._track(), "mention_user_ids": [await client.db.user_id(mentioned)]}
        own = await self._gone(author, room_id, said)
        await self.client.update_message(author, own, text=f"{CANARY} edited")
        await self.client.add_reaction(member, own, _EMOJI)
        await self.client.pin_message(moderator, own)
        await self.client.call(member, "ReportMessage", room_id=room_id, message_id=own.id)
        await self._say(member, room_id, "a live reply", parent_id=own.id)
        gone_reply = await self._gone(author, room_id, said, parent_id=live.id)
        by_admin = await self._gone(author, room_id, said)
        await self._gone(moderator, room_id, said)
        await self.client.delete_message(author, own)
        await self.client.delete_message(moderator, gone_reply, reason="rude")
        await self.client.delete_message(admin, by_admin, reason="law", as_admin=True)
        moderator_id = await client.db.user_id(moderator)
        await self.client.call(owner, "DeleteMessagesByAuthor", room_id=room_id, author_id=moderator_id)
        await self._gone(banned, room_id, said)
        window = {"delete_window": {"seconds": 3600}}
        await self.client.call(
            moderator, "BanMember", room_id=room_id, user_id=await client.db.user_id(banned), **window
        )
        assert await client.admin.fetchval(
            "SELECT count(*) FROM chat.messages WHERE room_id = $1 AND deleted_at IS NOT NULL",
            uuid.UUID(room_id),
        ) == len(self.gone)
        people = {
            "owner": owner,
            "moderator": moderator,
            "author": author,
            "member": member,
            "mentioned": mentioned,
        }
        people |= {"outsider": new_user(), "admin": admin, "banned": banned}
        return Remains(room_id, live, self.gone, people, await client.db.user_id(author), self.drafts)

    async def _track(self) -> str:
        track_id = uuid.uuid4()
        await self.client.admin.execute(
            "INSERT INTO tracks.track_refs (id, provider, provider_id, url, title, artist)"
            " VALUES ($1, 'spotify', $2, $3, $4, $4)",
            track_id, uuid.uuid4().hex[:22], f"https://open.spotify.com/track/{CANARY}", CANARY,
        )  # fmt: skip
        return str(track_id)

    async def _say(self, email: str, room_id: str, text: str, **fields: Any) -> ChatMessage:
        return await self.client.send_message(email, room_id, text, **fields)

    async def _gone(self, email: str, room_id: str, said: dict[str, Any], **fields: Any) -> ChatMessage:
        """Say something that will be deleted; with a request id, so that it can be sent again."""
        draft = {**said, **fields, "text": f"{CANARY} said", "request_id": str(uuid.uuid4())}
        message = await self.client.send_message(email, room_id, **draft)
        self.gone.append(message)
        self.drafts[message.id] = (email, draft)
        return message


@pytest.fixture(scope="module")
def tombs() -> dict[str, Remains]:
    """The room of this module, once it is made."""
    return {}


@pytest.fixture
async def remains(client: ChatClient, tombs: dict[str, Remains]) -> Remains:
    """A room in which a lot was deleted; none of these tests changes what is in it."""
    if not tombs:
        tombs["room"] = await Undertaker(client).bury()
    return tombs["room"]


def _requests(method: Method, remains: Remains, email: str) -> Iterator[Message]:
    """Requests of somebody about each of the deleted messages, and about one that is live."""
    made = set()
    for message in (*remains.gone, remains.live):
        request = _about(method, remains, message, email)
        if (told := request.SerializeToString(deterministic=True)) not in made:
            made.add(told)
            yield request


def _about(method: Method, remains: Remains, message: ChatMessage, email: str) -> Message:
    values: dict[str, Any] = {
        "room_id": remains.room_id,
        "message_id": message.id,
        "root_id": message.root_id or message.id,
        "message_ids": [each.id for each in remains.gone],
        "query": CANARY,
        "emoji": ":wave:" if message is remains.live else _EMOJI,
        "user_id": remains.author_id,
        "reason": "because",
        "page_size": 100,
    }
    if method.name == "SendMessage":
        # Who sent it may send it again, and is answered with what has become of it.
        sender, draft = remains.drafts.get(message.id, ("", {}))
        values |= draft if sender == email else {"text": "more"}
    elif method.name == "UpdateMessage":
        values |= {"text": "other"}
    elif method.name in {"ListPublicRooms", "ListReactions"}:
        values |= {"query": "", "emoji": ""}
    request: Any = method.request_type()
    for each in method.request_type.DESCRIPTOR.fields:
        if each.name == "message":
            request.message.room_id, request.message.id = message.room_id, message.id
            request.message.text = values["text"]
        elif each.name == "update_mask":
            request.update_mask.paths.append("text")
        elif each.name in values and each.is_repeated:
            getattr(request, each.name).extend(values[each.name])
        elif each.name in values:
            setattr(request, each.name, values[each.name])
    about: Message = request
    return about


async def _answer(client: ChatClient, method: Method, email: str, request: Message) -> Outcome:
    metadata = [pair for pairs in (user(email),) for pair in pairs]
    return await send(client.chat.channel, method, request.SerializeToString(), metadata)


def _leaks(method: Method, outcome: Outcome, remains: Remains) -> list[str]:
    """The content of deleted messages in a response."""
    whole = (outcome.reply or b"") + outcome.message.encode() + repr(outcome.trailers).encode()
    told = ["the canary"] if CANARY.encode() in whole else []
    if outcome.reply:
        gone = {each.id for each in remains.gone}
        for message in _messages(method.response_type.FromString(outcome.reply)):
            if message.id in gone and message.type != MessageType.MESSAGE_TYPE_SYSTEM:
                told += [
                    name
                    for name in ("text", "track", "mention_user_ids", "reactions")
                    if getattr(message, name) and (name != "track" or message.HasField("track"))
                ]
    return told


def _messages(answer: Message) -> Iterator[ChatMessage]:
    """All messages in an answer, however deep."""
    if isinstance(answer, ChatMessage):
        yield answer
    for _, value in answer.ListFields():
        if isinstance(value, Message):
            yield from _messages(value)
        elif (
            isinstance(value, Sequence)
            and not isinstance(value, str | bytes)
            and value
            and isinstance(value[0], Message)
        ):
            for inner in value:
                yield from _messages(inner)


async def _sweep(client: ChatClient, remains: Remains, method: Method) -> dict[str, list[str]]:
    """Who is told what by a method that nobody asked for anything deleted."""
    found: dict[str, list[str]] = {}
    for who, email in remains.people.items():
        if method.name in _FOR_MODERATORS and who in _MODERATORS:
            continue
        for request in _requests(method, remains, email):
            told = _leaks(method, await _answer(client, method, email, request), remains)
            if told:
                found.setdefault(who, []).extend(told)
    return found


def test_the_sweep_knows_what_carries_messages() -> None:
    assert {"SendMessage", "UpdateMessage", "DeleteMessage", "RestoreMessage", "AddReaction"} < set(METHODS)
    assert {"ListMyRooms", "ListPins", "SearchMessages", "ListReports", "ListModerationLogs"} < set(METHODS)
    assert {"ListReactions", "ListRevisions", "LookupMessages"} | _TELLING < set(METHODS)


@pytest.mark.parametrize("name", METHODS)
async def test_no_method_tells_what_a_deleted_message_said(
    name: str, client: ChatClient, remains: Remains
) -> None:
    assert await _sweep(client, remains, METHODS[name]) == {}


@pytest.mark.parametrize("name", sorted(_TELLING | {"ListRevisions"}))
async def test_moderators_who_ask_are_told_and_nobody_else(
    name: str, client: ChatClient, remains: Remains
) -> None:
    method = METHODS[name]
    told = set()
    for who, email in remains.people.items():
        for request in _requests(method, remains, email):
            if name in _TELLING:
                setattr(request, _ASKING, True)
            if _leaks(method, await _answer(client, method, email, request), remains):
                told.add(who)
    assert told == _MODERATORS


async def test_a_method_that_tells_is_noticed(
    client: ChatClient, remains: Remains, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = wire_message.fill_message

    def careless(into: Any, row: Any, tallies: Any, *, to_moderator: bool = False) -> None:
        del to_moderator
        honest(into, row, tallies, to_moderator=True)

    for module in (wire_message, wire_messages):
        monkeypatch.setattr(module, "fill_message", careless)
    for name in ("ListReplies", "DeleteMessage", "SendMessage"):
        assert await _sweep(client, remains, METHODS[name]) != {}, name
