"""Conversion of the original's rows: each becomes a valid row here, or a Misfit."""

from __future__ import annotations

import json
import random
import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from ops.import_prisma.report import Misfit
from ops.seed.content import uuid7
from servicekit.errors import ServiceError
from servicekit.ids import parse_id
from servicekit.text import TextError, clean_text
from services.chat.domain.reactions import require_emoji
from services.tracks.domain.links.reference import Kind, TrackReference
from services.tracks.domain.links.registry import parse
from services.users.domain.artists import ArtistValues, check_values
from services.users.domain.identity import normalize_email, validate_subject

Row = Mapping[str, Any]
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ROLES = {"ADMIN": "ADMIN", "MODERATOR": "MODERATOR"}
MAX_TEXT, MAX_NAME, MAX_DESCRIPTION, MAX_ARTIST_NAME, MAX_BIO, MAX_TRACK_FIELD = (
    4_000,
    80,
    500,
    100,
    2_000,
    500,
)
MAX_REASON = 512
REQUEST_ID = "seda-import"
"""The request id of what an import writes into audit logs."""
_LONGEST_TRACK_SECONDS = 604_800
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)
_ARTWORK = re.compile(r"https://\S{1,2000}")
# Of the providers whose ids name a track without more.
_LINKS = {
    "spotify": "https://open.spotify.com/track/{}",
    "youtube": "https://www.youtube.com/watch?v={}",
    "apple": "https://music.apple.com/us/song/{}",
    "soundcloud": "https://soundcloud.com/{}",
    "tidal": "https://tidal.com/track/{}",
    "deezer": "https://www.deezer.com/track/{}",
}


class Track(NamedTuple):
    """A posted track in its one identity: `provider` and `provider_id`."""

    id: UUID
    provider: str
    provider_id: str
    url: str
    title: str | None
    artist: str | None
    artwork_url: str | None
    duration_seconds: int | None
    created_at: datetime | None

    @property
    def identity(self) -> tuple[str, str]:
        """What is unique of a track."""
        return self.provider, self.provider_id

    @property
    def snapshot(self) -> str:
        """The value of a message's column."""
        values = {
            **self._asdict(),
            **{name: getattr(self, name) or "" for name in ("title", "artist", "artwork_url")},
        }
        del values["id"], values["created_at"]
        if self.duration_seconds is None:
            del values["duration_seconds"]
        return json.dumps(values)


def row_id(text: str | None) -> UUID:
    """Return an id. Raises Misfit."""
    if text is None or not _UUID.fullmatch(text):
        raise Misfit("ID_INVALID")
    return parse_id(text)


def optional_id(text: str | None) -> UUID | None:
    """Return an id, None if it is none."""
    return parse_id(text) if text is not None and _UUID.fullmatch(text) else None


def utc(at: datetime) -> datetime:
    """Return a time of the original, whose columns have no zone and hold UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def identity(row: Row) -> tuple[str, str]:
    """Return the e-mail address and the subject of a user. Raises Misfit."""
    try:
        email = normalize_email(row["email"])
    except ServiceError:
        raise Misfit("EMAIL_INVALID") from None
    try:
        return email, validate_subject(row["supabase_id"])
    except ServiceError:
        raise Misfit("SUBJECT_INVALID") from None


def platform_role(role: str) -> str:
    """Return the role on the platform; artists are users with a profile."""
    return _ROLES.get(role, "USER")


def line(text: str, longest: int, reason: str) -> str:
    """Return a name in one line. Raises Misfit `reason`."""
    try:
        cleaned = clean_text(text[: longest * 4], single_line=True).strip()
    except TextError:
        raise Misfit(reason) from None
    if not 0 < len(cleaned) <= longest or len(text) > longest * 4:
        raise Misfit(reason)
    return cleaned


def prose(text: str | None, longest: int) -> str:
    """Return a longer text, cut where it is too long; "" for one with control characters."""
    try:
        return clean_text((text or "")[:longest])[:longest]
    except TextError:
        return ""


def artist_values(row: Row) -> ArtistValues:
    """Return the values of a profile, without what can't stay in it. Raises Misfit."""
    name = line(row["artist_name"], MAX_ARTIST_NAME, "ARTIST_NAME_INVALID")
    values = ArtistValues(name, prose(row["bio"], MAX_BIO), None, None, None)
    for field in ("website_url", "spotify_url", "soundcloud_url"):
        candidate = values._replace(**{field: row[field]})
        try:
            check_values(candidate, frozenset((field,)))
        except ServiceError:
            continue
        values = candidate
    return values


def message_text(text: str | None) -> str | None:
    """Return what a message says, None for nothing. Raises Misfit."""
    if text is None or not text.strip():
        return None
    if len(text) > MAX_TEXT * 4:
        raise Misfit("TEXT_TOO_LONG")
    try:
        cleaned = clean_text(text)
    except TextError:
        raise Misfit("TEXT_INVALID") from None
    if len(cleaned) > MAX_TEXT:
        raise Misfit("TEXT_TOO_LONG")
    return cleaned


def posted_track(text: str | None, at: datetime) -> Track | None:
    """Return the track of a message's JSON, None if there is none that we know."""
    try:
        found = dict(json.loads(text or "null"))
        reference = track_reference(
            found.get("url"), found.get("provider"), found.get("providerId", found.get("provider_id"))
        )
    except (Misfit, ValueError, TypeError):
        return None
    # The same id however often the import begins again.
    source = random.Random(f"imported track/{reference.provider}/{reference.provider_id}")  # noqa: S311 - no secret
    return _track(UUID(uuid7(int(at.timestamp() * 1000), source)), reference, found, at)


def catalog_track(row: Row) -> Track:
    """Return the track of a row of track_refs. Raises Misfit."""
    reference = track_reference(row["url"], row["provider"], row["provider_id"])
    created = utc(row["created_at"]) if row["created_at"] else None
    return _track(row_id(row["id"]), reference, row, created)


def track_changes(row: Row, track: Track) -> list[str]:
    """Return what of a row of track_refs is not in the track."""
    found = {
        "PROVIDER": (row["provider"].lower(), track.provider),
        "PROVIDER_ID": (row["provider_id"], track.provider_id),
        "TITLE": (row["title"], track.title),
        "ARTIST": (row["artist"], track.artist),
        "ARTWORK": (row["artwork"], track.artwork_url),
        "DURATION": (row["duration"], track.duration_seconds),
    }
    changed = [f"{name}_CHANGED" for name, (before, after) in found.items() if before != after]
    return [*changed, "TIME_UNKNOWN"] if row["created_at"] is None else changed


def track_reference(url: object, provider: object, provider_id: object) -> TrackReference:
    """Return the track at a URL, or else the one that a provider's id names. Raises Misfit."""
    by_id = _LINKS.get(str(provider).lower(), "").format(provider_id)
    for link in (url, by_id):
        try:
            reference = parse(str(link))
        except ServiceError:
            continue
        if reference.kind is Kind.TRACK:
            return reference
    raise Misfit("TRACK_INVALID")


def _track(track_id: UUID, reference: TrackReference, found: Row, at: datetime | None) -> Track:
    artwork, duration = found.get("artwork"), found.get("duration")
    valid_artwork = isinstance(artwork, str) and artwork.isascii() and _ARTWORK.fullmatch(artwork)
    return Track(
        track_id,
        reference.provider,
        reference.provider_id,
        reference.url,
        _track_field(found.get("title")),
        _track_field(found.get("artist")),
        artwork if valid_artwork else None,
        duration if type(duration) is int and 1 <= duration <= _LONGEST_TRACK_SECONDS else None,
        at,
    )


def _track_field(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    try:
        return clean_text(value[:MAX_TRACK_FIELD], single_line=True).strip()[:MAX_TRACK_FIELD] or None
    except TextError:
        return None


def emoji(text: str) -> str:
    """Return the stored spelling of a reaction. Raises Misfit."""
    try:
        return require_emoji(unicodedata.normalize("NFC", text[:64]))
    except ServiceError:
        raise Misfit("EMOJI_INVALID") from None


def in_time(rows: Iterable[Row]) -> list[Row]:
    """Return rows by time and id. Those without a time are by id alone."""
    return sorted(rows, key=lambda row: (utc(row["created_at"] or _BEGINNING), row["id"]))


def action(text: str, longest: int) -> str:
    """Return the name of an action as audit logs here have it: setRole and set-role become SET_ROLE. Raises Misfit."""
    name = re.sub(r"[\s.:-]+|(?<=[a-z0-9])(?=[A-Z])", "_", text.strip()).upper()
    if not re.fullmatch(rf"[A-Z][A-Z_]{{0,{longest - 1}}}", name):
        raise Misfit("ACTION_INVALID")
    return name


def audit_reason(text: str | None) -> tuple[str, bool]:
    """Return the words of an entry of an audit log, and whether they are not all of the text.

    Of JSON with nothing but a reason it is the reason, of other JSON the JSON.
    """
    words = text or ""
    try:
        found = json.loads(words)
    except ValueError:
        found = None
    if isinstance(found, dict) and list(found) == ["reason"]:
        found = found["reason"]
    if isinstance(found, str):
        words = found
    words = words.replace("\r\n", "\n").strip()
    reason = prose(words, MAX_REASON).strip()
    return reason, reason != unicodedata.normalize("NFC", words)
