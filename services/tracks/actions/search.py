"""SearchTracks and ListTracks: pages of tracks."""

from __future__ import annotations

from dataclasses import dataclass

from search_text import parse_query
from servicekit.caller import Caller
from servicekit.errors import FieldViolation, InvalidFieldsError, PageTokenMismatchError
from servicekit.pagination import decode_id, decode_token, encode_token, fingerprint, paginate
from services.tracks.actions.deps import Deps
from services.tracks.domain.search import START, Place, Stage, stages
from services.tracks.store import listing, search
from services.tracks.store.search import FoundRow
from services.tracks.store.tracks import TrackRow

_LONGEST_TEXT = 2_600


@dataclass(frozen=True, slots=True)
class TrackPage:
    """Tracks in their order, and the token of the next page; empty at the end."""

    tracks: list[TrackRow]
    next_page_token: str


async def search_tracks(deps: Deps, caller: Caller, query: str, size: int, page_token: str) -> TrackPage:
    """Up to `size` tracks that the query finds, the best first; one statement per stage that the page has part in.

    Raises RateLimitedError, PageTokenMismatchError, and InvalidFieldsError for a query of which folding leaves
    nothing.
    """
    wanted = parse_query(query)
    if not wanted.text:
        raise InvalidFieldsError(FieldViolation("query", "has nothing to search for"))
    mark = fingerprint("SearchTracks", caller.user_id, query)
    after = _place(page_token, mark)
    # It costs more than other reads, so it is limited before it runs.
    deps.searches.hit(caller.user_id)
    rows: list[tuple[Stage, FoundRow]] = []
    for place in stages(wanted, after):
        # One more than is shown tells whether there is a next page.
        found = await search.found(deps.database, wanted, place, size + 1 - len(rows))
        rows += [(place.stage, row) for row in found]
        if len(rows) > size:
            break
    shown, token = paginate(rows, size, lambda last: _token(mark, *last))
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
    mark = fingerprint("ListTracks", caller.user_id, asked.provider, asked.state)
    before = decode_id(decode_token(asked.page_token, mark).texts) if asked.page_token else listing.NEWEST
    size = asked.page_size
    rows = await listing.page(deps.database, asked.provider, asked.state, before, size + 1)
    return TrackPage(*paginate(rows, size, lambda last: encode_token(mark, texts=[str(last.id)])))


def _token(mark: int, stage: Stage, row: FoundRow) -> str:
    return encode_token(mark, (stage, row.likeness), (str(row.id), row.search_text or ""))


def _place(page_token: str, mark: int) -> Place:
    if not page_token:
        return START
    token = decode_token(page_token, mark)
    match list(token.numbers), list(token.texts):
        case [stage, likeness], [track_id, text] if (
            stage in set(Stage) and abs(likeness) <= START.likeness and _is_storable(text)
        ):
            return Place(Stage(stage), text, likeness, decode_id([track_id]))
        case _:
            raise PageTokenMismatchError


def _is_storable(text: str) -> bool:
    return "\0" not in text and len(text) <= _LONGEST_TEXT
