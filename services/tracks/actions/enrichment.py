"""Asking a track's provider what it knows of it, once."""

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
from services.tracks.store import enrichment, tracks
from services.tracks.store.enrichment import ClaimedTrackRow

_log = structlog.get_logger("enrichment")
SOURCES_TIMEOUT_SECONDS = 45.0
"""Seconds that all sources of one track may take: less than the lease, so that nobody else begins meanwhile."""
_MAX_AGE_SECONDS = 3_600.0
# A second attempt wants another answer than the one that the first one got.
_RETRY_MAX_AGE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class EnrichmentDeps:
    """What asking providers needs."""

    database: Database
    fetcher: Fetcher
    endpoints: Endpoints


async def enrich(deps: EnrichmentDeps, due: ClaimedTrackRow) -> MetadataState:
    """Ask the sources of a track that was taken from the queue, and write down what came of it.

    No connection and no lock is held while they are asked. Returns the track's state. Raises the errors of the
    database; the track is then due again when its lease ends.
    """
    started = time.monotonic()
    result = await _query_sources(deps, due, started + SOURCES_TIMEOUT_SECONDS)
    known = merge(result.metadata, due.metadata)
    # Spreads load only; nobody gains by guessing it.
    jitter = random.random()  # noqa: S311 - see above
    retry = next_attempt(MetadataState(due.metadata_state), known, result, due.attempts, jitter)
    kept = await enrichment.complete(
        deps.database, due, result.metadata, known, retry, responded=result.responded
    )
    if kept and result.aliases:
        await deps.database.execute(tracks.ADD_ALIASES, list(result.aliases), due.id)
    _log.info(
        "track enriched" if kept else "track enriched too late",
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
        answered = await _query(deps, source, due, deadline, result)
        # Who may answer a little later is not passed over for a source that knows less.
        if not answered and due.attempts < MAX_ATTEMPTS:
            break
    return result


async def _query(
    deps: EnrichmentDeps, source: Source, due: ClaimedTrackRow, deadline: float, result: EnrichmentResult
) -> bool:
    """Add what a source tells; False when it may answer another time."""
    max_age = _MAX_AGE_SECONDS if due.attempts == 1 else _RETRY_MAX_AGE_SECONDS
    try:
        fetched = await deps.fetcher.fetch(source.url, deadline=deadline, max_age=max_age)
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
