"""A room of the original with its numbers here: members, messages by time, replies under their roots, reactions, log.

Its changes are numbered as if it had all happened in this order: the room (rev 1), its log of moderation, its members, its
messages by time, its reactions. Without a time of their own, memberships and log entries get the room's, reactions their message's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from ops.import_prisma import rules
from ops.import_prisma.report import Report, Row, RowRejectedError
from ops.import_prisma.tracks import Track, posted_track
from services.chat.domain.message_search import search_text
from services.chat.domain.model import ModerationAction
from services.chat.domain.reactions import MAX_DISTINCT

if TYPE_CHECKING:
    from datetime import datetime


_MAX_ACTION = 32
_KNOWN_ACTIONS = frozenset(map(str, ModerationAction))


class Member(NamedTuple):
    """A membership."""

    user_id: UUID
    role: str
    joined_at: datetime
    rev: int


class Message(NamedTuple):
    """A message. Those that were deleted were deleted by moderators, as only they could."""

    seq: int
    rev: int
    id: UUID
    user_id: UUID
    text: str | None
    search_text: str | None
    track: Track | None
    root_id: UUID | None
    root_seq: int | None
    reply_to_id: UUID | None
    created_at: datetime
    deleted_at: datetime | None


class Reaction(NamedTuple):
    """A reaction."""

    message_id: UUID
    user_id: UUID
    emoji: str
    created_at: datetime
    rev: int


class LogEntry(NamedTuple):
    """An entry of the log of moderation."""

    id: UUID
    rev: int
    actor_id: UUID
    actor_role: str
    as_admin: bool
    action: str
    reason: str | None
    request_id: str
    created_at: datetime


class Parts(NamedTuple):
    """The original's rows of a room, messages in the order of time and id."""

    memberships: Sequence[Row]
    messages: Sequence[Row]
    reactions: Sequence[Row]
    logs: Sequence[Row]


@dataclass(slots=True)
class Room:
    """A room and everything in it, ready to be written."""

    id: UUID
    name: str
    description: str
    private: bool
    owner: UUID
    created_at: datetime
    logs: list[LogEntry] = field(default_factory=list)
    members: list[Member] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    reactions: list[Reaction] = field(default_factory=list)
    last_rev: int = 1

    def next_rev(self) -> int:
        """Count one more change."""
        self.last_rev += 1
        return self.last_rev


def convert(row: Row, parts: Parts, known: Mapping[UUID, str], report: Report) -> Room | None:
    """Return a room, or None when it or its owner does not fit; then nothing in it does.

    `known` are the users who were taken over, with their roles on the platform.
    """
    try:
        room = _room(row, parts, known, report)
    except RowRejectedError as error:
        report.skip("rooms", row["id"], error.reason)
        for table, rows in zip(
            ("room_memberships", "messages", "reactions", "moderation_logs"), parts, strict=True
        ):
            for each in rows:
                report.skip(table, each["id"], "ROOM_SKIPPED")
        return None
    _add_messages(room, parts.messages, known, report)
    _add_reactions(room, parts.reactions, known, report)
    return room


def _room(row: Row, parts: Parts, known: Mapping[UUID, str], report: Report) -> Room:
    room_id = rules.row_id(row["id"])
    name = rules.line(row["name"], rules.MAX_NAME, "ROOM_NAME_INVALID")
    description = rules.prose(row["description"], rules.MAX_DESCRIPTION)
    created = rules.utc(row["created_at"])
    joined: dict[UUID, tuple[bool, datetime]] = {}
    outcomes: list[tuple[str, str]] = []
    for each in parts.memberships:
        user = rules.optional_id(each["user_id"])
        if user is None or user not in known:
            outcomes.append((each["id"], "USER_UNKNOWN"))
            continue
        moderates, at = joined.get(user, (False, rules.utc(each["created_at"] or created)))
        if user in joined:
            outcomes.append((each["id"], "DUPLICATE"))
        joined[user] = moderates or each["is_mod"], at
    owner = rules.optional_id(row["created_by"])
    if owner is None or owner not in known:
        # The original has no later owner: the first moderator, else member.
        owner = min(joined, key=lambda user: (not joined[user][0], user), default=None)
        if owner is None:
            raise RowRejectedError("OWNER_UNKNOWN")
    report.change(
        "rooms",
        row["id"],
        OWNER_REPLACED=row["created_by"] != str(owner),
        NAME_CHANGED=len(row["name"].strip()) > rules.MAX_NAME,
        DESCRIPTION_CHANGED=description != (row["description"] or ""),
    )
    for membership, reason in outcomes:
        report.skip("room_memberships", membership, reason)
    room = Room(room_id, name, description, row["is_private"], owner, created)
    _add_logs(room, parts.logs, known, report)
    room.members.append(Member(owner, "OWNER", joined.get(owner, (True, created))[1], room.next_rev()))
    room.members += [
        Member(user, "MODERATOR" if moderates else "MEMBER", at, room.next_rev())
        for user, (moderates, at) in joined.items()
        if user != owner
    ]
    return room


def _add_logs(room: Room, rows: Sequence[Row], known: Mapping[UUID, str], report: Report) -> None:
    room.logs += report.accepted(
        "moderation_logs", rules.in_time(rows), lambda row: _log_entry(room, row, known, report)
    )


def _log_entry(room: Room, row: Row, known: Mapping[UUID, str], report: Report) -> LogEntry:
    entry, actor = rules.row_id(row["id"]), rules.optional_id(row["moderator_id"])
    action = rules.action(row["action"], _MAX_ACTION)
    if actor is None or actor not in known:
        raise RowRejectedError("USER_UNKNOWN")
    reason, changed = rules.audit_reason(row["reason"])
    report.change(
        "moderation_logs",
        entry,
        ACTION_UNKNOWN=action not in _KNOWN_ACTIONS,
        REASON_CHANGED=changed,
        TIME_UNKNOWN=row["created_at"] is None,
    )
    # Who moderated was a moderator then, whatever they are now.
    role = "OWNER" if actor == room.owner else "ADMIN" if known[actor] == "ADMIN" else "MODERATOR"
    at = rules.utc(row["created_at"]) if row["created_at"] else room.created_at
    return LogEntry(
        entry, room.next_rev(), actor, role, role == "ADMIN", action, reason or None, rules.REQUEST_ID, at
    )


def _add_messages(room: Room, rows: Sequence[Row], known: Collection[UUID], report: Report) -> None:
    taken: dict[UUID, Message] = {}
    for message in report.accepted("messages", rows, lambda row: _message(room, row, taken, known, report)):
        taken[message.id] = message
        room.messages.append(message)


def _message(
    room: Room, row: Row, taken: dict[UUID, Message], known: Collection[UUID], report: Report
) -> Message:
    message_id, author = rules.row_id(row["id"]), rules.optional_id(row["user_id"])
    if message_id in taken:
        raise RowRejectedError("DUPLICATE")
    if row["type"] == "SYSTEM":
        raise RowRejectedError("SYSTEM_MESSAGE")
    if author is None or author not in known:
        raise RowRejectedError("USER_UNKNOWN")
    created = rules.utc(row["created_at"])
    text, track = rules.message_text(row["text"]), posted_track(row["track_ref"], created)
    if text is None and track is None:
        raise RowRejectedError("TRACK_INVALID" if row["track_ref"] else "EMPTY")
    if track is None and row["track_ref"]:
        report.change("messages", row["id"], "TRACK_DROPPED")
    parent = taken.get(rules.optional_id(row["parent_id"]) or message_id)
    if parent is None and row["parent_id"] is not None:
        report.change("messages", row["id"], "PARENT_UNKNOWN")
    is_reply_to_reply = parent is not None and parent.root_id is not None
    seq = len(room.messages) + 1
    return Message(
        seq=seq,
        rev=room.next_rev(),
        id=message_id,
        user_id=author,
        text=text,
        search_text=search_text(text),
        track=track,
        root_id=(parent.root_id or parent.id) if parent else None,
        root_seq=(parent.root_seq or parent.seq) if parent else None,
        reply_to_id=parent.id if parent and is_reply_to_reply else None,
        created_at=created,
        deleted_at=rules.utc(row["deleted_at"]) if row["deleted_at"] else None,
    )


def _add_reactions(room: Room, rows: Sequence[Row], known: Collection[UUID], report: Report) -> None:
    times = {message.id: message.created_at for message in room.messages}
    # Who gave which emoji to which message.
    given = defaultdict[UUID, dict[str, set[UUID]]](dict)

    def convert_reaction(row: Row) -> Reaction:
        message, user = rules.optional_id(row["message_id"]), rules.optional_id(row["user_id"])
        if message is None or message not in times:
            raise RowRejectedError("MESSAGE_SKIPPED")
        if user is None or user not in known:
            raise RowRejectedError("USER_UNKNOWN")
        emoji, shown = rules.emoji(row["emoji"]), given[message]
        if user in shown.get(emoji, ()):
            raise RowRejectedError("DUPLICATE")
        if emoji not in shown and len(shown) >= MAX_DISTINCT:
            raise RowRejectedError("TOO_MANY_EMOJIS")
        shown.setdefault(emoji, set()).add(user)
        at = rules.utc(row["created_at"] or times[message])
        return Reaction(message, user, emoji, at, room.next_rev())

    room.reactions += report.accepted("reactions", rows, convert_reaction)
