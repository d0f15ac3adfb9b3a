"""Following links that say nothing by themselves."""

from __future__ import annotations

import asyncio

from servicekit.errors import ServiceError
from services.tracks.actions.deps import Deps
from services.tracks.domain.errors import DeadLinkError, LinkUnreachableError, UnsupportedProviderError
from services.tracks.domain.fetch_outcome import FetchOutcome, classify
from services.tracks.domain.links.reference import TrackReference
from services.tracks.domain.links.registry import parse
from services.tracks.domain.provider_parsers.canonical import read_links
from services.tracks.domain.tracks import track_from_canonical_url, track_from_final_url
from services.tracks.domain.web.fetch_response import CachedResponse

_RETRY_SECONDS = 60.0


async def resolve_link(deps: Deps, link: TrackReference, deadline: float) -> TrackReference:
    """The track that a link leads to. `deadline` is on the process's monotonic clock.

    Raises NotATrackError when it leads to something else, the errors of `parse` when it leads to no provider's
    page, DeadLinkError, LinkUnreachableError, and the errors of the fetcher.
    """
    fetched = await deps.fetcher.fetch(link.url, deadline=deadline)
    if fetched.final_url is not None and fetched.final_url != link.url:
        # Providers often answer a program with an error. The address is right all the same.
        found = track_from_final_url(fetched.final_url)
        if found is not None:
            return found
    if fetched.ok:
        stated = await asyncio.to_thread(read_links, fetched.content, fetched.content_type)
        found = track_from_canonical_url(link, stated)
        if found is not None:
            return found
    raise _why_not(link, fetched)


def _why_not(link: TrackReference, fetched: CachedResponse) -> ServiceError:
    fault = _fault(link.url)
    if isinstance(fault, UnsupportedProviderError):
        # The host is nobody's unless its page proves otherwise, whatever kept it from that.
        return fault
    result = classify(fetched)
    if result is FetchOutcome.TRANSIENT_FAILURE or (
        result is FetchOutcome.PERMANENT_FAILURE and fetched.failure is None
    ):
        return LinkUnreachableError(link.provider, fetched.retry_after or _RETRY_SECONDS)
    fault = _fault(fetched.final_url) if fetched.final_url is not None else None
    return fault or DeadLinkError(link.provider)


def _fault(url: str) -> ServiceError | None:
    """What is wrong with an address as that of a track."""
    try:
        parse(url)
    except ServiceError as error:
        return error
    return None
