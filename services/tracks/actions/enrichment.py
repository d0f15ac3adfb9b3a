"""One enrichment attempt: fetches a track's metadata from its provider."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass

import structlog

from servicekit.database import Database
from servicekit.errors import ServiceError
from services.tracks.actions.deps import Fetcher
from services.tracks.domain.enrichment import MAX_ATTEMPTS, EnrichmentResult, merge, next_attempt
from services.tracks.domain.fetch_outcome import FetchOutcome, classify
from services.tracks.domain.metadata import MetadataState
from services.tracks.domain.provider_parsers.provider_metadata import ParseError
from services.tracks.domain.sources import Endpoints, Source, sources
from services.tracks.domain.web.fetch_purpose import FetchPurpose, Share
from services.tracks.store import enrichment, tracks
from services.tracks.store.enrichment import ClaimedTrackRow

_log = structlog.get_logger("enrichment")
SOURCES_TIMEOUT_SECONDS = 45.0
"""Seconds for all sources of one track: less than the lease, so that no other worker starts meanwhile."""
_PURPOSE = FetchPurpose(Share.ENRICHMENT)
_MAX_AGE_SECONDS = 3_600.0
# A retry must not get the cached response of the attempt before.
_RETRY_MAX_AGE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class EnrichmentDeps:
    """Dependencies of an enrichment attempt."""

    database: Database
    fetcher: Fetcher
    endpoints: Endpoints


async def enrich(deps: EnrichmentDeps, due: ClaimedTrackRow) -> MetadataState:
    """Query the sources of a claimed track and store the result; return the track's state.

    No connection and no lock is held during the requests. Raises database errors; the track is then due again when
    its lease expires.
    """
    started = time.monotonic()
    result = await _query_sources(deps, due, started + SOURCES_TIMEOUT_SECONDS)
    known = merge(result.metadata, due.metadata)
    jitter = random.random()  # noqa: S311 - spreads load, needs no secrecy
    retry = next_attempt(MetadataState(due.metadata_state), known, result, due.attempts, jitter)
    stored = await enrichment.complete(
        deps.database, due, result.metadata, known, retry, responded=result.responded
    )
    if stored and result.aliases:
        await tracks.add_aliases(deps.database, result.aliases, due.id)
    _log.info(
        "track_enriched" if stored else "enrichment_lease_lost",
        track_id=str(due.id),
        provider=due.provider,
        state=retry.state.value,
        attempt=due.attempts,
        retry_seconds=retry.retry_in and round(retry.retry_in),
        ms=round((time.monotonic() - started) * 1000),
    )
    return retry.state


async def _query_sources(deps: EnrichmentDeps, due: ClaimedTrackRow, deadline: float) -> EnrichmentResult:
    result = EnrichmentResult()
    for source in sources(deps.endpoints, due.provider, due.provider_id, due.url):
        if result.is_sufficient:
            break
        final = await _query(deps, source, due, deadline, result)
        # Stop at a transient failure: a later, poorer source must not pre-empt its retry.
        if not final and due.attempts < MAX_ATTEMPTS:
            break
    return result


async def _query(
    deps: EnrichmentDeps, source: Source, due: ClaimedTrackRow, deadline: float, result: EnrichmentResult
) -> bool:
    """Add the metadata of a source; return False after a transient failure."""
    max_age = _MAX_AGE_SECONDS if due.attempts == 1 else _RETRY_MAX_AGE_SECONDS
    try:
        fetched = await deps.fetcher.fetch(source.url, _PURPOSE, deadline=deadline, max_age=max_age)
    except ServiceError as error:
        result.fail(error.retry_after)
        return False
    match classify(fetched):
        case FetchOutcome.SUCCESS:
            try:
                result.add(await asyncio.to_thread(source.read, fetched.content, fetched.content_type))
            except ParseError:
                result.fail(fetched.retry_after)
        case FetchOutcome.NOT_FOUND:
            result.responded = True
        case FetchOutcome.PERMANENT_FAILURE:
            pass
        case FetchOutcome.TRANSIENT_FAILURE:
            result.fail(fetched.retry_after)
            return False
    return True
