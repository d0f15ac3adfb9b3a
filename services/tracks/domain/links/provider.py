"""The description of a provider, which each provider module builds."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.link import Link
from services.tracks.domain.links.reference import TrackReference

_CODE = re.compile(r"[0-9A-Za-z_-]{1,64}")
_CODES = 3


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider: its hosts and the parsers of their links.

    Hosts are matched exactly, never by suffix. `short_hosts` are hosts of short links. `parent_host` has one subdomain
    per artist, exactly one label below it. `address_scheme` and `read_address` are the provider's URI scheme, such as
    `spotify:track:ID`.
    """

    name: str
    hosts: frozenset[str]
    read: Callable[[Link], TrackReference]
    short_hosts: frozenset[str] = frozenset()
    parent_host: str | None = None
    address_scheme: str | None = None
    read_address: Callable[[str], TrackReference] | None = None

    def read_short(self, link: Link) -> TrackReference:
        """Return the reference of a short link."""
        if not link.segments:
            raise UnsupportedResourceError(self.name)
        if len(link.segments) > _CODES or not all(_CODE.fullmatch(segment) for segment in link.segments):
            raise InvalidUrlError(f"not a short {self.name} link")
        return TrackReference(self.name, None, "", f"https://{link.host}/{'/'.join(link.segments)}")
