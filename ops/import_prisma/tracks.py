"""The original's tracks: of its catalog and of its messages, in one identity each."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from ops.import_prisma.report import Report, Row, RowRejectedError
from ops.import_prisma.rules import in_time, row_id, utc
from ops.seed.content import uuid7
from servicekit.errors import ServiceError
from servicekit.text import TextError, clean_text
from services.tracks.domain.links.reference import Kind, TrackReference
from services.tracks.domain.links.registry import parse

_LONGEST_TRACK_SECONDS = 604_800
_MAX_FIELD, _MAX_LINK = 500, 4_096
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


def convert_tracks(rows: Iterable[Row], report: Report) -> list[Track]:
    """Return the tracks of the catalog; of rows for one track the first."""
    tracks: dict[tuple[str, str], Track] = {}
    for track in report.accepted(
        "track_refs", in_time(rows), lambda row: _catalog_track(row, tracks, report)
    ):
        tracks[track.identity] = track
    return list(tracks.values())


def posted_track(text: str | None, at: datetime) -> Track | None:
    """Return the track of a message's JSON, None if there is none that we know."""
    try:
        found = dict(json.loads(text or "null"))
        reference = _reference(
            found.get("url"), found.get("provider"), found.get("providerId", found.get("provider_id"))
        )
    except (RowRejectedError, ValueError, TypeError, RecursionError):
        return None
    # The same id however often the import begins again.
    source = random.Random(f"imported track/{reference.provider}/{reference.provider_id}")  # noqa: S311 - no secret
    return _track(UUID(uuid7(int(at.timestamp() * 1000), source)), reference, found, at)


def _catalog_track(row: Row, tracks: Collection[tuple[str, str]], report: Report) -> Track:
    reference = _reference(row["url"], row["provider"], row["provider_id"])
    created = utc(row["created_at"]) if row["created_at"] else None
    track = _track(row_id(row["id"]), reference, row, created)
    if track.identity in tracks:
        raise RowRejectedError("DUPLICATE")
    report.change(
        "track_refs",
        track.id,
        PROVIDER_CHANGED=row["provider"].lower() != track.provider,
        PROVIDER_ID_CHANGED=row["provider_id"] != track.provider_id,
        TITLE_CHANGED=row["title"] != track.title,
        ARTIST_CHANGED=row["artist"] != track.artist,
        ARTWORK_CHANGED=row["artwork"] != track.artwork_url,
        DURATION_CHANGED=row["duration"] != track.duration_seconds,
        TIME_UNKNOWN=row["created_at"] is None,
    )
    return track


def _reference(url: object, provider: object, provider_id: object) -> TrackReference:
    # The URL is what people follow; the id alone names the track, too.
    by_id = _LINKS.get(str(provider).lower(), "").format(provider_id)
    for link in (url, by_id):
        try:
            reference = parse(str(link)[:_MAX_LINK])
        except ServiceError:
            continue
        if reference.kind is Kind.TRACK:
            return reference
    raise RowRejectedError("TRACK_INVALID")


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
        return clean_text(value[:_MAX_FIELD], single_line=True).strip()[:_MAX_FIELD] or None
    except TextError:
        return None
