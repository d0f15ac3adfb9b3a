"""Resolves links whose text does not name the track, such as short links, by following them."""

from __future__ import annotations

import asyncio
from uuid import UUID

from servicekit.errors import ServiceError
from services.tracks.actions.deps import Deps
from services.tracks.domain.errors import DeadLinkError, LinkUnreachableError, UnsupportedProviderError
from services.tracks.domain.fetch_outcome import FetchOutcome, classify
from services.tracks.domain.links.reference import TrackReference
from services.tracks.domain.links.registry import parse
from services.tracks.domain.provider_parsers.canonical import read_links
from services.tracks.domain.tracks import track_from_canonical_url, track_from_final_url
from services.tracks.domain.web.fetch_purpose import FetchPurpose, Share
from services.tracks.domain.web.fetch_response import CachedResponse

_RETRY_SECONDS = 60.0


async def resolve_link(deps: Deps, user_id: UUID, link: TrackReference, deadline: float) -> TrackReference:
    """Return the track that a user's link leads to. `deadline` is on the process's monotonic clock.

    Raises NotATrackError if it leads to something else, the errors of `parse` if it leads to no provider's page,
    DeadLinkError, LinkUnreachableError, and the errors of the fetcher.
    """
    fetched = await deps.fetcher.fetch(link.url, FetchPurpose(Share.LINKS, user_id), deadline=deadline)
    if fetched.final_url is not None and fetched.final_url != link.url:
        # Providers often refuse programs with an error status; the final URL is right all the same.
        found = track_from_final_url(fetched.final_url)
        if found is not None:
            return found
    if fetched.ok:
        stated = await asyncio.to_thread(read_links, fetched.content, fetched.content_type)
        found = track_from_canonical_url(link, stated)
        if found is not None:
            return found
    raise _resolution_error(link, fetched)


def _resolution_error(link: TrackReference, fetched: CachedResponse) -> ServiceError:
    error = _parse_error(link.url)
    if isinstance(error, UnsupportedProviderError):
        # A custom domain counts as unsupported until its page proves otherwise.
        return error
    outcome = classify(fetched)
    if outcome is FetchOutcome.TRANSIENT_FAILURE or (
        outcome is FetchOutcome.PERMANENT_FAILURE and fetched.failure is None
    ):
        return LinkUnreachableError(link.provider, fetched.retry_after or _RETRY_SECONDS)
    error = _parse_error(fetched.final_url) if fetched.final_url is not None else None
    return error or DeadLinkError(link.provider)


def _parse_error(url: str) -> ServiceError | None:
    """Return the error of parsing a URL as a link; None if it parses."""
    try:
        parse(url)
    except ServiceError as error:
        return error
    return None
