"""The rows of the seed: a room with its share of users, artists, tracks, messages and reactions is one block.

A block refers to its own rows and to those of blocks with lower numbers, so a seed of a larger scale adds blocks to
one of a smaller scale. A room's changes are numbered as if it had all happened in this order: the room (rev 1), its
members, its messages by seq, its reactions.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections import Counter
from dataclasses import dataclass, field

from ops.dev_tokens import development_subject
from ops.seed import content
from ops.seed.content import minutes_after_start, numbered_id, time_text, uuid7
from search_text import normalize_text
from services.tracks.domain.metadata import search_text as track_search_text
from services.users.domain.name_skeleton import name_skeleton

USERS_PER_ROOM, ARTISTS_PER_ROOM, ROOMS_PER_USER = 20, 2, 10
_MOST_TRACKS = 20
_SMALL, _LARGE = 900, 9_900
_TEN = 10
_PRIVATE, _BIG = 5, 9
# Five roots and four replies to the first of them, in turn: even places after the first are replies.
_GROUP = 9
_TRACK_EVERY, _TRACK_AT = 50, 7
_REACTIONS, _REACTION_STEP = 3, 7
_MESSAGE_MS, _REACTION_MS, _JITTER_BITS = 61_000, 900, 10
_UNREAD_BITS = 7
# Nobody serves the claimed pages, so no worker is to look for them.
_NEVER = "2100-01-01 00:00:00+00:00"
_NULL = r"\N"

# Parents before children.
COLUMNS = {
    "users.users": "id email supabase_id display_name role created_at updated_at",
    "users.artist_profiles": "id user_id artist_name search_name name_skeleton bio verified verified_at website_url"
    " created_at updated_at",
    "users.verification_requests": "id user_id artist_profile_id target_url target_kind claim_code state attempt_count"
    " expires_at checked_at verified_at recheck_at created_at updated_at",
    "users.verification_attempts": "id request_id cause stage proof status_code host user_id created_at",
    "users.verification_transitions": "id request_id from_state to_state actor_kind actor_id created_at",
    "tracks.track_refs": "id provider provider_id url title artist artwork_url duration_seconds metadata_state"
    " created_at updated_at refreshed_at next_attempt_at attempts search_text listed_at",
    "tracks.track_resolvers": "user_id track_id created_at",
    "chat.rooms": "id name search_name description private created_by rev created_at updated_at",
    "chat.room_counters": "room_id last_seq last_rev member_count",
    "chat.room_memberships": "room_id user_id role joined_at last_read_seq rev",
    "chat.messages": "room_id seq rev id user_id type text search_text track_id track root_id root_seq private_room_id"
    " created_at",
    "chat.threads": "room_id root_id reply_count last_reply_seq last_reply_at",
    "chat.reactions": "room_id message_id user_id emoji created_at rev",
    "chat.reaction_tallies": "room_id message_id emoji count first_at",
}
"""The columns of each table that the seed fills; the others keep their defaults."""
Rows = dict[str, list[str]]
"""Lines in COPY's text format, by table."""


def empty_rows() -> Rows:
    """Return no rows of any table."""
    return {table: [] for table in COLUMNS}


def messages_of(room: int) -> int:
    """Return how many messages a room has: every tenth is a large one."""
    return _LARGE if room % _TEN == _BIG else _SMALL


def reactions_of(room: int) -> int:
    """Return how many reactions the messages of a room have: every second message has some."""
    return messages_of(room) // 2 * _REACTIONS


def is_private(room: int) -> bool:
    """Whether a room is private."""
    return room % _TEN == _PRIVATE


def user_id(user: int) -> str:
    """Return the id of a user."""
    return numbered_id("user", user, minutes_after_start(user))


def room_id(room: int) -> str:
    """Return the id of a room."""
    return numbered_id("room", room, _room_time(room))


def members(room: int) -> range:
    """Return the users in a room: those of its block, whose first owns it, and of the nine blocks before."""
    return range(max(room + 1 - ROOMS_PER_USER, 0) * USERS_PER_ROOM, (room + 1) * USERS_PER_ROOM)


def add_block(room: int, rows: Rows) -> None:
    """Append the rows of a block."""
    for user in range(room * USERS_PER_ROOM, (room + 1) * USERS_PER_ROOM):
        _add_user(user, rows)
    for artist in range(room * ARTISTS_PER_ROOM, (room + 1) * ARTISTS_PER_ROOM):
        _add_artist(artist, rows)
    _Room(room, rows).add()


def _room_time(room: int) -> int:
    return minutes_after_start((room + 1) * USERS_PER_ROOM)


def _line(*values: object) -> str:
    return "\t".join(_NULL if value is None else str(value) for value in values)


def _add_user(user: int, rows: Rows) -> None:
    email, at = content.user_email(user), time_text(minutes_after_start(user))
    rows["users.users"].append(
        _line(user_id(user), email, development_subject(email), content.user_name(user), "USER", at, at)
    )


def _add_artist(artist: int, rows: Rows) -> None:
    user = artist * USERS_PER_ROOM // ARTISTS_PER_ROOM
    created = minutes_after_start(user) + 1
    artist_id, owner, name = (
        numbered_id("artist", artist, created),
        user_id(user),
        content.artist_name(artist),
    )
    verified = artist % ROOMS_PER_USER < _PRIVATE + 1
    at = time_text(created)
    page = f"https://artist{artist}.{content.DOMAIN}/"
    rows["users.artist_profiles"].append(
        _line(
            *(artist_id, owner, name, normalize_text(name), name_skeleton(name)),
            *(f"Songs number {artist} and after.", verified, at if verified else None, page, at, at),
        )
    )
    if verified:
        _add_claim(artist, artist_id, owner, page, rows)


def _add_claim(artist: int, artist_id: str, owner: str, page: str, rows: Rows) -> None:
    """Append the verified claim of an artist's page, its one check, and the changes of its state."""
    source = random.Random(f"claim/{artist}")  # noqa: S311 - the same one every time
    created = minutes_after_start(artist * USERS_PER_ROOM // ARTISTS_PER_ROOM) + 1
    claim, at = uuid7(created, source), time_text(created)
    digest = hashlib.sha256(f"code/{artist}".encode()).digest()
    code = f"seda-verify-{base64.b32encode(digest).decode().lower()[:26]}"
    rows["users.verification_requests"].append(
        _line(claim, owner, artist_id, page, "WEBSITE", code, "VERIFIED", 1, _NEVER, at, at, _NEVER, at, at)
    )
    host = page.split("/")[2]
    rows["users.verification_attempts"].append(
        _line(uuid7(created, source), claim, "OWNER", "MATCH", "META_TAG", 200, host, owner, at)
    )
    for before, after in ((None, "PENDING"), ("PENDING", "CHECKING"), ("CHECKING", "VERIFIED")):
        rows["users.verification_transitions"].append(
            _line(uuid7(created, source), claim, before, after, "USER", owner, at)
        )


@dataclass(slots=True)
class _Track:
    id: str
    snapshot: str
    line: tuple[object, ...]
    listed: str | None = None


@dataclass(slots=True)
class _Room:
    """Appends a room and what is in it."""

    number: int
    rows: Rows
    id: str = field(init=False)
    members: list[str] = field(init=False)
    source: random.Random = field(init=False)
    last_rev: int = field(init=False)
    tracks: list[_Track] = field(init=False)

    def __post_init__(self) -> None:
        self.id = room_id(self.number)
        self.members = [user_id(user) for user in members(self.number)]
        self.source = random.Random(f"contents of room/{self.number}")  # noqa: S311 - the same one every time
        self.last_rev = 1 + len(self.members) + messages_of(self.number)
        self.tracks = [
            self._track(number)
            for number in range(min(messages_of(self.number) // _TRACK_EVERY, _MOST_TRACKS))
        ]

    def add(self) -> None:
        """Append everything. Reactions come last, as they go on counting the room's changes."""
        at, last_seq = time_text(_room_time(self.number)), messages_of(self.number)
        name, owner = content.room_name(self.number), self.number * USERS_PER_ROOM
        private = is_private(self.number)
        self.rows["chat.rooms"].append(
            _line(self.id, name, normalize_text(name), "", private, user_id(owner), 1, at, at)
        )
        for rev, user in enumerate(members(self.number), 2):
            role = "OWNER" if user == owner else "MODERATOR" if user == owner + 1 else "MEMBER"
            read = last_seq - self.source.getrandbits(_UNREAD_BITS)
            self.rows["chat.room_memberships"].append(_line(self.id, user_id(user), role, at, read, rev))
        self._add_messages(last_seq)
        for track in self.tracks:
            self.rows["tracks.track_refs"].append(_line(*track.line, track.listed))
        self.rows["chat.room_counters"].append(_line(self.id, last_seq, self.last_rev, len(self.members)))

    def _add_messages(self, last_seq: int) -> None:
        began, first_rev = _room_time(self.number), 1 + len(self.members)
        private = self.id if is_private(self.number) else _NULL
        getrandbits, count, append = (
            self.source.getrandbits,
            len(self.members),
            self.rows["chat.messages"].append,
        )
        root, root_seq, last_reply = "", 0, ""
        for seq in range(1, last_seq + 1):
            at = began + seq * _MESSAGE_MS + getrandbits(_JITTER_BITS)
            message, when, place = uuid7(at, self.source), time_text(at), (seq - 1) % _GROUP
            author = self.members[getrandbits(16) % count]
            if place == 0:
                root, root_seq = message, seq
            is_reply = place > 0 and place % 2 == 0
            thread = f"{root}\t{root_seq}" if is_reply else "\\N\t\\N"
            text, terms = content.message_text(self.source)
            kind, track = "TEXT", "\\N\t\\N"
            if seq % _TRACK_EVERY == _TRACK_AT:
                kind, track = "TRACK", self._post_track(seq // _TRACK_EVERY, author, when)
            append(
                f"{self.id}\t{seq}\t{first_rev + seq}\t{message}\t{author}\t{kind}\t{text}\t{terms}\t{track}"
                f"\t{thread}\t{private}\t{when}"
            )
            if is_reply and place == _GROUP - 1:
                last_reply = f"{self.id}\t{root}\t4\t{seq}\t{when}"
                self.rows["chat.threads"].append(last_reply)
            if seq % 2 == 0:
                self._add_reactions(message, at)

    def _add_reactions(self, message: str, at: int) -> None:
        """Append a few reactions of different members, and their sums."""
        bits, count = self.source.getrandbits(32), len(self.members)
        tallies: Counter[str] = Counter()
        first: dict[str, str] = {}
        for number in range(_REACTIONS):
            emoji = content.EMOJIS[(bits >> 16 + 4 * number & 0xF) % len(content.EMOJIS)]
            user = self.members[(bits + number * _REACTION_STEP) % count]
            when = time_text(at + (number + 1) * _REACTION_MS)
            self.last_rev += 1
            self.rows["chat.reactions"].append(
                f"{self.id}\t{message}\t{user}\t{emoji}\t{when}\t{self.last_rev}"
            )
            tallies[emoji] += 1
            first.setdefault(emoji, when)
        self.rows["chat.reaction_tallies"].extend(
            f"{self.id}\t{message}\t{emoji}\t{given}\t{first[emoji]}" for emoji, given in tallies.items()
        )

    def _post_track(self, number: int, author: str, when: str) -> str:
        """Return the values of a message's track. Its first post in a public room lists it for everybody."""
        track = self.tracks[number % len(self.tracks)]
        if is_private(self.number):
            resolver = f"{author}\t{track.id}\t{when}"
            if number < len(self.tracks):
                self.rows["tracks.track_resolvers"].append(resolver)
        elif track.listed is None:
            track.listed = when
        return f"{track.id}\t{track.snapshot}"

    def _track(self, number: int) -> _Track:
        key = self.number * _MOST_TRACKS + number
        created = _room_time(self.number)
        track_id, code = numbered_id("track", key, created), content.provider_track_id(key)
        shown = {
            "provider": "spotify",
            "provider_id": code,
            "url": f"https://open.spotify.com/track/{code}",
            "title": content.room_name(key),
            "artist": content.artist_name(self.number * ARTISTS_PER_ROOM),
            "artwork_url": f"https://covers.{content.DOMAIN}/{key}.jpg",
            "duration_seconds": 120 + key % 240,
        }
        at = time_text(created)
        found = track_search_text(str(shown["title"]), str(shown["artist"]))
        line = (track_id, *shown.values(), "COMPLETE", at, at, at, None, 0, found)
        return _Track(track_id, json.dumps(shown, ensure_ascii=False), line)
