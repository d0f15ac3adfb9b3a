"""Writers: everything that changes a room, at random, by many users at once.

A trigger writes down when who gained or lost which room, by the database itself: `AccessLog` tells what a watcher may have seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg
import grpc

from seda.chat.v1.message_pb2 import Message
from servicekit.rpc_status import UpstreamError
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.chat.chat_database import ChatDatabase
from tests.support.concurrency import gather_bounded

_EMOJIS = ("🎵", "🔥", ":wave:")
_KNOWN = 40
"""A writer acts on one of so many newest messages of a room."""
_WATCHDOG = """
    CREATE TABLE public.access_log (room_id uuid, user_id uuid, rev bigint, kind text, at double precision);
    CREATE FUNCTION public.log_membership() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO public.access_log VALUES (new.room_id, new.user_id, new.rev,
        CASE WHEN new.left_at IS NULL THEN 'member' ELSE 'none' END, extract(epoch FROM clock_timestamp()));
      RETURN new; END $$;
    CREATE FUNCTION public.log_sanction() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO public.access_log VALUES (new.room_id, new.user_id, new.rev,
        CASE WHEN new.ended_at IS NULL THEN 'banned' ELSE 'pardoned' END, extract(epoch FROM clock_timestamp()));
      RETURN new; END $$;
    CREATE TRIGGER log_access AFTER INSERT OR UPDATE ON chat.room_memberships
      FOR EACH ROW EXECUTE FUNCTION public.log_membership();
    CREATE TRIGGER log_access AFTER INSERT OR UPDATE ON chat.sanctions
      FOR EACH ROW WHEN (new.kind = 'BAN') EXECUTE FUNCTION public.log_sanction();
"""


@dataclass
class TrafficRoom:
    """A room; its owner never leaves. `messages` are its newest ones, as far as the writers know."""

    id: str
    private: bool
    owner: str
    messages: list[Message] = field(default_factory=list)

    def remember(self, message: Message) -> None:
        """Let others act on a message."""
        self.messages.append(message)
        del self.messages[:-_KNOWN]


class Traffic:
    """Rooms and writers. Each call goes to a random one of `clients`."""

    def __init__(self, clients: Sequence[ChatClient], *, rooms: int, writers: int, seed: int = 1) -> None:
        self.clients = clients
        self.writers = [new_user() for _ in range(writers)]
        self.rooms: list[TrafficRoom] = []
        self.refused = 0
        self.acts = 0
        self._room_count = rooms
        self._random = random.Random(seed)
        self._ids: dict[str, str] = {}
        self._ending = False

    @property
    def client(self) -> ChatClient:
        """One of the processes."""
        return self._random.choice(self.clients)

    @property
    def admin(self) -> asyncpg.Connection:
        """The database's administrator."""
        return self.clients[0].admin

    def use(self, admin: asyncpg.Connection) -> None:
        """Take another connection of the administrator, to a server that was started again or to another one."""
        for each in self.clients:
            each.admin, each.db = admin, ChatDatabase(admin)

    async def prepare(self) -> None:
        """Make the rooms, of which every fourth is private, and let each writer join some of them."""
        await self.admin.execute(_WATCHDOG)
        for number in range(self._room_count):
            owner, private = new_user(), number % 4 == 3
            made = await self.client.create_room(owner, f"room {number}", private=private)
            self.rooms.append(TrafficRoom(made.id, private, owner))
        for email in self.writers:
            await self.client.get_room(email, self.rooms[0].id)
            self._ids[email] = await self.client.db.user_id(email)
        joins = [
            self._join(room, each)
            for each in self.writers
            for room in self.rooms
            if self._random.random() < 0.4
        ]
        await gather_bounded(joins, 8)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write until the end of the block."""
        self._ending = False
        async with asyncio.TaskGroup() as group:
            for each in self.writers:
                group.create_task(self._write(each))
            try:
                yield
            finally:
                # Not in the middle of a call, which might be committed later.
                self._ending = True

    async def changes(self) -> int:
        """How many changes all rooms have had."""
        return int(await self.admin.fetchval("SELECT sum(last_rev) FROM chat.room_counters"))

    async def until(self, changes: int) -> None:
        """Wait for so many changes."""
        while await self.changes() < changes:
            # They take their time.
            await asyncio.sleep(0.2)

    async def _write(self, email: str) -> None:
        acts = [
            (30, self._send), (10, self._reply), (10, self._edit), (8, self._delete), (6, self._restore), (14, self._react),
            (6, self._unreact), (4, self._pin), (3, self._unpin), (8, self._join), (4, self._leave), (4, self._kick),
            (3, self._ban), (5, self._pardon), (4, self._set_role), (3, self._mute), (2, self._rename),
        ]  # fmt: skip
        weights = [weight for weight, _ in acts]
        while not self._ending:
            ((_, act),) = self._random.choices(acts, weights)
            self.acts += 1
            try:
                await act(self._random.choice(self.rooms), email)
            except UpstreamError:
                self.refused += 1
            except grpc.aio.AioRpcError:
                # A process that is being killed; what became of the call is the test's question.
                await asyncio.sleep(0.1)

    async def _send(self, room: TrafficRoom, email: str) -> None:
        room.remember(await self.client.send_message(email, room.id, f"by {email}"))

    async def _reply(self, room: TrafficRoom, email: str) -> None:
        parent = self._message(room)
        room.remember(await self.client.send_message(email, room.id, "a reply", parent_id=parent.id))

    async def _edit(self, room: TrafficRoom, _: str) -> None:
        message = self._message(room)
        await self.client.update_message(
            self._author(message), message, text=f"edited {self._random.random()}"
        )

    async def _delete(self, room: TrafficRoom, email: str) -> None:
        message = self._message(room)
        await self.client.delete_message(self._random.choice((email, room.owner)), message)

    async def _restore(self, room: TrafficRoom, _: str) -> None:
        await self.client.restore_message(room.owner, self._message(room), reason="because")

    async def _react(self, room: TrafficRoom, email: str) -> None:
        await self.client.add_reaction(email, self._message(room), self._random.choice(_EMOJIS))

    async def _unreact(self, room: TrafficRoom, email: str) -> None:
        await self.client.remove_reaction(email, self._message(room), self._random.choice(_EMOJIS))

    async def _pin(self, room: TrafficRoom, _: str) -> None:
        await self.client.pin_message(room.owner, self._message(room))

    async def _unpin(self, room: TrafficRoom, _: str) -> None:
        await self.client.unpin_message(room.owner, self._message(room))

    async def _join(self, room: TrafficRoom, email: str) -> None:
        if room.private:
            await self.client.call(room.owner, "InviteUser", room_id=room.id, user_id=self._ids[email])
        await self.client.join_room(email, room.id)

    async def _leave(self, room: TrafficRoom, email: str) -> None:
        await self.client.call(email, "LeaveRoom", room_id=room.id)

    async def _kick(self, room: TrafficRoom, _: str) -> None:
        await self._moderate("KickMember", room)

    async def _ban(self, room: TrafficRoom, _: str) -> None:
        window = {"delete_window": {"seconds": 60}} if self._random.random() < 0.3 else {}
        await self._moderate("BanMember", room, **window)

    async def _pardon(self, room: TrafficRoom, _: str) -> None:
        await self._moderate("UnbanMember", room)

    async def _mute(self, room: TrafficRoom, _: str) -> None:
        await self._moderate(self._random.choice(("MuteMember", "UnmuteMember")), room)

    async def _moderate(self, method: str, room: TrafficRoom, **fields: object) -> None:
        target = self._ids[self._random.choice(self.writers)]
        await self.client.call(room.owner, method, room_id=room.id, user_id=target, **fields)

    async def _set_role(self, room: TrafficRoom, email: str) -> None:
        role = self._random.choice(("MEMBER_ROLE_MEMBER", "MEMBER_ROLE_MODERATOR"))
        await self.client.call(
            room.owner, "SetMemberRole", room_id=room.id, user_id=self._ids[email], role=role
        )

    async def _rename(self, room: TrafficRoom, _: str) -> None:
        wanted = {"id": room.id, "name": f"name {self._random.random()}"}
        await self.client.call(room.owner, "UpdateRoom", room=wanted, update_mask={"paths": ["name"]})

    def _message(self, room: TrafficRoom) -> Message:
        return (
            self._random.choice(room.messages)
            if room.messages
            else Message(room_id=room.id, id=str(UUID(int=7)))
        )

    def _author(self, message: Message) -> str:
        known = {user_id: email for email, user_id in self._ids.items()}
        return known.get(message.author_id, self.writers[0])


class AccessLog:
    """Who had which room between which revs, as the database saw it."""

    def __init__(self, rooms: Sequence[TrafficRoom]) -> None:
        self._private = {each.id: each.private for each in rooms}
        self._spans: dict[tuple[str, str], list[tuple[int, int | None, float]]] = defaultdict(list)

    async def read(self, admin: asyncpg.Connection) -> None:
        """Read what the trigger wrote."""
        rows = await admin.fetch("SELECT * FROM public.access_log ORDER BY room_id, user_id, rev, at")
        states: dict[tuple[str, str], tuple[bool, bool]] = {}
        lost_at: dict[tuple[str, str], int] = {}
        for row in rows:
            key = str(row["room_id"]), str(row["user_id"])
            member, banned = states.get(key, (False, False))
            match row["kind"]:
                case "member":
                    member = True
                case "none":
                    member = False
                case kind:
                    banned = kind == "banned"
            states[key] = member, banned
            if self._has(key[0], member=member, banned=banned):
                if key in lost_at or (key not in self._spans and self._private.get(key[0])):
                    self._spans[key].append((lost_at.pop(key, 0), row["rev"], row["at"]))
            elif key not in lost_at:
                lost_at[key] = row["rev"]
        for key, rev in lost_at.items():
            self._spans[key].append((rev, None, 0.0))

    def _has(self, room_id: str, *, member: bool, banned: bool) -> bool:
        return not banned and (member or not self._private.get(room_id))

    def forbidden(self, user_id: str, room_id: str, rev: int, at: float) -> bool:
        """Return whether a user must not have seen a change at that time, in seconds."""
        return any(
            lost < rev and (gained is None or (rev < gained and at < gained_at))
            for lost, gained, gained_at in self._spans.get((room_id, user_id), ())
        )

    @property
    def losses(self) -> int:
        """How often anybody lost a room."""
        return sum(len(each) for each in self._spans.values())
