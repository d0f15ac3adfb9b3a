"""Rooms with all kinds of people in them, made in one go behind the service's back, and requests about them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from servicekit.caller import Role
from servicekit.methods import Method
from tests.contract.suite import Outcome, send
from tests.services.chat.chat_client import new_user
from tests.services.chat.visibility.table import ROLES
from tests.services.running import Running, add_user, service, user

SECRET = "a secret of this room"
REQUEST_ID = "a-request-of-the-tests"
# Members of the room, each with a message of their own; the author is whom others act on.
_MEMBERS = {
    "owner": "OWNER",
    "moderator": "MODERATOR",
    "member": "MEMBER",
    "muted": "MEMBER",
    "author": "MEMBER",
}
_PLATFORM = {"platform moderator": Role.MODERATOR, "platform admin": Role.ADMIN}
_MAKE = """
WITH room AS (
  INSERT INTO chat.rooms (id, name, description, private, created_by, rev, search_name)
  VALUES ($1, $3, $3, $2, ($4::uuid[])[1], 1, $3)
), counters AS (
  INSERT INTO chat.room_counters (room_id, last_seq, last_rev, member_count) VALUES ($1, 8, 100, 5)
), members AS (
  INSERT INTO chat.room_memberships (room_id, user_id, role, joined_at, rev)
  SELECT $1, m.user_id, m.role, clock_timestamp(), m.n + 1
    FROM unnest($4::uuid[], $5::text[]) WITH ORDINALITY AS m(user_id, role, n)
), sanctions AS (
  INSERT INTO chat.sanctions (id, room_id, user_id, kind, reason, starts_at, rev)
  VALUES (gen_random_uuid(), $1, $6, 'BAN', 'test', clock_timestamp(), 10),
         (gen_random_uuid(), $1, ($4::uuid[])[4], 'MUTE', 'test', clock_timestamp(), 11)
), invitations AS (
  INSERT INTO chat.room_invitations (room_id, user_id, invited_by, rev) VALUES ($1, $7, ($4::uuid[])[1], 12)
), messages AS (
  INSERT INTO chat.messages (room_id, seq, rev, id, user_id, type, text, search_text, created_at, root_id, root_seq,
                             deleted_at, deleted_by, deletion_type)
  SELECT $1, m.n, 20 + m.n, m.id, ($4::uuid[])[CASE WHEN m.n <= 5 THEN m.n ELSE 5 END], 'TEXT', $3, $3,
         clock_timestamp(),
         CASE WHEN m.n = 6 THEN ($8::uuid[])[5] END, CASE WHEN m.n = 6 THEN 5 END,
         CASE WHEN m.n = 7 THEN clock_timestamp() END, CASE WHEN m.n = 7 THEN ($4::uuid[])[2] END,
         CASE WHEN m.n = 7 THEN 'MODERATOR' END
    FROM unnest($8::uuid[]) WITH ORDINALITY AS m(id, n)
), thread AS (
  INSERT INTO chat.threads (room_id, root_id, reply_count, last_reply_seq, last_reply_at)
  VALUES ($1, ($8::uuid[])[5], 1, 6, clock_timestamp())
), reaction AS (
  INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
  VALUES ($1, ($8::uuid[])[5], ($4::uuid[])[5], ':wave:', clock_timestamp(), 40)
), tally AS (
  INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at)
  VALUES ($1, ($8::uuid[])[5], ':wave:', 1, clock_timestamp())
), pin AS (
  INSERT INTO chat.pins (room_id, message_id, pinned_by, pinned_at, rev)
  VALUES ($1, ($8::uuid[])[5], ($4::uuid[])[1], clock_timestamp(), 41)
)
INSERT INTO chat.reports (id, room_id, message_id, reporter_id, reason, created_at)
VALUES ($9, $1, ($8::uuid[])[5], ($4::uuid[])[3], $3, clock_timestamp())
"""


@dataclass(frozen=True)
class RoomFixture:
    """A room, what is in it, and whether it exists at all."""

    room_id: str
    messages: list[str]
    report_id: str
    people: dict[str, str]

    def ids(self) -> list[str]:
        """All ids that an answer may name because it was asked for them."""
        return [self.room_id, *self.messages, self.report_id]


@dataclass
class VisibilityFixtures:
    """Makes scenes, and asks about them. `people` are the ids of those who call, by their roles."""

    chat: Running
    admin: asyncpg.Connection
    emails: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)

    async def create_users(self) -> None:
        """Make the users, once."""
        for role in (*(role for role in ROLES if role != "service"), "author"):
            self.emails[role] = new_user()
            platform = _PLATFORM.get(role, Role.USER)
            self.people[role] = await add_user(self.admin, self.emails[role], role=platform)

    async def room(self, kind: str) -> RoomFixture:
        """A new room of a kind, or the ids of one that does not exist."""
        room_id, report_id = str(uuid.uuid4()), str(uuid.uuid4())
        messages = [str(uuid.uuid4()) for _ in range(8)]
        made = RoomFixture(room_id, messages, report_id, self.people)
        if kind != "missing":
            await self.admin.execute(
                _MAKE,
                uuid.UUID(room_id),
                kind == "private",
                SECRET,
                [uuid.UUID(self.people[role]) for role in _MEMBERS],
                list(_MEMBERS.values()),
                uuid.UUID(self.people["banned"]),
                uuid.UUID(self.people["invited"]),
                list(map(uuid.UUID, messages)),
                uuid.UUID(report_id),
            )
        return made

    async def ask(self, method: Method, role: str, room: RoomFixture, /, **fields: Any) -> Outcome:
        """Call a method as a user of a role; `fields` override those of `request_about`."""
        metadata = (
            service("tracks", "chat") if role == "service" else user(self.emails[role]),
            (("x-request-id", REQUEST_ID),),
        )
        request = request_about(method, role, room)
        for name, value in fields.items():
            setattr(request, name, value)
        flat = [pair for pairs in metadata for pair in pairs]
        return await send(self.chat.channel, method, request.SerializeToString(), flat)


def request_about(method: Method, role: str, room: RoomFixture) -> Message:
    """A good request of a method about a room, made from the names of the request's fields."""
    request: Any = method.request_type()
    values = _values(method.name, role, room)
    for each in method.request_type.DESCRIPTOR.fields:
        if each.name == "room":
            request.room.id, request.room.name = room.room_id, "another name"
        elif each.name == "message":
            request.message.room_id, request.message.id = room.room_id, values["message_id"]
            request.message.text = values["text"]
        elif each.name == "rooms":
            request.rooms.add(room_id=room.room_id)
        elif each.name == "update_mask":
            request.update_mask.paths.append("name" if method.name == "UpdateRoom" else "text")
        elif each.name in values:
            value = values[each.name]
            if each.is_repeated:
                getattr(request, each.name).extend(value)
            else:
                setattr(request, each.name, value)
        elif each.type == FieldDescriptor.TYPE_ENUM and each.name == "mode":
            setattr(request, each.name, 1)
    made: Message = request
    return made


def _values(method: str, role: str, room: RoomFixture) -> dict[str, Any]:
    """What stands in the fields of a request, by their names."""
    authored = room.messages[4]
    own = dict(zip(_MEMBERS, room.messages, strict=False)).get(role, authored)
    message = {
        "UpdateMessage": own,
        "DeleteMessage": own,
        "RestoreMessage": room.messages[6],
    }.get(method, authored)
    whom = {"InviteUser": room.people["user"], "RevokeInvitation": room.people["invited"]}
    values: dict[str, Any] = {
        "room_id": room.room_id,
        "message_id": message,
        "root_id": authored,
        "message_ids": [authored],
        "user_id": whom.get(method, room.people["author"]),
        "author_id": room.people["author"],
        "report_id": room.report_id,
        "reason": "because",
        "text": "some text",
        "emoji": ":wave:",
        "seq": 3,
        "epoch": "an epoch",
        "from_seq": 3,
    }
    if method == "CreateRoom":
        values = {}
    elif method == "SearchMessages":
        values |= {"query": "secret"}
    elif method == "SetMemberRole":
        values |= {"role": 2}
    elif method == "ResolveReport":
        values |= {"state": 2}
    elif method == "ListReactions":
        values.pop("emoji")
    return values
