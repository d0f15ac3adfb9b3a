"""Random acts of many users, each compared with a plain model: what it answers, and all that can be seen after it."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from servicekit.rpc_status import UpstreamError
from tests.effort import tries
from tests.services.chat.chat_client import new_user
from tests.services.chat.stateful import invariants
from tests.services.chat.stateful.client import Client
from tests.services.chat.stateful.invariants import Feed, Watcher
from tests.services.chat.stateful.model import MEMBER, MODERATOR, OWNER, RefusedError, Room
from tests.services.running import Running, add_user

_EXAMPLES = int(os.environ.get("SEDA_TEST_STATEFUL_EXAMPLES", tries(3, 8)))
_STEPS = 25
_USERS = st.integers(0, 3)
_ROOMS = st.integers(0, 1)
_PLACES = st.integers(0, 40)
_EMOJIS = st.sampled_from(["👍", "🎵", ":fire:"])


class ChatMachine(RuleBasedStateMachine):
    """Four users, a public and a private room. Hypothesis runs it in a thread beside the loop of the service."""

    loop: ClassVar[asyncio.AbstractEventLoop]
    client: ClassVar[Client]
    admin: ClassVar[asyncpg.Connection]
    chat: ClassVar[Running]

    def __init__(self) -> None:
        super().__init__()
        self.users: list[str] = []
        self.rooms: list[Room] = []
        self.feeds: list[Feed] = []
        self.touched: Room | None = None
        self.watchers: dict[tuple[str, int], Watcher] = {}

    def _wait(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def _room(self, where: int) -> Room:
        """The room that a step is about; the views of the other one can wait."""
        self.touched = self.rooms[where]
        return self.touched

    def _both(self, model: Callable[[], object], work: Coroutine[Any, Any, Any]) -> Any:
        """Do a thing here and there; both must allow it, or refuse it for the same reason."""
        refusal = ""
        try:
            answer = self._wait(work)
        except UpstreamError as error:
            answer, refusal = None, error.reason
        expected = ""
        try:
            model()
        except RefusedError as error:
            expected = error.reason
        assert refusal == expected
        return answer

    def _message(self, room: Room, place: int) -> str:
        """One of the room's messages that a user may name, or none at all."""
        known = [each.id for each in room.messages if each.id]
        return known[place % len(known)] if known else str(uuid.uuid4())

    # Hypothesis leaves many a rule out of an example, and without messages most of the others have nothing to act on.
    @initialize(first=st.lists(st.tuples(st.integers(0, 2), _ROOMS), min_size=2, max_size=4))
    def create(self, first: list[tuple[int, int]]) -> None:
        for email in (new_user() for _ in range(4)):
            self.users.append(self._wait(add_user(self.admin, email)))
            self.client.emails[self.users[-1]] = email
        for number, private in enumerate((False, True)):
            name = f"room {number}"
            made = self._wait(
                self.client("CreateRoom", self.users[0], room={"name": name, "private": private})
            ).room
            room = Room(made.id, private, name)
            room.roles[self.users[0]], room.read[self.users[0]] = OWNER, 0
            self.rooms.append(room)
            self.feeds.append(Feed())
            for user in self.users[1:3]:
                self._both(
                    lambda room=room, user=user: room.invite(self.users[0], user),  # type: ignore[misc]  # bound now
                    self.client("InviteUser", self.users[0], room_id=room.id, user_id=user),
                )
                self._both(
                    lambda room=room, user=user: room.join(user),  # type: ignore[misc]  # bound now
                    self.client("JoinRoom", user, room_id=room.id),
                )
        for author, where in first:
            self.send(author, where, None, set())

    @rule(user=_USERS, where=_ROOMS, parent=st.none() | _PLACES, mentioned=st.sets(_USERS, max_size=2))
    def send(self, user: int, where: int, parent: int | None, mentioned: set[int]) -> None:
        room, author = self._room(where), self.users[user]
        answered = None if parent is None else self._message(room, parent)
        mentions = [self.users[each] for each in sorted(mentioned)]
        text = f"message {len(room.messages) + 1}"
        made: list[Any] = []
        answer = self._both(
            lambda: made.append(room.send(author, "", text, answered, mentions)),
            self.client(
                "SendMessage",
                author,
                room_id=room.id,
                text=text,
                parent_id=answered or "",
                mention_user_ids=mentions,
                request_id=str(uuid.uuid4()),
            ),
        )
        if answer is not None:
            made[0].id = answer.message.id
            assert answer.message.seq == made[0].seq

    @rule(user=_USERS, where=_ROOMS, place=_PLACES, number=st.integers(0, 3))
    def edit(self, user: int, where: int, place: int, number: int) -> None:
        room, author = self._room(where), self.users[user]
        message_id, text = self._message(room, place), f"edited {number}"
        call = self.client(
            "UpdateMessage",
            author,
            message={"room_id": room.id, "id": message_id, "text": text},
            update_mask={"paths": ["text"]},
        )
        self._both(lambda: room.edit(author, message_id, text), call)

    @rule(user=_USERS, where=_ROOMS, place=_PLACES, back=st.booleans())
    def delete(self, user: int, where: int, place: int, back: bool) -> None:
        room, actor = self._room(where), self.users[user]
        message_id = self._message(room, place)
        act, method = (room.restore, "RestoreMessage") if back else (room.delete, "DeleteMessage")
        call = self.client(method, actor, room_id=room.id, message_id=message_id)
        self._both(lambda: act(actor, message_id), call)

    @rule(user=_USERS, where=_ROOMS, place=_PLACES, emoji=_EMOJIS, back=st.booleans())
    def react(self, user: int, where: int, place: int, emoji: str, back: bool) -> None:
        room, actor = self._room(where), self.users[user]
        message_id = self._message(room, place)
        act, method = (room.unreact, "RemoveReaction") if back else (room.react, "AddReaction")
        call = self.client(method, actor, room_id=room.id, message_id=message_id, emoji=emoji)
        self._both(lambda: act(actor, message_id, emoji), call)

    @rule(user=_USERS, where=_ROOMS, place=_PLACES, on=st.booleans())
    def pin(self, user: int, where: int, place: int, on: bool) -> None:
        room, actor = self._room(where), self.users[user]
        message_id = self._message(room, place)
        call = self.client(
            "PinMessage" if on else "UnpinMessage", actor, room_id=room.id, message_id=message_id
        )
        self._both(lambda: room.pin(actor, message_id, on=on), call)

    @rule(user=_USERS, where=_ROOMS, seq=_PLACES, back=st.booleans())
    def mark(self, user: int, where: int, seq: int, back: bool) -> None:
        room, actor = self._room(where), self.users[user]
        call = (
            self.client("MarkUnread", actor, room_id=room.id, from_seq=seq + 1)
            if back
            else self.client("MarkRead", actor, room_id=room.id, seq=seq)
        )
        self._both(lambda: room.mark(actor, seq, back=back), call)

    @rule(user=_USERS, where=_ROOMS, leaves=st.booleans())
    def come_or_go(self, user: int, where: int, leaves: bool) -> None:
        room, actor = self._room(where), self.users[user]
        act, method = (room.leave, "LeaveRoom") if leaves else (room.join, "JoinRoom")
        self._both(lambda: act(actor), self.client(method, actor, room_id=room.id))

    @rule(user=_USERS, whom=_USERS, where=_ROOMS)
    def invite(self, user: int, whom: int, where: int) -> None:
        room, actor, invited = self._room(where), self.users[user], self.users[whom]
        call = self.client("InviteUser", actor, room_id=room.id, user_id=invited)
        self._both(lambda: room.invite(actor, invited), call)

    @rule(user=_USERS, whom=_USERS, where=_ROOMS, role=st.sampled_from([MEMBER, MODERATOR, OWNER]))
    def set_role(self, user: int, whom: int, where: int, role: str) -> None:
        room, actor, promoted = self._room(where), self.users[user], self.users[whom]
        call = self.client(
            "SetMemberRole", actor, room_id=room.id, user_id=promoted, role=f"MEMBER_ROLE_{role}"
        )
        self._both(lambda: room.set_role(actor, promoted, role), call)

    @rule(
        user=_USERS,
        whom=_USERS,
        where=_ROOMS,
        method=st.sampled_from(["MuteMember", "UnmuteMember", "BanMember", "UnbanMember", "KickMember"]),
    )
    def moderate(self, user: int, whom: int, where: int, method: str) -> None:
        room, actor, other = self._room(where), self.users[user], self.users[whom]
        expected: dict[str, Callable[[], None]] = {
            "MuteMember": lambda: room.mute(actor, other, on=True),
            "UnmuteMember": lambda: room.mute(actor, other, on=False),
            "BanMember": lambda: room.ban(actor, other, on=True),
            "UnbanMember": lambda: room.ban(actor, other, on=False),
            "KickMember": lambda: room.kick(actor, other),
        }
        self._both(expected[method], self.client(method, actor, room_id=room.id, user_id=other))

    @rule(user=_USERS, where=_ROOMS, on=st.booleans())
    def lock(self, user: int, where: int, on: bool) -> None:
        room, actor = self._room(where), self.users[user]
        call = self.client("LockRoom" if on else "UnlockRoom", actor, room_id=room.id)
        self._both(lambda: room.lock(actor, on=on), call)

    @rule(user=_USERS, where=_ROOMS, number=st.integers(0, 2), announcement=st.booleans(), slow=st.booleans())
    def update(self, user: int, where: int, number: int, announcement: bool, slow: bool) -> None:
        room, actor, name = self._room(where), self.users[user], f"room {number}"
        call = self.client.update(actor, room.id, name, announcement=announcement, slow=slow)
        self._both(lambda: room.update(actor, name=name, announcement=announcement, slow=slow), call)

    @rule(user=_USERS, where=_ROOMS)
    def watch(self, user: int, where: int) -> None:
        # What a watcher is told may be wrong only of what has changed: the views need not be compared again.
        room, reader = self.rooms[where], self.users[user]
        if (reader, where) not in self.watchers:
            self.watchers[reader, where] = Watcher(self.chat, self.client.emails[reader], room.id)
        self._wait(self.watchers[reader, where].check(room, reader))

    @invariant()
    def everything_agrees(self) -> None:
        """All that can be seen, by everybody who may see it."""
        for room, feed in zip(self.rooms, self.feeds, strict=True):
            self._wait(invariants.check_feed(feed, self.admin, room))
            if self.touched is not None and room is not self.touched:
                continue
            for user in self.users:
                if user in room.roles or not (room.private or user in room.banned):
                    self._wait(invariants.check_pages(self.client, room, user))
        for user in self.users:
            self._wait(invariants.check_mine(self.client, self.rooms, user))


@pytest.fixture
async def machine(chat: Running, admin: asyncpg.Connection) -> type[ChatMachine]:
    """The machine in front of the running service."""

    class Ready(ChatMachine):
        pass

    Ready.loop = asyncio.get_running_loop()
    Ready.client, Ready.admin, Ready.chat = Client(chat), admin, chat
    return Ready


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=_STEPS,
        deadline=None,
        database=None,
        # Without a search for the shortest way to a fault: each step asks the service for all that can be seen.
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        print_blob=False,
    )


@pytest.mark.timeout(600)
async def test_random_acts_agree_with_the_model(machine: type[ChatMachine]) -> None:
    await asyncio.to_thread(run_state_machine_as_test, machine, settings=_settings(_EXAMPLES))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("method", "broken"),
    [
        ("delete", lambda _room, _user, _message: None),
        ("unread", lambda _room, _user: 0),
    ],
    ids=["a model that deletes nothing", "a model in which nothing is unread"],
)
async def test_a_wrong_model_is_noticed(
    method: str, broken: Callable[..., object], machine: type[ChatMachine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: where the service and the model differ in one rule, some random acts show it."""
    monkeypatch.setattr(Room, method, broken)
    with pytest.raises(AssertionError):
        await asyncio.to_thread(run_state_machine_as_test, machine, settings=_settings(200))
