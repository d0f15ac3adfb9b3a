"""ReactionService: list_reactions."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.errors import PageTokenMismatchError
from servicekit.pages import decode_token, encode_token, fingerprint, page_of
from services.chat.actions.deps import Deps
from services.chat.domain.errors import MessageNotFoundError
from services.chat.domain.model import Reaction
from services.chat.domain.visibility import check_readable
from services.chat.store import reaction_lists as store


@dataclass(frozen=True, slots=True)
class ReactionListing:
    """Which reactions to list; `emoji` is "" for all."""

    room_id: UUID
    message_id: UUID
    emoji: str
    page_size: int
    page_token: str


async def list_reactions(deps: Deps, caller: Caller, listing: ReactionListing) -> tuple[list[Reaction], str]:
    """A page of reactions, emoji by emoji, each in the order of giving, and the next page's token; one statement."""
    room_id, message_id, size = listing.room_id, listing.message_id, listing.page_size
    mark = fingerprint("ListReactions", caller.user_id, room_id, message_id, listing.emoji)
    rows = await store.reactions(
        deps.database,
        room_id,
        caller.user_id,
        message_id,
        only=listing.emoji,
        after=_place(listing.page_token, mark),
        limit=size + 1,
    )
    room = check_readable(room_id, rows[0] if rows else None)
    if not room.live:
        raise MessageNotFoundError(message_id)
    found = [reaction for row in rows if (reaction := row.reaction(message_id)) is not None]
    return page_of(found, size, lambda last: encode_token(mark, (last.rev,), (last.emoji,)))


def _place(page_token: str, mark: int) -> tuple[str, int]:
    if not page_token:
        return "", 0
    token = decode_token(page_token, mark)
    match list(token.texts), list(token.numbers):
        case [emoji], [rev] if "\0" not in emoji:
            return emoji, rev
        case _:
            raise PageTokenMismatchError
