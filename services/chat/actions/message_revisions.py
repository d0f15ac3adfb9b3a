"""MessageService: list_revisions."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.pagination import (
    MAX_BYTES,
    decode_number,
    encode_token,
    fingerprint,
    paginate,
    take_within_budget,
)
from services.chat.actions.deps import Deps
from services.chat.actions.response_size import OVERHEAD_BYTES, text_bytes
from services.chat.domain.errors import MessageNotFoundError
from services.chat.domain.model import Revision
from services.chat.domain.permissions import Rank, check_reader
from services.chat.store import message_revisions as store
from services.chat.store import rooms

_NEWEST = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class RevisionListing:
    """A ListRevisions request."""

    room_id: UUID
    message_id: UUID
    page_size: int
    page_token: str


async def list_revisions(deps: Deps, caller: Caller, listing: RevisionListing) -> tuple[list[Revision], str]:
    """Return a page of a message's content before each edit, the newest first, and the next page's token.

    For moderators, also of deleted messages; two statements.
    """
    room_id, message_id, size = listing.room_id, listing.message_id, listing.page_size
    request_fingerprint = fingerprint("ListRevisions", caller.user_id, room_id, message_id)
    before = decode_number(listing.page_token, request_fingerprint, _NEWEST)
    row = await rooms.get_room(deps.database, room_id, caller)
    check_reader(room_id, None if row is None else row.membership, caller, Rank.MODERATOR)
    rows = await store.revisions(deps.database, room_id, message_id, before, size + 1)
    if not rows:
        raise MessageNotFoundError(message_id)
    found = [revision for row in rows if (revision := row.revision(message_id)) is not None]
    fit, _ = take_within_budget(found[:size], _bytes, MAX_BYTES)
    return paginate(found, len(fit), lambda last: encode_token(request_fingerprint, (last.number,)))


def _bytes(revision: Revision) -> int:
    track = revision.track
    texts = () if track is None else (track.url, track.title, track.artist, track.artwork_url)
    return OVERHEAD_BYTES + text_bytes((revision.text, *texts))
