"""ReactionService: add, remove and list reactions.

Reactions are the most frequent write, so a call costs two statements beside the room lock: one read of the rules'
input, and one write of the reaction, its tally and the room's rev.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Session
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import decode_token, encode_token, fingerprint, paginate
from services.chat.actions.deps import Deps
from services.chat.domain.errors import MessageNotFoundError, RoomNotFoundError
from services.chat.domain.model import Position, Reaction, Tally
from services.chat.domain.reactions import (
    add,
    canonical_emoji,
    check_distinct_limit,
    check_reaction,
    has_reacted,
    remove,
    require_emoji,
)
from services.chat.domain.visibility import check_room_readable
from services.chat.store import reactions as store
from services.chat.store import room_transaction


@dataclass(frozen=True, slots=True)
class ReactionsResult:
    """A message's reactions and the room's position after the call."""

    tallies: list[Tally]
    position: Position


async def add_reaction(
    deps: Deps, caller: Caller, room_id: UUID, message_id: UUID, emoji: str
) -> ReactionsResult:
    """Add an emoji of the caller to a message; a repeated one changes nothing."""
    emoji = require_emoji(emoji)
    charge = deps.limits.reactions.deferred_hit(caller.user_id)

    async def work(session: Session) -> tuple[list[Tally], int]:
        tallies, rev = await _begin(session, caller, room_id, message_id)
        check_distinct_limit(tallies, emoji)
        charge()
        if has_reacted(tallies, emoji):
            return tallies, rev
        at = await store.add(session, room_id, message_id, caller.user_id, emoji, rev + 1)
        return add(tallies, emoji, at), rev + 1

    epoch = deps.epoch.value
    tallies, rev = await deps.database.run_in_transaction(work)
    deps.hints.room_moved(room_id)
    return ReactionsResult(tallies, Position(room_id, epoch, rev))


async def remove_reaction(
    deps: Deps, caller: Caller, room_id: UUID, message_id: UUID, emoji: str
) -> ReactionsResult:
    """Remove an emoji of the caller from a message; without it this changes nothing."""
    emoji = canonical_emoji(emoji)
    charge = deps.limits.reactions.deferred_hit(caller.user_id)

    async def work(session: Session) -> tuple[list[Tally], int]:
        tallies, rev = await _begin(session, caller, room_id, message_id)
        charge()
        if not has_reacted(tallies, emoji):
            return tallies, rev
        await store.remove(session, room_id, message_id, caller.user_id, emoji, rev + 1)
        return remove(tallies, emoji), rev + 1

    epoch = deps.epoch.value
    tallies, rev = await deps.database.run_in_transaction(work)
    deps.hints.room_moved(room_id)
    return ReactionsResult(tallies, Position(room_id, epoch, rev))


async def _begin(
    session: Session, caller: Caller, room_id: UUID, message_id: UUID
) -> tuple[list[Tally], int]:
    """Lock the room and check the rules; returns the message's tallies and the room's last rev."""
    locked = await room_transaction.lock_visible_room(session, room_id, [caller.user_id])
    if locked is None:
        raise RoomNotFoundError(room_id)
    tallies = check_reaction(
        room_id, message_id, await store.get_context(session, room_id, caller, message_id)
    )
    return tallies, locked.last_rev


@dataclass(frozen=True, slots=True)
class ReactionListing:
    """A ListReactions request; `emoji` is "" for all."""

    room_id: UUID
    message_id: UUID
    emoji: str
    page_size: int
    page_token: str


async def list_reactions(deps: Deps, caller: Caller, listing: ReactionListing) -> tuple[list[Reaction], str]:
    """Return a page of reactions, sorted by emoji and time, and the next page's token; one statement."""
    room_id, message_id, size = listing.room_id, listing.message_id, listing.page_size
    emoji = canonical_emoji(listing.emoji)
    request_fingerprint = fingerprint("ListReactions", caller.user_id, room_id, message_id, emoji)
    page = await store.list_reactions(
        deps.database,
        room_id,
        caller.user_id,
        message_id,
        only=emoji,
        after=_cursor_from_token(listing.page_token, request_fingerprint),
        limit=size + 1,
    )
    check_room_readable(room_id, page.access)
    if not page.live:
        raise MessageNotFoundError(message_id)
    return paginate(
        page.reactions, size, lambda last: encode_token(request_fingerprint, (last.rev,), (last.emoji,))
    )


def _cursor_from_token(page_token: str, request_fingerprint: int) -> tuple[str, int]:
    if not page_token:
        return "", 0
    token = decode_token(page_token, request_fingerprint)
    match list(token.texts), list(token.numbers):
        case [emoji], [rev] if "\0" not in emoji:
            return emoji, rev
        case _:
            raise PageTokenMismatchError
