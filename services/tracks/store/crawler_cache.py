"""Statements about tracks.crawler_cache. Everything about its times is decided by the database's clock."""

from __future__ import annotations

from typing import NamedTuple

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Command, Query

_BATCH = 1_000


class CachedRow(NamedTuple):
    """What is kept of an address. `fresh`: it may be given as it is. `usable`: while it's fetched anew, too.

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
    """When an answer came."""

    fetched_at: Micros


FIND = Query[CachedRow, bytes](
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

# A statement of its own transaction, whose start is now().
SAVE = Query[
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
    INSERT INTO tracks.crawler_cache AS kept
        (url_hash, url, final_url, status_code, content_type, content, etag, error_kind,
         fetched_at, expires_at, stale_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, now(), now() + make_interval(secs => $9),
            now() + make_interval(secs => $9) + make_interval(secs => $10))
    ON CONFLICT (url_hash) DO UPDATE
    SET final_url = excluded.final_url, status_code = excluded.status_code,
        content_type = excluded.content_type, content = excluded.content, etag = excluded.etag,
        error_kind = excluded.error_kind, fetched_at = excluded.fetched_at,
        expires_at = excluded.expires_at, stale_until = excluded.stale_until
    RETURNING kept.fetched_at
    """,
)

# The body stays where it is, and is not written again.
REVALIDATE = Query[FetchedAtRow, bytes, float, float](
    "tracks.revalidate_response",
    """
    UPDATE tracks.crawler_cache
    SET fetched_at = now(), expires_at = now() + make_interval(secs => $2),
        stale_until = now() + make_interval(secs => $2) + make_interval(secs => $3)
    WHERE url_hash = $1
    RETURNING fetched_at
    """,
)

EXTEND_STALE = Command[bytes, float](
    "tracks.extend_stale_response",
    """
    UPDATE tracks.crawler_cache
    SET expires_at = least(now() + make_interval(secs => $2), stale_until)
    WHERE url_hash = $1 AND expires_at < now()
    """,
)

PURGE = Command[list[bytes]](
    "tracks.purge_responses", "DELETE FROM tracks.crawler_cache WHERE url_hash = ANY ($1)"
)

# In parts, so that no statement is long and no lock is held for long.
PURGE_OLDER = Command[float, int](
    "tracks.purge_older_responses",
    """
    DELETE FROM tracks.crawler_cache
    WHERE url_hash = ANY (ARRAY(
        SELECT url_hash FROM tracks.crawler_cache
        WHERE fetched_at <= clock_timestamp() - make_interval(secs => $1)
        ORDER BY fetched_at LIMIT $2 FOR UPDATE SKIP LOCKED))
    """,
)

DELETE_EXPIRED = Command[int](
    "tracks.delete_expired_responses",
    """
    DELETE FROM tracks.crawler_cache
    WHERE url_hash = ANY (ARRAY(
        SELECT url_hash FROM tracks.crawler_cache
        WHERE stale_until <= clock_timestamp()
        ORDER BY stale_until LIMIT $1 FOR UPDATE SKIP LOCKED))
    """,
)


async def purge_older(database: Database, seconds: float) -> int:
    """Delete all answers of at least this age; returns how many."""
    total = 0
    while count := await database.execute(PURGE_OLDER, seconds, _BATCH):
        total += count
    return total


async def delete_expired(database: Database) -> int:
    """Delete all answers that may not be given any more; returns how many."""
    total = 0
    while count := await database.execute(DELETE_EXPIRED, _BATCH):
        total += count
    return total
