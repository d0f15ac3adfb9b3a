"""Statements of the crawler's cache. All times are the database's clock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Command, Query
from services.tracks.domain.web.fetch_response import FetchResponse
from services.tracks.domain.web.http_caching import Lifetime

_BATCH = 1_000


class CachedRow(NamedTuple):
    """A cached response. `fresh`: not expired. `usable`: may be returned while it is revalidated.

    `age` and `expires_in` are in seconds.
    """

    url: str
    final_url: str | None
    status_code: int | None
    content_type: str | None
    content: bytes | None
    etag: str | None
    error_kind: str | None
    fetched_at: Micros
    fresh: bool
    usable: bool
    age: float
    expires_in: float


class FetchedAtRow(NamedTuple):
    """When a response was fetched."""

    fetched_at: Micros


_FIND = Query[CachedRow, bytes](
    "tracks.cached_response",
    """
    SELECT url, final_url, status_code, content_type, content, etag, error_kind, fetched_at,
           expires_at > clock_timestamp() AS fresh,
           content IS NOT NULL AND stale_until > clock_timestamp() AS usable,
           extract(epoch FROM clock_timestamp() - fetched_at)::float8 AS age,
           extract(epoch FROM expires_at - clock_timestamp())::float8 AS expires_in
    FROM tracks.crawler_cache
    WHERE url_hash = $1
    """,
)

# Runs outside a transaction, so now() is the start of the statement.
_SAVE = Query[
    FetchedAtRow,
    bytes,
    str,
    str | None,
    int | None,
    str | None,
    bytes | None,
    str | None,
    str | None,
    float,
    float,
](
    "tracks.save_response",
    """
    INSERT INTO tracks.crawler_cache AS cached
        (url_hash, url, final_url, status_code, content_type, content, etag, error_kind,
         fetched_at, expires_at, stale_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), now() + make_interval(secs => $9),
            now() + make_interval(secs => $9) + make_interval(secs => $10))
    ON CONFLICT (url_hash) DO UPDATE
    SET final_url = excluded.final_url, status_code = excluded.status_code,
        content_type = excluded.content_type, content = excluded.content, etag = excluded.etag,
        error_kind = excluded.error_kind, fetched_at = excluded.fetched_at,
        expires_at = excluded.expires_at, stale_until = excluded.stale_until
    RETURNING cached.fetched_at
    """,
)

# The body is not written again.
_REVALIDATE = Query[FetchedAtRow, bytes, float, float](
    "tracks.revalidate_response",
    """
    UPDATE tracks.crawler_cache
    SET fetched_at = now(), expires_at = now() + make_interval(secs => $2),
        stale_until = now() + make_interval(secs => $2) + make_interval(secs => $3)
    WHERE url_hash = $1
    RETURNING fetched_at
    """,
)

_EXTEND_STALE = Command[bytes, float](
    "tracks.extend_stale_response",
    """
    UPDATE tracks.crawler_cache
    SET expires_at = least(now() + make_interval(secs => $2), stale_until)
    WHERE url_hash = $1 AND expires_at < now()
    """,
)

_PURGE = Command[list[bytes]](
    "tracks.purge_responses", "DELETE FROM tracks.crawler_cache WHERE url_hash = ANY ($1)"
)

# In batches, so that no statement and no lock takes long.
_PURGE_OLDER = Command[float, int](
    "tracks.purge_older_responses",
    """
    DELETE FROM tracks.crawler_cache
    WHERE url_hash = ANY (ARRAY(
        SELECT url_hash FROM tracks.crawler_cache
        WHERE fetched_at <= clock_timestamp() - make_interval(secs => $1)
        ORDER BY fetched_at LIMIT $2 FOR UPDATE SKIP LOCKED))
    """,
)

_DELETE_EXPIRED = Command[int](
    "tracks.delete_expired_responses",
    """
    DELETE FROM tracks.crawler_cache
    WHERE url_hash = ANY (ARRAY(
        SELECT url_hash FROM tracks.crawler_cache
        WHERE stale_until <= clock_timestamp()
        ORDER BY stale_until LIMIT $1 FOR UPDATE SKIP LOCKED))
    """,
)


async def find(database: Database, key: bytes) -> CachedRow | None:
    """Return the cached response of a key."""
    return await database.row(_FIND, key)


async def save(
    database: Database, key: bytes, url: str, response: FetchResponse, lifetime: Lifetime
) -> Micros | None:
    """Store a response, replacing the one before; return when it was fetched."""
    content = response.content if response.has_body else None
    row = await database.row(
        _SAVE,
        key,
        url,
        response.final_url,
        response.status_code,
        response.content_type or None,
        content,
        response.etag if content is not None else None,
        response.failure,
        lifetime.fresh,
        lifetime.stale_while_revalidate,
    )
    return row.fetched_at if row is not None else None


async def revalidate(database: Database, key: bytes, lifetime: Lifetime) -> Micros | None:
    """Renew a response that has not changed; return when that was, None if it is no longer cached."""
    row = await database.row(_REVALIDATE, key, lifetime.fresh, lifetime.stale_while_revalidate)
    return row.fetched_at if row is not None else None


async def extend_stale(database: Database, key: bytes, seconds: float) -> None:
    """Keep serving an expired response for so long, within its stale period."""
    await database.execute(_EXTEND_STALE, key, seconds)


async def purge(database: Database, keys: Sequence[bytes]) -> int:
    """Delete the responses of these keys; return how many."""
    return await database.execute(_PURGE, list(keys))


async def purge_older(database: Database, seconds: float) -> int:
    """Delete the responses of at least this age; return how many."""
    total = 0
    while count := await database.execute(_PURGE_OLDER, seconds, _BATCH):
        total += count
    return total


async def delete_expired(database: Database) -> int:
    """Delete the responses that are no longer usable; return how many."""
    total = 0
    while count := await database.execute(_DELETE_EXPIRED, _BATCH):
        total += count
    return total
