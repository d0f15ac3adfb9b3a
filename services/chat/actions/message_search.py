"""MessageService: search_messages."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from search_text import words
from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import MAX_BYTES, MAX_TIMESTAMP, decode_token, encode_token, fingerprint, paginate
from services.chat.actions.deps import Deps
from services.chat.actions.response_size import message_bytes
from services.chat.domain.model import Tally
from services.chat.domain.pagination import MAX_SEQ, take_within_budget
from services.chat.domain.visibility import check_room_readable
from services.chat.store import message_search as store
from services.chat.store.message_query import MessageRow
from services.chat.store.message_search import Criteria, Cursor

_NEWEST = Cursor(Micros(MAX_TIMESTAMP), UUID(int=(1 << 128) - 1), MAX_SEQ)


@dataclass(frozen=True, slots=True)
class Search:
    """A SearchMessages request: at least a query, an author or a track. `end_at` is exclusive."""

    query: str
    room_id: UUID | None
    author_id: UUID | None
    track_id: UUID | None
    start_at: Micros | None
    end_at: Micros | None
    page_size: int
    page_token: str


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of search results, the newest first, with the reactions by message."""

    messages: list[MessageRow]
    tallies: dict[UUID, list[Tally]]
    next_page_token: str


async def search_messages(deps: Deps, caller: Caller, search: Search) -> SearchPage:
    """Return a page of live messages that the caller may read; one statement. A query without words matches nothing."""
    request_fingerprint = fingerprint(
        "SearchMessages",
        caller.user_id,
        search.query,
        search.room_id,
        search.author_id,
        search.track_id,
        search.start_at,
        search.end_at,
    )
    after = _cursor_from_token(search.page_token, request_fingerprint)
    # Search costs more than other reads, so the rate limit applies before it runs.
    deps.limits.searches.hit(caller.user_id)
    criteria = Criteria(
        words=" ".join(words(search.query)) if search.query else None,
        track_id=search.track_id,
        author_id=search.author_id,
        room_id=search.room_id,
        start_at=search.start_at,
        end_at=search.end_at,
    )
    size = search.page_size
    found = await store.search(deps.database, caller.user_id, criteria, after, size + 1)
    if search.room_id is not None:
        check_room_readable(search.room_id, None if found.room is None else found.room.access)
    ordered = sorted(found.messages, key=_key, reverse=True)
    fit, _ = take_within_budget(
        ordered[:size], lambda row: message_bytes(row, found.tallies.get(row.id, ())), MAX_BYTES
    )
    shown, token = paginate(
        ordered,
        len(fit),
        lambda last: encode_token(request_fingerprint, (last.created_at, last.seq), (str(last.room_id),)),
    )
    return SearchPage(shown, found.tallies, token)


def _key(row: MessageRow) -> tuple[Micros, UUID, int]:
    return row.created_at, row.room_id, row.seq


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
