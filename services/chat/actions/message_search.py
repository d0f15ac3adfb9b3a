"""MessageService: search_messages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from uuid import UUID

from search_text import query_phrases
from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import (
    MAX_BYTES,
    MAX_TIMESTAMP,
    decode_token,
    encode_token,
    fingerprint,
    take_within_budget,
)
from servicekit.sql_errors import StatementTimeoutError
from services.chat.actions.deps import Deps
from services.chat.actions.response_size import message_bytes
from services.chat.domain.errors import SearchTooBroadError
from services.chat.domain.message_search import time_windows
from services.chat.domain.model import Tally
from services.chat.domain.pagination import MAX_SEQ
from services.chat.domain.visibility import check_room_readable
from services.chat.store import message_search as store
from services.chat.store.message_query import MessageBatch, MessageRow
from services.chat.store.message_search import Criteria, Cursor

_NEWEST = Cursor(Micros(MAX_TIMESTAMP), UUID(int=(1 << 128) - 1), MAX_SEQ)


@dataclass(frozen=True, slots=True)
class Search:
    """A SearchMessages request: at least a query, an author or a track. `end_at` is exclusive.

    `has_track` and `public_only` leave out messages without a track and those of private rooms.
    """

    query: str
    room_id: UUID | None
    author_id: UUID | None
    track_id: UUID | None
    start_at: Micros | None
    end_at: Micros | None
    page_size: int
    page_token: str
    has_track: bool = False
    public_only: bool = False


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of search results, the newest first, with the reactions by message."""

    messages: list[MessageRow]
    tallies: dict[UUID, list[Tally]]
    next_page_token: str


async def search_messages(deps: Deps, caller: Caller, search: Search) -> SearchPage:
    """Return a page of live messages that the caller may read. A query without words matches nothing.

    Two statements, or three when older messages are looked at. Raises RateLimitedError, OverloadedError while too many
    searches run, and SearchTooBroadError.
    """
    request_fingerprint = fingerprint(
        "SearchMessages",
        caller.user_id,
        search.query,
        search.room_id,
        search.author_id,
        search.track_id,
        search.start_at,
        search.end_at,
        # Only when set: during an update, tokens of older processes stay valid.
        *(name for name in ("has_track", "public_only") if getattr(search, name)),
    )
    after = _cursor_from_token(search.page_token, request_fingerprint)
    if search.end_at is not None:
        after = min(after, Cursor(search.end_at, UUID(int=0), 0))
    # Search costs more than other reads, so the rate limit applies before it runs.
    deps.limits.searches.hit(caller.user_id)
    async with deps.search_slots.slot(str(caller.user_id)):
        try:
            async with deps.database.transaction(deps.search_timeout_ms) as session:
                keys = await _find(session, caller, search, after)
                found = await store.get_messages(session, caller.user_id, search.room_id, keys)
        except StatementTimeoutError:
            raise SearchTooBroadError(search.start_at, min(after.created_at, _now())) from None
    if search.room_id is not None:
        check_room_readable(search.room_id, None if found.room is None else found.room.access)
    return _page(search.page_size, keys, found, request_fingerprint)


async def _find(session: Session, caller: Caller, search: Search, after: Cursor) -> list[Cursor]:
    """Return the hits of a page and one more, to detect whether there are more."""
    criteria = Criteria(
        phrases=query_phrases(search.query) if search.query else None,
        track_id=search.track_id,
        author_id=search.author_id,
        room_id=search.room_id,
        start_at=search.start_at,
        has_track=search.has_track,
        public_only=search.public_only,
    )
    if criteria.phrases == []:
        return []
    size = search.page_size + 1
    keys, end = await store.search_recent(session, caller.user_id, criteria, after, size)
    if len(keys) == size or end is None:
        return keys
    windows = list(time_windows(search.start_at, Micros(end.created_at + 1)))
    if windows:
        missing = size - len(keys)
        keys += await store.search_windows(session, caller.user_id, criteria, end, windows, missing)
    return keys


def _page(size: int, keys: list[Cursor], found: MessageBatch, request_fingerprint: int) -> SearchPage:
    rows = {Cursor(row.created_at, row.room_id, row.seq): row for row in found.messages}
    # A hit that was deleted between the statements is no longer among the rows.
    live = [key for key in keys[:size] if key in rows]
    shown, _ = take_within_budget(
        live, lambda key: message_bytes(rows[key], found.tallies.get(rows[key].id, ())), MAX_BYTES
    )
    token = ""
    if len(shown) < len(live) or len(keys) > size:
        last = shown[-1] if len(shown) < len(live) else keys[size - 1]
        token = encode_token(request_fingerprint, (last.created_at, last.seq), (str(last.room_id),))
    return SearchPage([rows[key] for key in shown], found.tallies, token)


def _now() -> Micros:
    return Micros(time.time_ns() // 1_000)


def _cursor_from_token(page_token: str, request_fingerprint: int) -> Cursor:
    if not page_token:
        return _NEWEST
    token = decode_token(page_token, request_fingerprint)
    try:
        (created_at, seq), (room_id,) = token.numbers, token.texts
        cursor = Cursor(Micros(created_at), UUID(room_id), seq)
    except ValueError:
        raise PageTokenMismatchError from None
    if not 0 <= cursor.created_at < MAX_TIMESTAMP:
        raise PageTokenMismatchError
    return cursor
