"""SearchArtists."""

from __future__ import annotations

from search_text import SearchQuery, parse_query
from search_text.tiers import START, Cursor, MatchTier
from servicekit.caller import Caller
from servicekit.errors import FieldViolation, InvalidFieldsError
from servicekit.pagination import MAX_BYTES, decode_cursor, encode_token, fingerprint, take_within_budget
from services.users.actions.deps import Deps, SearchPage
from services.users.store import artist_search
from services.users.store.artist_search import MatchRow

# The encoded size of a profile without its biography: ids, times, a name of 400 bytes and URLs of 2 KiB at most.
_OVERHEAD_BYTES = 7_000


async def search_artists(
    deps: Deps, caller: Caller, query: str, size: int, page_token: str, *, include_unverified: bool
) -> tuple[bytes, str]:
    """Return a page of the profiles whose name matches the query, the best first, and the token of the next page.

    The page is the response without the token. Runs one statement at most. Raises RateLimitedError, OverloadedError,
    PageTokenMismatchError, and InvalidFieldsError for a query without searchable text.
    """
    wanted = parse_query(query)
    if not wanted.text:
        raise InvalidFieldsError(FieldViolation("query", "contains no searchable text"))
    binding = fingerprint("SearchArtists", caller.user_id, query, include_unverified)
    after = decode_cursor(page_token, binding, Cursor.from_parts) if page_token else START
    deps.limits.artist_searches.hit(caller.user_id)
    key = (wanted.text, include_unverified, after, size)
    page = deps.search_pages.get(key, deps.clock.monotonic())
    if page is None:
        async with deps.search_slots.slot(str(caller.user_id)):
            read_at = deps.clock.monotonic()
            page = await _read_page(deps, wanted, after, size, include_unverified=include_unverified)
        deps.search_pages.put(key, page, read_at + deps.search_page_seconds)
    return page.content, encode_token(binding, *page.last.parts) if page.last is not None else ""


async def _read_page(
    deps: Deps, query: SearchQuery, after: Cursor, size: int, *, include_unverified: bool
) -> SearchPage:
    # One extra row reveals whether there is a next page.
    rows = await artist_search.find_matches(
        deps.database, query, after, size + 1, include_unverified=include_unverified
    )
    shown, _ = take_within_budget(rows[:size], _bytes, MAX_BYTES)
    last = _cursor(shown[-1]) if len(rows) > len(shown) else None
    return SearchPage(deps.encode_matches(query.text, shown), last)


def _cursor(row: MatchRow) -> Cursor:
    return Cursor(MatchTier(row.tier), row.search_name, row.similarity, row.artist.id)


def _bytes(row: MatchRow) -> int:
    """Return an upper bound of the encoded size of a match."""
    return _OVERHEAD_BYTES + 4 * len(row.artist.bio)
