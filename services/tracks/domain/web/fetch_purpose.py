"""What a fetch is for: decides which slots it may take."""

from __future__ import annotations

import enum
from typing import NamedTuple
from uuid import UUID

from services.tracks.domain.links.registry import is_provider_host


class Share(enum.StrEnum):
    """A share of the fetch slots. No share takes the slots of another."""

    LINKS = "LINKS"
    """Links that users resolve, at the hosts of providers."""
    UNKNOWN_HOSTS = "UNKNOWN_HOSTS"
    """Links that users resolve, at all other hosts: custom domains, and hosts that a redirect leads to."""
    VERIFICATION = "VERIFICATION"
    """Fetches for other services."""
    ENRICHMENT = "ENRICHMENT"
    """The background fetches of metadata."""


class FetchPurpose(NamedTuple):
    """The share of a fetch, and the user who caused it, if one did."""

    share: Share
    user_id: UUID | None = None

    def share_at(self, host: str) -> Share:
        """Return the share that a request to a host belongs to."""
        if self.share is Share.LINKS and not is_provider_host(host):
            return Share.UNKNOWN_HOSTS
        return self.share
