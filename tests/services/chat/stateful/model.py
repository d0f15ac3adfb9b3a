"""Chat as a plain model: what each act does and what it is refused for, without a database or a lock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

MEMBER, MODERATOR, OWNER = "MEMBER", "MODERATOR", "OWNER"
_RANKS = {MEMBER: 1, MODERATOR: 2, OWNER: 3}
MAX_DISTINCT = 20


class RefusedError(Exception):
    """The model refuses an act; says by which reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Message:
    """A message, with what it said before each edit."""

    id: str
    seq: int
    author: str
    text: str
    system: str = ""
    root: Message | None = None
    mentions: frozenset[str] = frozenset()
    deletion: str = ""
    edited: bool = False
    revisions: list[str] = field(default_factory=list)
    reactions: dict[str, set[str]] = field(default_factory=dict)

    @property
    def live(self) -> bool:
        """Whether it is not deleted."""
        return not self.deletion


@dataclass
class Room:
    """A room and everybody's place in it. `read` are the marks of those who are members."""

    id: str
    private: bool
    name: str = ""
    locked: bool = False
    announcement: bool = False
    slow: bool = False
    roles: dict[str, str] = field(default_factory=dict)
    read: dict[str, int] = field(default_factory=dict)
    stamped: set[str] = field(default_factory=set)
    former: set[str] = field(default_factory=set)
    invited: set[str] = field(default_factory=set)
    muted: set[str] = field(default_factory=set)
    banned: set[str] = field(default_factory=set)
    messages: list[Message] = field(default_factory=list)
    pins: set[str] = field(default_factory=set)
    log: list[tuple[str, str, str]] = field(default_factory=list)

    # What others are told

    def find(self, message_id: str) -> Message:
        """A message by its id."""
        for each in self.messages:
            if each.id == message_id:
                return each
        raise RefusedError("MESSAGE_NOT_FOUND")

    def replies(self, root: Message) -> list[Message]:
        """The live replies under a root."""
        return [each for each in self.messages if each.root is root and each.live]

    def unread(self, user: str) -> int:
        """Others' live roots after the read marker."""
        return sum(
            each.root is None and each.live and not each.system and each.author != user
            for each in self.messages[self.read[user] :]
        )

    def unread_mentions(self, user: str) -> int:
        """Others' live messages after the read marker that mention the user."""
        return sum(
            each.live and user in each.mentions and each.author != user
            for each in self.messages[self.read[user] :]
        )

    # Rules

    def _known(self, user: str) -> None:
        away = user not in self.roles and user not in self.invited
        if self.private and (user in self.banned or away):
            raise RefusedError("ROOM_NOT_FOUND")

    def _open(self, user: str) -> None:
        self._known(user)
        if self.private and user not in self.roles:
            raise RefusedError("ROOM_NOT_FOUND")

    def _member(self, user: str, *, unmuted: bool) -> None:
        if user in self.banned:
            raise RefusedError("BANNED")
        if user not in self.roles:
            raise RefusedError("NOT_A_MEMBER")
        if unmuted and user in self.muted:
            raise RefusedError("CALLER_MUTED")

    def _writer(self, user: str, *, unmuted: bool = True) -> None:
        self._known(user)
        self._member(user, unmuted=unmuted)

    def _least(self, user: str, role: str) -> None:
        if _RANKS[self.roles[user]] < _RANKS[role]:
            raise RefusedError("ROLE_REQUIRED")

    def _actor(self, user: str, role: str, *, unmuted: bool = False) -> None:
        self._open(user)
        self._member(user, unmuted=unmuted)
        self._least(user, role)

    def _outranks(self, user: str, target: str) -> None:
        if user == target or _RANKS.get(self.roles.get(target, ""), 0) >= _RANKS[self.roles[user]]:
            raise RefusedError("TARGET_PROTECTED")

    def _unlocked(self) -> None:
        if self.locked:
            raise RefusedError("ROOM_LOCKED")

    def _posts(self, user: str) -> None:
        if self.announcement and self.roles[user] == MEMBER:
            raise RefusedError("ANNOUNCEMENT_ROOM")

    # Messages

    def send(
        self, user: str, message_id: str, text: str, parent: str | None, mentions: Iterable[str]
    ) -> Message:
        """Write a message, or refuse to."""
        self._writer(user)
        self._unlocked()
        self._posts(user)
        root = None
        if parent is not None:
            answered = self.find(parent)
            root = answered.root or answered
            if not answered.live or not root.live:
                raise RefusedError("PARENT_DELETED")
        if not self.roles.keys() >= set(mentions):
            raise RefusedError("MENTION_NOT_A_MEMBER")
        if self.slow and self.roles[user] == MEMBER and user in self.stamped:
            raise RefusedError("SLOW_MODE")
        if self.slow:
            self.stamped.add(user)
        made = Message(
            message_id, len(self.messages) + 1, user, text, root=root, mentions=frozenset(mentions)
        )
        self.messages.append(made)
        return made

    def tell(self, user: str, event: str) -> None:
        """The service's own message about what somebody did."""
        self.messages.append(Message("", len(self.messages) + 1, user, "", system=event))

    def edit(self, user: str, message_id: str, text: str) -> None:
        """Change what a message says."""
        self._writer(user)
        self._unlocked()
        self._posts(user)
        message = self.find(message_id)
        if message.author != user:
            raise RefusedError("NOT_THE_AUTHOR")
        if message.system:
            raise RefusedError("SYSTEM_MESSAGE")
        if not message.live:
            raise RefusedError("MESSAGE_DELETED")
        if text != message.text:
            message.revisions.append(message.text)
            message.text, message.edited = text, True

    def delete(self, user: str, message_id: str) -> None:
        """Delete a message."""
        self._writer(user, unmuted=False)
        message = self.find(message_id)
        if message.author != user:
            self._least(user, MODERATOR)
        if message.system:
            raise RefusedError("SYSTEM_MESSAGE")
        if message.live:
            message.deletion = "AUTHOR" if message.author == user else "MODERATOR"
            self.pins.discard(message_id)
            if message.deletion == "MODERATOR":
                self.log.append(("DELETE_MESSAGE", user, message.author))

    def restore(self, user: str, message_id: str) -> None:
        """Bring a deleted message back."""
        self._writer(user, unmuted=False)
        self._least(user, MODERATOR)
        message = self.find(message_id)
        if not message.live:
            message.deletion = ""
            self.log.append(("RESTORE_MESSAGE", user, message.author))

    def react(self, user: str, message_id: str, emoji: str) -> None:
        """Give a message an emoji."""
        message = self._reacted(user, message_id)
        if emoji not in message.reactions and len(message.reactions) >= MAX_DISTINCT:
            raise RefusedError("REACTION_LIMIT")
        message.reactions.setdefault(emoji, set()).add(user)

    def unreact(self, user: str, message_id: str, emoji: str) -> None:
        """Take an emoji back; one that nobody gives any more is given first by whoever comes next."""
        message = self._reacted(user, message_id)
        users = message.reactions.get(emoji, set())
        users.discard(user)
        if not users:
            message.reactions.pop(emoji, None)

    def _reacted(self, user: str, message_id: str) -> Message:
        self._writer(user)
        self._unlocked()
        message = self.find(message_id)
        if not message.live:
            raise RefusedError("MESSAGE_DELETED")
        return message

    def pin(self, user: str, message_id: str, *, on: bool) -> None:
        """Pin or unpin a message."""
        self._writer(user)
        self._least(user, MODERATOR)
        message = self.find(message_id)
        if on and not message.live:
            raise RefusedError("MESSAGE_DELETED")
        if (message_id in self.pins) is on:
            return
        if on:
            self.pins.add(message_id)
            self.tell(user, "PINNED")
        else:
            self.pins.remove(message_id)
        self.log.append(("PIN_MESSAGE" if on else "UNPIN_MESSAGE", user, message.author))

    def mark(self, user: str, seq: int, *, back: bool) -> None:
        """Move a read marker: forward only, or anywhere with `back`."""
        self._open(user)
        if user not in self.roles:
            raise RefusedError("NOT_A_MEMBER")
        seq = min(seq, len(self.messages))
        self.read[user] = seq if back else max(seq, self.read[user])

    # People

    def join(self, user: str) -> None:
        """Become a member."""
        self._known(user)
        if user in self.banned:
            raise RefusedError("BANNED")
        if user not in self.roles:
            self.roles[user] = MEMBER
            self.read[user] = len(self.messages)
            self.invited.discard(user)
            self.tell(user, "JOINED")

    def leave(self, user: str) -> None:
        """Cease to be a member."""
        if user in self.roles:
            if [each for each, role in self.roles.items() if role == OWNER] == [user]:
                raise RefusedError("LAST_OWNER")
            self._remove(user)

    def _remove(self, user: str) -> None:
        if self.roles.pop(user, None):
            self.former.add(user)
        self.read.pop(user, None)
        self.invited.discard(user)

    def invite(self, user: str, target: str) -> None:
        """Invite somebody."""
        self._actor(user, MODERATOR, unmuted=True)
        if target in self.roles:
            return
        if target in self.banned:
            raise RefusedError("TARGET_BANNED")
        if target not in self.invited:
            self.invited.add(target)
            self.log.append(("INVITE_USER", user, target))

    def set_role(self, user: str, target: str, role: str) -> None:
        """Promote or demote a member."""
        self._actor(user, OWNER, unmuted=True)
        if target not in self.roles:
            raise RefusedError("MEMBER_NOT_FOUND")
        if self.roles[target] != role:
            self._outranks(user, target)
            self.roles[target] = role
            self.log.append(("SET_ROLE", user, target))

    # Moderation

    def _sanctionable(self, target: str) -> None:
        if target not in {*self.roles, *self.former, *self.invited, *self.muted, *self.banned}:
            raise RefusedError("MEMBER_NOT_FOUND")

    def mute(self, user: str, target: str, *, on: bool) -> None:
        """Mute or unmute somebody."""
        self._actor(user, MODERATOR)
        self._outranks(user, target)
        if on:
            self._sanctionable(target)
            self.muted.add(target)
        elif target not in self.muted:
            return
        else:
            self.muted.remove(target)
        self.log.append(("MUTE_MEMBER" if on else "UNMUTE_MEMBER", user, target))

    def ban(self, user: str, target: str, *, on: bool) -> None:
        """Ban somebody, or let them come back."""
        self._actor(user, MODERATOR)
        self._outranks(user, target)
        if on:
            self._sanctionable(target)
            self._remove(target)
            self.banned.add(target)
        elif target not in self.banned:
            return
        else:
            self.banned.remove(target)
        self.log.append(("BAN_MEMBER" if on else "UNBAN_MEMBER", user, target))

    def kick(self, user: str, target: str) -> None:
        """End somebody's membership."""
        self._actor(user, MODERATOR)
        self._outranks(user, target)
        if target in self.roles:
            self._remove(target)
            self.log.append(("KICK_MEMBER", user, target))

    def lock(self, user: str, *, on: bool) -> None:
        """Lock or unlock the room."""
        self._actor(user, MODERATOR)
        if self.locked is not on:
            self.locked = on
            self.tell(user, "LOCKED" if on else "UNLOCKED")
            self.log.append(("LOCK_ROOM" if on else "UNLOCK_ROOM", user, ""))

    def update(self, user: str, *, name: str, announcement: bool, slow: bool) -> None:
        """Change the room's own fields."""
        self._actor(user, MODERATOR, unmuted=True)
        renamed = name != self.name
        if (name, announcement, slow) == (self.name, self.announcement, self.slow):
            return
        self.name, self.announcement, self.slow = name, announcement, slow
        if renamed:
            self.tell(user, "RENAMED")
        self.log.append(("UPDATE_ROOM", user, ""))
