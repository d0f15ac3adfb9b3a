"""SearchTracks and ListTracks: pages of tracks."""

from __future__ import annotations

from dataclasses import dataclass

from search_text import parse_query
from servicekit.caller import Caller
from servicekit.errors import FieldViolation, InvalidFieldsError, PageTokenMismatchError
from servicekit.pagination import decode_id, decode_token, encode_token, fingerprint, paginate
from services.tracks.actions.deps import Deps
from services.tracks.domain.search import START, Cursor, MatchTier, tiers
from services.tracks.store import listing, search
from services.tracks.store.search import MatchRow
from services.tracks.store.tracks import TrackRow

_LONGEST_TEXT = 2_600


@dataclass(frozen=True, slots=True)
class TrackPage:
    """Tracks in their order, and the token of the next page; empty at the end."""

    tracks: list[TrackRow]
    next_page_token: str


async def search_tracks(deps: Deps, caller: Caller, query: str, size: int, page_token: str) -> TrackPage:
    """Up to `size` tracks that the query finds, the best first; one statement per tier that the page has part in.

    Raises RateLimitedError, PageTokenMismatchError, and InvalidFieldsError for a query of which folding leaves
    nothing.
    """
    wanted = parse_query(query)
    if not wanted.text:
        raise InvalidFieldsError(FieldViolation("query", "has nothing to search for"))
    binding = fingerprint("SearchTracks", caller.user_id, query)
    after = _cursor_from_token(page_token, binding)
    # It costs more than other reads, so it is limited before it runs.
    deps.searches.hit(caller.user_id)
    rows: list[tuple[MatchTier, MatchRow]] = []
    for cursor in tiers(wanted, after):
        # One more than is shown tells whether there is a next page.
        found = await search.find_matches(deps.database, wanted, cursor, size + 1 - len(rows))
        rows += [(cursor.tier, row) for row in found]
        if len(rows) > size:
            break
    shown, token = paginate(rows, size, lambda last: _token(binding, *last))
    return TrackPage([row.track for _, row in shown], token)


@dataclass(frozen=True, slots=True)
class Listing:
    """Which tracks to list: of any provider and in any state where None."""

    provider: str | None
    state: str | None
    page_size: int
    page_token: str


async def list_tracks(deps: Deps, caller: Caller, asked: Listing) -> TrackPage:
    """A page of tracks, the newest first; one statement. Raises PageTokenMismatchError."""
    binding = fingerprint("ListTracks", caller.user_id, asked.provider, asked.state)
    before = decode_id(decode_token(asked.page_token, binding).texts) if asked.page_token else listing.NEWEST
    size = asked.page_size
    rows = await listing.page(deps.database, asked.provider, asked.state, before, size + 1)
    return TrackPage(*paginate(rows, size, lambda last: encode_token(binding, texts=[str(last.id)])))


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
    return "\0" not in text and len(text) <= _LONGEST_TEXT
