"""Rules about artist profiles: which values they take, and who updates them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.errors import FieldViolation, InvalidFieldsError
from services.users.domain.errors import EtagMismatchError

_HTTPS = re.compile(r"https://([^/?#]*)")
# Two labels or more; the last one begins with a letter, unlike an IP address.
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_HOSTS = {
    "website_url": None,
    "spotify_url": frozenset({"open.spotify.com"}),
    "soundcloud_url": frozenset({"soundcloud.com", "www.soundcloud.com", "m.soundcloud.com"}),
}


class ArtistValues(NamedTuple):
    """What users set in their profile."""

    artist_name: str
    bio: str
    website_url: str | None
    spotify_url: str | None
    soundcloud_url: str | None


UPDATABLE_FIELDS = ArtistValues._fields


@dataclass(frozen=True, slots=True)
class ArtistUpdate:
    """New values of the fields named in `fields`. An empty `etag` matches any state."""

    artist_profile_id: UUID
    fields: frozenset[str]
    values: ArtistValues
    etag: str

    def apply(self, values: ArtistValues, etag: str) -> ArtistValues:
        """Return the updated values of a profile in the state of `etag`.

        Raises EtagMismatchError when they differ from the present ones and the caller has read another state: a
        repeat after a lost response finds the values in place.
        """
        updated = values._replace(**{field: getattr(self.values, field) for field in self.fields})
        if updated != values and self.etag not in {"", etag}:
            raise EtagMismatchError
        return updated


def replaced_urls(before: ArtistValues, after: ArtistValues) -> list[str]:
    """Return the URLs that a profile has no longer in the field where it had them."""
    fields = zip(
        (getattr(before, each) for each in _HOSTS), (getattr(after, each) for each in _HOSTS), strict=True
    )
    return [old for old, new in fields if old is not None and old != new]


def check_values(values: ArtistValues, fields: frozenset[str] = frozenset(UPDATABLE_FIELDS)) -> None:
    """Raise InvalidFieldsError unless the fields have valid values."""
    problems = {"artist_name": "" if values.artist_name else "must have a visible character"}
    for field, hosts in _HOSTS.items():
        url = getattr(values, field)
        problems[field] = _url_problem(url, hosts) if url is not None else ""
    violations = [
        FieldViolation(f"artist_profile.{field}", problem)
        for field, problem in problems.items()
        if problem and field in fields
    ]
    if violations:
        raise InvalidFieldsError(*violations)


def _url_problem(url: str, hosts: frozenset[str] | None) -> str:
    """Return why a URL is refused, "" for a valid one. It is shown to others, and never fetched."""
    authority = _HTTPS.match(url)
    if authority is None:
        return "must be an https URL"
    host = authority[1].lower()
    if hosts is not None and host not in hosts:
        return f"must be a URL of {' or '.join(sorted(hosts))}"
    # User information could look like the host.
    return "" if _HOST.fullmatch(host) else "must be a URL of a public host, without a port"
