"""The crawler: serves cached pages and fetches the rest with single-flight requests.

Concurrent misses of one URL share one fetch within the process. Across processes a lease, renewed during the fetch,
makes the others wait for the cached response; if its holder dies the lease expires and another process fetches. No
transaction is open during a fetch.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TypeGuard
from uuid import UUID, uuid4

import structlog

from servicekit.clock import Clock, Micros
from servicekit.database import Database
from servicekit.errors import DeadlineExceededError, OverloadedError, RateLimitedError, ServiceError
from servicekit.sql_errors import UnexpectedDatabaseError
from services.tracks.actions.deps import HttpClient
from services.tracks.domain.errors import HostBusyError
from services.tracks.domain.web.fetch_purpose import FetchPurpose
from services.tracks.domain.web.fetch_response import CachedResponse, Failure, FetchResponse, Policy
from services.tracks.domain.web.http_caching import Lifetime, is_transient, lifetime
from services.tracks.domain.web.url_policy import FetchUrl, cache_key, parse_fetch_url
from services.tracks.store import crawler_cache, leases
from services.tracks.store.crawler_cache import CachedRow
from services.tracks.workers.fetch_slots import FetchSlot, FetchSlots

_log = structlog.get_logger("crawler")
LEASE_SECONDS = 6.0
"""How long a URL stays locked after the process that fetched it died."""
_RENEWALS = 3
_POLL_SECONDS = 0.15
# Longer than a fetch with its wait in the host limiter can take.
_FETCH_TIMEOUT_SECONDS = 60.0
_PURGE_INTERVAL_SECONDS = 600.0


class Crawler:
    """Implements services.tracks.actions.deps.Fetcher."""

    def __init__(self, database: Database, http: HttpClient, slots: FetchSlots, clock: Clock) -> None:
        self._database = database
        self._http = http
        self._slots = slots
        self._clock = clock
        self._in_flight: dict[bytes, asyncio.Task[CachedResponse]] = {}
        self._purge_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start deleting expired responses."""
        self._purge_task = asyncio.create_task(self._purge_loop())

    async def stop(self) -> None:
        """Cancel all fetches; their callers get OverloadedError."""
        running = [task for task in (self._purge_task, *self._in_flight.values()) if task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def fetch(
        self,
        url: str,
        purpose: FetchPurpose,
        *,
        deadline: float,
        policy: Policy = Policy.ANY_SITE,
        max_age: float | None = None,
    ) -> CachedResponse:
        """Return the cached or fetched response of a URL; see services.tracks.actions.deps.Fetcher."""
        target = parse_fetch_url(url)
        if isinstance(target, Failure):
            return _blocked(target, self._clock)
        key = cache_key(target, policy)
        row = await crawler_cache.find(self._database, key)
        if row is not None:
            if row.fresh and (max_age is None or row.age < max_age):
                return _from_cache(row)
            if row.usable and max_age is None:
                self._refresh(key, target, policy, row, purpose)
                return _from_cache(row)
        return await self._wait_shared(self._start_or_join(key, target, policy, row, purpose), deadline)

    async def _wait_shared(self, task: asyncio.Task[CachedResponse], deadline: float) -> CachedResponse:
        # The task is shared and fills the cache, so a caller's timeout does not cancel it.
        await asyncio.wait([task], timeout=max(0.0, deadline - self._clock.monotonic()))
        if not task.done():
            raise DeadlineExceededError("the fetch did not finish in time; retry")
        if task.cancelled():
            raise OverloadedError(1.0)
        return task.result()

    def _refresh(
        self, key: bytes, url: FetchUrl, policy: Policy, row: CachedRow, purpose: FetchPurpose
    ) -> None:
        # The cached response serves without a slot, too.
        with contextlib.suppress(OverloadedError, RateLimitedError):
            _ = self._start_or_join(key, url, policy, row, purpose)

    def _start_or_join(
        self, key: bytes, url: FetchUrl, policy: Policy, row: CachedRow | None, purpose: FetchPurpose
    ) -> asyncio.Task[CachedResponse]:
        running = self._in_flight.get(key)
        if running is not None:
            return running
        slot = self._slots.acquire(purpose, url.host)
        # An empty context: the shared task must not inherit the deadline of one caller.
        task = asyncio.create_task(
            self._fetch_with_lease(key, url, policy, row, slot), context=contextvars.Context()
        )
        self._in_flight[key] = task
        task.add_done_callback(lambda done: self._on_done(key, slot, done))
        return task

    def _on_done(self, key: bytes, slot: FetchSlot, task: asyncio.Task[CachedResponse]) -> None:
        slot.release()
        del self._in_flight[key]
        if task.cancelled():
            return
        # Retrieving the exception keeps asyncio from logging it if no caller waits.
        error = task.exception()
        if error is not None and not isinstance(error, ServiceError):
            _log.error("fetch_failed", exc_info=error)

    async def _fetch_with_lease(
        self, key: bytes, url: FetchUrl, policy: Policy, row: CachedRow | None, slot: FetchSlot
    ) -> CachedResponse:
        before = row.fetched_at if row is not None else None
        name, holder = f"fetch:{key.hex()}", uuid4()
        try:
            async with asyncio.timeout(_FETCH_TIMEOUT_SECONDS):
                while not await leases.acquire(self._database, name, holder, LEASE_SECONDS):
                    await asyncio.sleep(_POLL_SECONDS)
                    row = await crawler_cache.find(self._database, key)
                    if _is_newer(row, before):
                        return _from_cache(row)
                async with self._renewed_lease(name, holder):
                    # The previous holder may have filled the cache since the last poll.
                    row = await crawler_cache.find(self._database, key)
                    if _is_newer(row, before):
                        return _from_cache(row)
                    return await self._fetch(key, url, policy, row, slot)
        except TimeoutError:
            raise HostBusyError(url.host, LEASE_SECONDS) from None

    @contextlib.asynccontextmanager
    async def _renewed_lease(self, name: str, holder: UUID) -> AsyncIterator[None]:
        """Renew a lease while the block runs, then release it."""
        renewing = asyncio.create_task(self._renew_loop(name, holder))
        try:
            yield
        finally:
            renewing.cancel()
            with contextlib.suppress(ServiceError):
                await leases.release(self._database, name, holder)

    async def _renew_loop(self, name: str, holder: UUID) -> None:
        held = True
        while held:
            await asyncio.sleep(LEASE_SECONDS / _RENEWALS)
            # Renewal goes on through database errors; it ends when another holder has the lease.
            with contextlib.suppress(ServiceError):
                held = await leases.renew(self._database, name, holder, LEASE_SECONDS)

    async def _fetch(
        self, key: bytes, url: FetchUrl, policy: Policy, row: CachedRow | None, slot: FetchSlot
    ) -> CachedResponse:
        started = self._clock.monotonic()
        response = await self._http.get(url, policy, slot.visit, _validator(row))
        ttl = lifetime(response)
        _log.info(
            "fetched",
            # Not the whole URL: its path may contain secrets.
            host=url.host,
            status=response.status_code,
            failure=response.failure,
            bytes=len(response.content),
            ms=round((self._clock.monotonic() - started) * 1000),
        )
        if response.not_modified and row is not None and row.content is not None:
            revalidated = await crawler_cache.revalidate(self._database, key, ttl)
            at = revalidated or self._clock.now()
            return replace(_from_cache(row), fetched_at=at, retry_after=None, from_cache=False)
        if is_transient(response) and row is not None and row.usable:
            # A transient failure must not replace a usable response; this caller gets the failure.
            await crawler_cache.extend_stale(self._database, key, ttl.fresh)
            return _fresh_response(url, response, ttl, self._clock.now())
        saved = await crawler_cache.save(self._database, key, url.url, response, ttl)
        return _fresh_response(url, response, ttl, saved or self._clock.now())

    async def _purge_loop(self) -> None:
        while True:
            try:
                await crawler_cache.delete_expired(self._database)
                await leases.delete_expired(self._database)
            except (ServiceError, UnexpectedDatabaseError) as error:
                # The database is unavailable or not migrated yet.
                _log.warning("cache_purge_failed", error=str(error))
            await asyncio.sleep(_PURGE_INTERVAL_SECONDS)


def _is_newer(row: CachedRow | None, before: Micros | None) -> TypeGuard[CachedRow]:
    return row is not None and row.fresh and row.fetched_at != before


def _validator(row: CachedRow | None) -> tuple[str, str] | None:
    if row is None or row.content is None or row.etag is None or row.final_url is None:
        return None
    return row.final_url, row.etag


def _fresh_response(url: FetchUrl, response: FetchResponse, ttl: Lifetime, at: Micros) -> CachedResponse:
    return CachedResponse(
        url=url.url,
        final_url=response.final_url,
        status_code=response.status_code,
        content_type=response.content_type,
        content=response.content,
        failure=response.failure,
        fetched_at=at,
        retry_after=None if response.has_body else ttl.fresh,
        from_cache=False,
    )


def _from_cache(row: CachedRow) -> CachedResponse:
    return CachedResponse(
        url=row.url,
        final_url=row.final_url,
        status_code=row.status_code,
        content_type=row.content_type or "",
        content=row.content or b"",
        failure=_failure(row.error_kind),
        fetched_at=row.fetched_at,
        retry_after=None if row.content is not None else max(row.expires_in, 1.0),
        from_cache=True,
    )


def _failure(kind: str | None) -> Failure | None:
    try:
        return None if kind is None else Failure(kind)
    except ValueError:
        # A failure of a newer build.
        return Failure.PROTOCOL_ERROR


def _blocked(failure: Failure, clock: Clock) -> CachedResponse:
    wait = lifetime(FetchResponse(failure=failure)).fresh
    return CachedResponse("", None, None, "", b"", failure, clock.now(), wait, from_cache=False)
