"""The crawler: gives what is kept, and fetches the rest once for everybody.

Within the process one task per address is shared by all who ask. Across processes a lease row, renewed while
the fetch goes on, keeps the others waiting for the row of the cache that will come; when its holder dies the
lease runs out and somebody else flies. No transaction is open meanwhile.
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
from servicekit.errors import DeadlineExceededError, OverloadedError, ServiceError
from servicekit.sql_errors import UnexpectedDatabaseError
from services.tracks.actions.deps import HttpClient
from services.tracks.domain.errors import HostBusyError
from services.tracks.domain.web.fetch_response import CachedResponse, Failure, FetchResponse, Policy
from services.tracks.domain.web.http_caching import Lifetime, is_success, is_transient, lifetime
from services.tracks.domain.web.url_policy import FetchUrl, cache_key, parse_fetch_url
from services.tracks.store import crawler_cache, leases
from services.tracks.store.crawler_cache import CachedRow

_log = structlog.get_logger("crawler")
LEASE_SECONDS = 6.0
"""How long an address waits after the process that fetched it died."""
_RENEWALS = 3
_POLL_SECONDS = 0.15
# Longer than a fetch can last with its waits at the gates; who waits this long waits for nothing.
_FETCH_TIMEOUT_SECONDS = 60.0
# Each may hold a body of 1 MiB.
_MAX_IN_FLIGHT = 128
_PURGE_INTERVAL_SECONDS = 600.0


class Crawler:
    """Implements services.tracks.actions.deps.Fetcher."""

    def __init__(self, database: Database, web: HttpClient, clock: Clock) -> None:
        self._database = database
        self._http = web
        self._clock = clock
        self._in_flight: dict[bytes, asyncio.Task[CachedResponse]] = {}
        self._purge_task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to delete what has become too old."""
        self._purge_task = asyncio.create_task(self._purge_loop())

    async def stop(self) -> None:
        """Give up what is under way; whoever still waits is told that the service leaves."""
        running = [task for task in (self._purge_task, *self._in_flight.values()) if task is not None]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def fetch(
        self, url: str, *, deadline: float, policy: Policy = Policy.ANY_SITE, max_age: float | None = None
    ) -> CachedResponse:
        """What the web answers for an address, now or lately; see services.tracks.actions.deps.Fetcher."""
        asked = parse_fetch_url(url)
        if isinstance(asked, Failure):
            return _refused(asked, self._clock)
        key = cache_key(asked, policy)
        row = await self._database.row(crawler_cache.FIND, key)
        if row is not None:
            if row.fresh and (max_age is None or row.age < max_age):
                return _from_cache(row)
            if row.usable and max_age is None:
                self._refresh(key, asked, policy, row)
                return _from_cache(row)
        return await self._wait_shared(self._start_or_join(key, asked, policy, row), deadline)

    async def _wait_shared(self, task: asyncio.Task[CachedResponse], deadline: float) -> CachedResponse:
        # Others may wait for the same task, and its end fills the cache: a caller who leaves stops nothing.
        await asyncio.wait([task], timeout=max(0.0, deadline - self._clock.monotonic()))
        if not task.done():
            raise DeadlineExceededError("the page did not come in time; ask again")
        if task.cancelled():
            raise OverloadedError(1.0)
        return task.result()

    def _refresh(self, key: bytes, asked: FetchUrl, policy: Policy, row: CachedRow) -> None:
        if key not in self._in_flight and len(self._in_flight) < _MAX_IN_FLIGHT:
            self._start(key, asked, policy, row)

    def _start_or_join(
        self, key: bytes, asked: FetchUrl, policy: Policy, row: CachedRow | None
    ) -> asyncio.Task[CachedResponse]:
        if key not in self._in_flight:
            if len(self._in_flight) >= _MAX_IN_FLIGHT:
                raise OverloadedError(1.0)
            self._start(key, asked, policy, row)
        return self._in_flight[key]

    def _start(self, key: bytes, asked: FetchUrl, policy: Policy, row: CachedRow | None) -> None:
        # In a context of its own: a task belongs to none of its callers, and has no deadline of theirs.
        task = asyncio.create_task(
            self._fetch_with_lease(key, asked, policy, row), context=contextvars.Context()
        )
        self._in_flight[key] = task
        task.add_done_callback(lambda done: self._on_done(key, done))

    def _on_done(self, key: bytes, task: asyncio.Task[CachedResponse]) -> None:
        del self._in_flight[key]
        if task.cancelled():
            return
        # Reading the exception keeps asyncio from reporting it when nobody waits any more.
        error = task.exception()
        if error is not None and not isinstance(error, ServiceError):
            _log.error("a fetch broke", exc_info=error)

    async def _fetch_with_lease(
        self, key: bytes, asked: FetchUrl, policy: Policy, row: CachedRow | None
    ) -> CachedResponse:
        before = row.fetched_at if row is not None else None
        name, holder = f"fetch:{key.hex()}", uuid4()
        try:
            async with asyncio.timeout(_FETCH_TIMEOUT_SECONDS):
                while not await leases.acquire(self._database, name, holder, LEASE_SECONDS):
                    await asyncio.sleep(_POLL_SECONDS)
                    row = await self._database.row(crawler_cache.FIND, key)
                    if _is_newer(row, before):
                        return _from_cache(row)
                async with self._renewed_lease(name, holder):
                    # Who held it before may have filled the cache since the last look.
                    row = await self._database.row(crawler_cache.FIND, key)
                    if _is_newer(row, before):
                        return _from_cache(row)
                    return await self._fetch(key, asked, policy, row)
        except TimeoutError:
            raise HostBusyError(asked.host, LEASE_SECONDS) from None

    @contextlib.asynccontextmanager
    async def _renewed_lease(self, name: str, holder: UUID) -> AsyncIterator[None]:
        """Hold a lease for as long as the block runs, and give it back."""
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
            # A database that is away for a moment is no reason to stop; a rival is.
            with contextlib.suppress(ServiceError):
                held = await leases.renew(self._database, name, holder, LEASE_SECONDS)

    async def _fetch(
        self, key: bytes, asked: FetchUrl, policy: Policy, row: CachedRow | None
    ) -> CachedResponse:
        started = self._clock.monotonic()
        answer = await self._http.get(asked, policy, _validator(row))
        keep = lifetime(answer)
        _log.info(
            "fetched",
            # Not the whole address: what follows the host may be a secret.
            host=asked.host,
            status=answer.status_code,
            failure=answer.failure,
            bytes=len(answer.content),
            ms=round((self._clock.monotonic() - started) * 1000),
        )
        if answer.not_modified and row is not None and row.content is not None:
            confirmed = await self._database.row(crawler_cache.REVALIDATE, key, keep.fresh, keep.stale)
            at = confirmed.fetched_at if confirmed is not None else self._clock.now()
            return replace(_from_cache(row), fetched_at=at, retry_after=None, from_cache=False)
        if is_transient(answer) and row is not None and row.usable:
            # What was known is worth more than the news that the host is away; but who wanted news gets this.
            await self._database.execute(crawler_cache.EXTEND_STALE, key, keep.fresh)
            return _fresh_response(asked, answer, keep, self._clock.now())
        saved = await self._save(key, asked, answer, keep)
        return _fresh_response(asked, answer, keep, saved)

    async def _save(self, key: bytes, asked: FetchUrl, answer: FetchResponse, keep: Lifetime) -> Micros:
        content = answer.content if _has_body(answer) else None
        row = await self._database.row(
            crawler_cache.SAVE,
            key,
            asked.url,
            answer.final_url,
            answer.status_code,
            answer.content_type or None,
            content,
            answer.etag if content is not None else None,
            answer.failure,
            keep.fresh,
            keep.stale,
        )
        return row.fetched_at if row is not None else self._clock.now()

    async def _purge_loop(self) -> None:
        while True:
            try:
                await crawler_cache.delete_expired(self._database)
                await self._database.execute(leases.DELETE_EXPIRED)
            except (ServiceError, UnexpectedDatabaseError) as error:
                # The database is away, or its tables are not there yet.
                _log.warning("the cache was not swept", error=str(error))
            await asyncio.sleep(_PURGE_INTERVAL_SECONDS)


def _is_newer(row: CachedRow | None, before: Micros | None) -> TypeGuard[CachedRow]:
    return row is not None and row.fresh and row.fetched_at != before


def _validator(row: CachedRow | None) -> tuple[str, str] | None:
    if row is None or row.content is None or row.etag is None or row.final_url is None:
        return None
    return row.final_url, row.etag


def _has_body(answer: FetchResponse) -> bool:
    return answer.failure is None and answer.status_code is not None and is_success(answer.status_code)


def _fresh_response(asked: FetchUrl, answer: FetchResponse, keep: Lifetime, at: Micros) -> CachedResponse:
    return CachedResponse(
        url=asked.url,
        final_url=answer.final_url,
        status_code=answer.status_code,
        content_type=answer.content_type,
        content=answer.content,
        failure=answer.failure,
        fetched_at=at,
        retry_after=None if _has_body(answer) else keep.fresh,
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
        # A newer build's name; what is certain is that there is no body.
        return Failure.PROTOCOL_ERROR


def _refused(failure: Failure, clock: Clock) -> CachedResponse:
    wait = lifetime(FetchResponse(failure=failure)).fresh
    return CachedResponse("", None, None, "", b"", failure, clock.now(), wait, from_cache=False)
