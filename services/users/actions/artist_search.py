"""SearchArtists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from search_text import parse_query
from search_text.tiers import START, Cursor, MatchTier
from servicekit.caller import Caller
from servicekit.errors import FieldViolation, InvalidFieldsError
from servicekit.pagination import (
    MAX_BYTES,
    decode_cursor,
    encode_token,
    fingerprint,
    paginate,
    take_within_budget,
)
from services.users.actions.deps import Deps
from services.users.store import artist_search
from services.users.store.artist_search import MatchRow

# The encoded size of a profile without its biography: ids, times, a name of 400 bytes and URLs of 2 KiB at most.
_OVERHEAD_BYTES = 7_000


@dataclass(frozen=True, slots=True)
class ArtistSearch:
    """A search: the normalized query, and a page of matches with the token of the next page, "" at the end."""

    query: str
    matches: list[MatchRow]
    next_page_token: str


async def search_artists(
    deps: Deps, caller: Caller, query: str, size: int, page_token: str, *, include_unverified: bool
) -> ArtistSearch:
    """Return up to `size` profiles whose name matches the query, the best first, with one statement at most.

    Raises RateLimitedError, OverloadedError, PageTokenMismatchError, and InvalidFieldsError for a query without
    searchable text.
    """
    wanted = parse_query(query)
    if not wanted.text:
        raise InvalidFieldsError(FieldViolation("query", "contains no searchable text"))
    binding = fingerprint("SearchArtists", caller.user_id, query, include_unverified)
    after = decode_cursor(page_token, binding, Cursor.from_parts) if page_token else START
    deps.limits.artist_searches.hit(caller.user_id)
    key = (wanted.text, include_unverified, after, size)
    rows = deps.search_pages.get(key, deps.clock.monotonic())
    if rows is None:
        async with deps.search_slots.slot(str(caller.user_id)):
            read_at = deps.clock.monotonic()
            # One extra row reveals whether there is a next page.
            rows = await artist_search.find_matches(
                deps.database, wanted, after, size + 1, include_unverified=include_unverified
            )
        deps.search_pages.put(key, rows, read_at + deps.search_page_seconds)
    fit, _ = take_within_budget(rows[:size], _bytes, MAX_BYTES)
    shown, token = paginate(rows, len(fit), lambda last: _token(binding, last))
    return ArtistSearch(wanted.text, shown, token)


def _token(binding: int, row: MatchRow) -> str:
    last = Cursor(MatchTier(row.tier), row.search_name, row.similarity, row.artist.id)
    return encode_token(binding, *last.parts)


def page_bytes(rows: Sequence[MatchRow]) -> int:
    """Return an upper bound of the size of a page."""
    return _OVERHEAD_BYTES + sum(map(_bytes, rows))


def _bytes(row: MatchRow) -> int:
    """Return an upper bound of the encoded size of a match."""
    return _OVERHEAD_BYTES + 4 * len(row.artist.bio)
