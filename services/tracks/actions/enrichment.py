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
from services.tracks.domain.enrichment import MAX_ATTEMPTS, Gathered, merged, settle
from services.tracks.domain.fetch_outcome import Outcome, outcome
from services.tracks.domain.metadata import State
from services.tracks.domain.provider_parsers.provider_metadata import UnreadableAnswerError
from services.tracks.domain.sources import Endpoints, Source, sources
from services.tracks.store import enrichment, tracks
from services.tracks.store.enrichment import DueRow

_log = structlog.get_logger("enrichment")
PATIENCE = 45.0
"""Seconds that all sources of one track may take: less than the lease, so that nobody else begins meanwhile."""
_FRESH_SECONDS = 3_600.0
# A second attempt wants another answer than the one that the first one got.
_FRESH_AGAIN_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class EnrichmentDeps:
    """What asking providers needs."""

    database: Database
    fetcher: Fetcher
    endpoints: Endpoints


async def enrich(deps: EnrichmentDeps, due: DueRow) -> State:
    """Ask the sources of a track that was taken from the queue, and write down what came of it.

    No connection and no lock is held while they are asked. Returns the track's state. Raises the errors of the
    database; the track is then due again when its lease ends.
    """
    started = time.monotonic()
    gathered = await _gather(deps, due, started + PATIENCE)
    known = merged(gathered.facts, due.facts)
    # Spreads load only; nobody gains by guessing it.
    luck = random.random()  # noqa: S311 - see above
    settlement = settle(State(due.metadata_state), known, gathered, due.attempts, luck)
    kept = await enrichment.settle(deps.database, due, gathered.facts, known, settlement, told=gathered.told)
    if kept and gathered.aliases:
        await deps.database.execute(tracks.ADD_ALIASES, list(gathered.aliases), due.id)
    _log.info(
        "track enriched" if kept else "track enriched too late",
        track_id=str(due.id),
        provider=due.provider,
        state=settlement.state.value,
        attempt=due.attempts,
        retry_seconds=settlement.retry_in and round(settlement.retry_in),
        ms=round((time.monotonic() - started) * 1000),
    )
    return settlement.state


async def _gather(deps: EnrichmentDeps, due: DueRow, deadline: float) -> Gathered:
    gathered = Gathered()
    for source in sources(deps.endpoints, due.provider, due.provider_id, due.url):
        if gathered.is_enough:
            break
        answered = await _ask(deps, source, due, deadline, gathered)
        # Who may answer a little later is not passed over for a source that knows less.
        if not answered and due.attempts < MAX_ATTEMPTS:
            break
    return gathered


async def _ask(
    deps: EnrichmentDeps, source: Source, due: DueRow, deadline: float, gathered: Gathered
) -> bool:
    """Add what a source tells; False when it may answer another time."""
    max_age = _FRESH_SECONDS if due.attempts == 1 else _FRESH_AGAIN_SECONDS
    try:
        fetched = await deps.fetcher.fetch(source.url, deadline=deadline, max_age=max_age)
    except ServiceError as error:
        gathered.fail(error.retry_after)
        return False
    match outcome(fetched):
        case Outcome.TOLD:
            try:
                gathered.add(await asyncio.to_thread(source.read, fetched.content, fetched.content_type))
            except UnreadableAnswerError:
                gathered.fail(fetched.retry_after)
        case Outcome.GONE:
            gathered.told = True
        case Outcome.REFUSED:
            pass
        case Outcome.LATER:
            gathered.fail(fetched.retry_after)
            return False
    return True
