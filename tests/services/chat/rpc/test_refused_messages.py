"""A send or an edit that is refused costs no normalization of its text, whatever the reason."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from search_text import index_terms
from seda.chat.v1.message_pb2 import Message
from servicekit.rpc_status import UpstreamError
from services.chat.domain import message_search
from services.chat.workers import message_batch
from tests.contract.proto_comments import documented_reasons
from tests.services.chat.chat_client import ChatClient, RoomWithMembers
from tests.services.running import Running

_SHORT = "Привет"
# Longer than what a batch normalizes under the room locks.
_LONG = "Привет " * 500
assert len(_LONG) > message_batch.MAX_NORMALIZED_CHARACTERS


@dataclass
class Attempt:
    """A call of a member to come: a preparation gives it a reason to be refused."""

    client: ChatClient
    room: RoomWithMembers
    message: Message
    """The member's own message, to edit."""
    fields: dict[str, Any] = field(default_factory=dict)

    async def sql(self, query: str, *args: object) -> None:
        """Change the member's room or account."""
        await self.client.admin.execute(query, *args)

    async def member_id(self) -> str:
        """The member's id."""
        return await self.client.db.user_id(self.room.member)

    async def send(self, text: str) -> None:
        """Send a text."""
        await self.client.send_message(self.room.member, self.room.id, text, **self.fields)

    async def edit(self, text: str) -> None:
        """Edit the message to a text."""
        await self.client.update_message(self.room.member, self.message, text=text, **self.fields)


_Prepare = Callable[[Attempt], Awaitable[None]]


async def _hide_room(attempt: Attempt) -> None:
    await _leave(attempt)
    await attempt.client.db.set_room(attempt.room.id, private=True)


async def _leave(attempt: Attempt) -> None:
    await attempt.client.call(attempt.room.member, "LeaveRoom", room_id=attempt.room.id)


async def _suspend(attempt: Attempt) -> None:
    query = "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1"
    await attempt.sql(query, attempt.room.member)
    attempt.client.chat.forget_callers()


async def _ban(attempt: Attempt) -> None:
    await attempt.client.db.add_sanction(attempt.room.id, attempt.room.member, "BAN")


async def _mute(attempt: Attempt) -> None:
    await attempt.client.db.add_sanction(attempt.room.id, attempt.room.member, "MUTE")


async def _announce(attempt: Attempt) -> None:
    await attempt.client.db.set_room(attempt.room.id, announcement=True)


async def _lock(attempt: Attempt) -> None:
    await attempt.sql("UPDATE chat.rooms SET locked_at = now() WHERE id = $1", attempt.room.id)


async def _archive(attempt: Attempt) -> None:
    await attempt.sql("UPDATE chat.rooms SET archived_at = now() WHERE id = $1", attempt.room.id)


async def _exhaust_the_rate(attempt: Attempt) -> None:
    for _ in range(2):
        await attempt.client.send_message(attempt.room.member, attempt.room.id, "plain")


async def _slow_down(attempt: Attempt) -> None:
    await attempt.client.db.set_room(attempt.room.id, slow_mode_seconds=600)
    await attempt.client.send_message(attempt.room.member, attempt.room.id, "plain")


async def _name_no_parent(attempt: Attempt) -> None:
    attempt.fields["parent_id"] = str(uuid.uuid4())


async def _delete_the_parent(attempt: Attempt) -> None:
    await attempt.client.delete_message(attempt.room.member, attempt.message)
    attempt.fields["parent_id"] = attempt.message.id


async def _name_no_track(attempt: Attempt) -> None:
    attempt.fields["track_id"] = str(uuid.uuid4())


def _link(url: str) -> _Prepare:
    async def link(attempt: Attempt) -> None:
        attempt.fields["track_url"] = url

    return link


async def _mention_nobody(attempt: Attempt) -> None:
    attempt.fields["mention_user_ids"] = [str(uuid.uuid4())]


async def _reuse_the_request_id(attempt: Attempt) -> None:
    attempt.fields["request_id"] = str(uuid.uuid4())
    await attempt.client.send_message(attempt.room.member, attempt.room.id, "plain", **attempt.fields)


async def _name_no_message(attempt: Attempt) -> None:
    attempt.message = Message(room_id=attempt.room.id, id=str(uuid.uuid4()))


async def _name_another_s_message(attempt: Attempt) -> None:
    attempt.message = await attempt.client.send_message(attempt.room.owner, attempt.room.id, "plain")


async def _name_a_system_message(attempt: Attempt) -> None:
    query = "SELECT id::text FROM chat.messages WHERE room_id = $1 AND user_id = $2 AND type = 'SYSTEM'"
    found = await attempt.client.admin.fetchval(query, attempt.room.id, await attempt.member_id())
    attempt.message = Message(room_id=attempt.room.id, id=found)


async def _delete_the_message(attempt: Attempt) -> None:
    await attempt.client.delete_message(attempt.room.member, attempt.message)


async def _name_an_old_etag(attempt: Attempt) -> None:
    attempt.fields["etag"] = attempt.message.etag
    await attempt.client.update_message(attempt.room.member, attempt.message, text="plain again")


_COMMON: dict[str, _Prepare] = {
    "ROOM_NOT_FOUND": _hide_room,
    "CALLER_SUSPENDED": _suspend,
    "BANNED": _ban,
    "NOT_A_MEMBER": _leave,
    "CALLER_MUTED": _mute,
    "ANNOUNCEMENT_ROOM": _announce,
    "ROOM_LOCKED": _lock,
    "ROOM_ARCHIVED": _archive,
    "TRACK_NOT_FOUND": _name_no_track,
    "RATE_LIMITED": _exhaust_the_rate,
}
_SEND: dict[str, _Prepare] = {
    **_COMMON,
    "REQUEST_ID_REUSED": _reuse_the_request_id,
    "MESSAGE_NOT_FOUND": _name_no_parent,
    "PARENT_DELETED": _delete_the_parent,
    "SLOW_MODE": _slow_down,
    "MENTION_NOT_A_MEMBER": _mention_nobody,
    "INVALID_URL": _link("no link at all"),
    "UNSUPPORTED_PROVIDER": _link("https://example.org/music/1"),
    "UNSUPPORTED_RESOURCE": _link("https://open.spotify.com/user/ada"),
    "NOT_A_TRACK": _link("https://open.spotify.com/album/2qToAcex0ruZfbEbAy9OhW"),
    "PRIVATE_LINK": _link("https://soundcloud.com/forss/flickermood/s-AbCdE"),
    "NEEDS_RESOLUTION": _link("https://spotify.link/AbCdEfGhIjK"),
}
_EDIT: dict[str, _Prepare] = {
    **_COMMON,
    "MESSAGE_NOT_FOUND": _name_no_message,
    "NOT_THE_AUTHOR": _name_another_s_message,
    "SYSTEM_MESSAGE": _name_a_system_message,
    "MESSAGE_DELETED": _delete_the_message,
    "ETAG_MISMATCH": _name_an_old_etag,
}
_METHODS = {"SendMessage": (_SEND, Attempt.send), "UpdateMessage": (_EDIT, Attempt.edit)}


@pytest.fixture
def normalized(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are normalized for search, in order; not those that the preparations send."""
    texts: list[str] = []

    def counted(text: str) -> list[str]:
        if not text.startswith("plain"):
            texts.append(text)
        return index_terms(text)

    monkeypatch.setattr(message_search, "index_terms", counted)
    return texts


@pytest.fixture
async def attempt(client: ChatClient, room: RoomWithMembers) -> Attempt:
    """A member's call."""
    return Attempt(client, room, await client.send_message(room.member, room.id, "plain"))


@pytest.mark.parametrize("method", _METHODS)
def test_every_documented_reason_has_a_preparation(method: str) -> None:
    documented = documented_reasons(f"seda.chat.v1.MessageService.{method}")
    assert documented == _METHODS[method][0].keys()


@pytest.mark.parametrize("text", [_SHORT, _LONG], ids=["short", "long"])
@pytest.mark.parametrize(
    ("method", "reason"), [(method, reason) for method, (kinds, _) in _METHODS.items() for reason in kinds]
)
async def test_a_refused_text_is_not_normalized(
    attempt: Attempt, strict_chat: Running, normalized: list[str], method: str, reason: str, text: str
) -> None:
    preparations, call = _METHODS[method]
    if reason == "RATE_LIMITED":
        attempt.client = ChatClient(strict_chat, attempt.client.admin)
    await preparations[reason](attempt)
    with pytest.raises(UpstreamError) as refused:
        await call(attempt, text)
    assert refused.value.reason == reason
    assert normalized == []


@pytest.mark.parametrize("text", [_SHORT, _LONG], ids=["short", "long"])
@pytest.mark.parametrize("method", _METHODS)
async def test_an_accepted_text_is_normalized_once(
    attempt: Attempt, normalized: list[str], method: str, text: str
) -> None:
    """The control: what is counted above happens for each text that is written."""
    await _METHODS[method][1](attempt, text)
    assert normalized == [text]
    found = await attempt.client.search_messages(
        attempt.room.member, text[:6], author_id=await attempt.member_id(), room_id=attempt.room.id
    )
    assert [each.text for each in found.messages] == [text]


async def test_concurrent_sends_of_long_texts_are_charged_and_normalized_once(
    attempt: Attempt, normalized: list[str], strict_chat: Running
) -> None:
    attempt.client = ChatClient(strict_chat, attempt.client.admin)
    outcomes = await asyncio.gather(*(attempt.send(f"{_LONG}{n}") for n in range(6)), return_exceptions=True)
    # Two tokens, as for short texts: a text that waits for its second batch has paid.
    assert [outcome for outcome in outcomes if not isinstance(outcome, BaseException)] == [None, None]
    assert {each.reason for each in outcomes if isinstance(each, UpstreamError)} == {"RATE_LIMITED"}
    assert len(normalized) == 2


async def test_long_texts_are_normalized_while_no_room_is_locked(
    attempt: Attempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[str] = []

    def traced(text: str) -> list[str]:
        before.append(attempt.client.chat.statements[-1])
        return index_terms(text)

    monkeypatch.setattr(message_search, "index_terms", traced)
    await attempt.send(_SHORT)
    await attempt.send(_LONG)
    assert before == ["chat.send_context", "COMMIT"]
