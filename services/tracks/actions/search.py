"""SearchTracks."""

from __future__ import annotations

from search_text import parse_query
from search_text.tiers import MatchTier
from servicekit.caller import Caller
from servicekit.errors import FieldViolation, InvalidFieldsError, PageTokenMismatchError
from servicekit.pagination import decode_id, decode_token, encode_token, fingerprint, paginate
from services.tracks.actions.deps import Deps
from services.tracks.actions.tracks import TrackPage
from services.tracks.domain.search import START, Cursor, tiers
from services.tracks.store import search
from services.tracks.store.search import MatchRow

_MAX_TEXT = 2_600


async def search_tracks(deps: Deps, caller: Caller, query: str, size: int, page_token: str) -> TrackPage:
    """Return up to `size` tracks that match the query and that the caller may find, the best first.

    Runs one statement per match tier.

    Raises RateLimitedError, PageTokenMismatchError, and InvalidFieldsError for a query without searchable text.
    """
    wanted = parse_query(query)
    if not wanted.text:
        raise InvalidFieldsError(FieldViolation("query", "contains no searchable text"))
    binding = fingerprint("SearchTracks", caller.user_id, query)
    after = _cursor_from_token(page_token, binding)
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
    return encode_token(binding, (tier, row.similarity), (str(row.id), row.search_text or ""))


def _cursor_from_token(page_token: str, binding: int) -> Cursor:
    if not page_token:
        return START
    token = decode_token(page_token, binding)
    match list(token.numbers), list(token.texts):
        case [tier, similarity], [track_id, text] if (
            tier in set(MatchTier) and abs(similarity) <= START.similarity and _is_storable(text)
        ):
            return Cursor(MatchTier(tier), text, similarity, decode_id([track_id]))
        case _:
            raise PageTokenMismatchError


def _is_storable(text: str) -> bool:
    return "\0" not in text and len(text) <= _MAX_TEXT
