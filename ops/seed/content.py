"""Ids, times, names and texts of the seed, each a function of numbers alone."""

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime, timedelta

from services.chat.domain.message_search import search_text

DOMAIN = "seed.seda.fm"
"""The domain of the users' addresses; `seda token --email user7@seed.seda.fm` makes a token of user 7."""
EMOJIS = ("🔥", "❤️", "👏", "😂", "🎵", "🙌")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# When the first user signed in.
_START_MS = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1000
_ADJECTIVES = [
    "Velvet",
    "Neon",
    "Golden",
    "Silent",
    "Crimson",
    "Electric",
    "Lunar",
    "Midnight",
    "Paper",
    "Static",
    "Amber",
    "Copper",
    "Distant",
    "Frozen",
]
_NOUNS = [
    "Nova",
    "Echo",
    "Harbor",
    "Signal",
    "Tiger",
    "Garden",
    "Mirror",
    "River",
    "Engine",
    "Parade",
    "Lantern",
    "Orbit",
    "Canyon",
    "Weather",
    "Ocean",
]
_FIRST = [
    "Ana",
    "Ben",
    "Chloé",
    "Deniz",
    "Eero",
    "Fatou",
    "Goro",
    "Hana",
    "Ines",
    "Jonas",
    "Kofi",
    "Lena",
    "Mira",
    "Nils",
    "Olga",
    "Paul",
    "Quynh",
    "Rosa",
    "Søren",
    "Tara",
]
_GENRES = [
    "dub",
    "techno",
    "jazz",
    "folk",
    "soul",
    "ambient",
    "house",
    "punk",
    "garage",
    "disco",
    "grime",
    "bossa",
    "highlife",
    "shoegaze",
]
_PHRASES = (
    "the new record is out",
    "play it loud",
    "the second side is better than the first one",
    "which song would you open a set with?",
    "bring the old tape you promised",
    "we meet in the listening room at nine",
    "my neighbours say hello",
    "that bass line, again and again",
    "heard it at the café last night",
    "who has the b-side?",
    "I can't stop listening",
    "too slow for me, but the voice!",
    "live version from '98, please",
    "mixed on a four-track in a kitchen",
    "東京のレコード屋で見つけた",
    "está sonando todo el día",
)
_TEXTS = (*_PHRASES, *(f"{first}, {second}" for first in _PHRASES for second in _PHRASES))
# Each with its search text.
_MESSAGES = tuple((each, search_text(each) or "") for each in _TEXTS)


def minutes_after_start(minutes: int) -> int:
    """Return the time that many minutes after the start, in milliseconds of Unix time."""
    return _START_MS + minutes * 60_000


def time_text(at: int) -> str:
    """Return a time in milliseconds as PostgreSQL reads it."""
    return (_EPOCH + timedelta(milliseconds=at)).isoformat(" ")


def uuid7(at: int, source: random.Random) -> str:
    """Return a UUIDv7 of a time with random bits from the source."""
    bits = source.getrandbits(74)
    return (
        f"{at >> 16:08x}-{at & 0xFFFF:04x}-{0x7000 | bits & 0xFFF:04x}"
        f"-{0x8000 | bits >> 12 & 0x3FFF:04x}-{bits >> 26:012x}"
    )


def numbered_id(kind: str, number: int, at: int) -> str:
    """Return the UUIDv7 of a numbered row, such as "user" 7, that was made at a time."""
    return uuid7(at, random.Random(f"{kind}/{number}"))  # noqa: S311 - the same one every time


def user_email(user: int) -> str:
    """Return the address of a user."""
    return f"user{user}@{DOMAIN}"


def user_name(user: int) -> str:
    """Return the name that a user goes by."""
    return f"{_FIRST[user % len(_FIRST)]} {user}"


def artist_name(artist: int) -> str:
    """Return the name of an artist; no two are equal."""
    adjective = _ADJECTIVES[artist % len(_ADJECTIVES)]
    return f"{adjective} {_NOUNS[artist // len(_ADJECTIVES) % len(_NOUNS)]} {artist}"


def room_name(room: int) -> str:
    """Return the name of a room."""
    return f"{_ADJECTIVES[room % len(_ADJECTIVES)]} {_GENRES[room // 3 % len(_GENRES)]} {room}"


def message_text(source: random.Random) -> tuple[str, str]:
    """Return the text of a message and its search text."""
    return _MESSAGES[source.getrandbits(16) % len(_MESSAGES)]


def provider_track_id(track: int) -> str:
    """Return the 22 letters and digits by which Spotify would know a track."""
    return hashlib.sha256(f"track/{track}".encode()).hexdigest()[:22]
