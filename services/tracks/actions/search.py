"""SearchTracks."""

from __future__ import annotations

from search_text import parse_query
from search_text.tiers import START, Cursor, MatchTier
from servicekit.caller import Caller
from servicekit.errors import FieldViolation, InvalidFieldsError
from servicekit.pagination import decode_cursor, encode_token, fingerprint, paginate
from services.tracks.actions.deps import Deps
from services.tracks.actions.tracks import TrackPage
from services.tracks.domain.search import tiers
from services.tracks.store import search
from services.tracks.store.search import MatchRow


async def search_tracks(deps: Deps, caller: Caller, query: str, size: int, page_token: str) -> TrackPage:
    """Return up to `size` tracks that match the query and that the caller may find, the best first.

    Runs one statement per match tier.

    Raises RateLimitedError, PageTokenMismatchError, and InvalidFieldsError for a query without searchable text.
    """
    wanted = parse_query(query)
    if not wanted.text:
        raise InvalidFieldsError(FieldViolation("query", "contains no searchable text"))
    binding = fingerprint("SearchTracks", caller.user_id, query)
    after = decode_cursor(page_token, binding, Cursor.from_parts) if page_token else START
    deps.searches.hit(caller.user_id)
    rows: list[tuple[MatchTier, MatchRow]] = []
    for cursor in tiers(wanted, after):
        # One extra row reveals whether there is a next page.
        found = await search.find_matches(deps.database, caller.user_id, wanted, cursor, size + 1 - len(rows))
        rows += [(cursor.tier, row) for row in found]
        if len(rows) > size:
            break
    shown, token = paginate(rows, size, lambda last: _token(binding, *last))
    return TrackPage([row.track for _, row in shown], token)


def _token(binding: int, tier: MatchTier, row: MatchRow) -> str:
    last = Cursor(tier, row.search_text or "", row.similarity, row.id)
    return encode_token(binding, *last.parts)
