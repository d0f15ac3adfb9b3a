"""ReactionService: add_reaction, remove_reaction.

A reaction is what users do most often after reading, so it costs two statements beside the room's lock: one
reads all that the rules need, one writes the reaction, its tally and the room's rev.
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
from services.chat.domain.model import Reaction, Tally
from services.chat.domain.reactions import (
    add,
    check_distinct_limit,
    check_emoji,
    check_reaction,
    has_reacted,
    remove,
)
from services.chat.domain.visibility import check_room_readable
from services.chat.store import reactions as store
from services.chat.store import room_transaction


@dataclass(frozen=True, slots=True)
class ReactionsResult:
    """A message's reactions as they are now. `rev` is the room's last."""

    tallies: list[Tally]
    rev: int


async def add_reaction(
    deps: Deps, caller: Caller, room_id: UUID, message_id: UUID, emoji: str
) -> ReactionsResult:
    """Give a message an emoji; nothing is written when the caller has given it before."""
    check_emoji(emoji)
    charge = deps.limits.reactions.deferred_hit(caller.user_id)

    async def work(session: Session) -> ReactionsResult:
        tallies, rev = await _begin(session, caller, room_id, message_id)
        check_distinct_limit(tallies, emoji)
        charge()
        if has_reacted(tallies, emoji):
            return ReactionsResult(tallies, rev)
        at = await store.add(session, room_id, message_id, caller.user_id, emoji, rev + 1)
        return ReactionsResult(add(tallies, emoji, at), rev + 1)

    return await deps.database.run_in_transaction(work)


async def remove_reaction(
    deps: Deps, caller: Caller, room_id: UUID, message_id: UUID, emoji: str
) -> ReactionsResult:
    """Take an emoji of the caller back; nothing is written when they have not given it."""
    charge = deps.limits.reactions.deferred_hit(caller.user_id)

    async def work(session: Session) -> ReactionsResult:
        tallies, rev = await _begin(session, caller, room_id, message_id)
        charge()
        if not has_reacted(tallies, emoji):
            return ReactionsResult(tallies, rev)
        await store.remove(session, room_id, message_id, caller.user_id, emoji, rev + 1)
        return ReactionsResult(remove(tallies, emoji), rev + 1)

    return await deps.database.run_in_transaction(work)


async def _begin(
    session: Session, caller: Caller, room_id: UUID, message_id: UUID
) -> tuple[list[Tally], int]:
    """Lock the room and check the caller's right; gives the message's tallies and the room's last rev."""
    locked = await room_transaction.lock_visible_room(session, room_id, [caller.user_id])
    if locked is None:
        raise RoomNotFoundError(room_id)
    tallies = check_reaction(
        room_id, message_id, await store.get_context(session, room_id, caller, message_id)
    )
    return tallies, locked.last_rev


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
    request_fingerprint = fingerprint("ListReactions", caller.user_id, room_id, message_id, listing.emoji)
    rows = await store.list_reactions(
        deps.database,
        room_id,
        caller.user_id,
        message_id,
        only=listing.emoji,
        after=_cursor_from_token(listing.page_token, request_fingerprint),
        limit=size + 1,
    )
    room = check_room_readable(room_id, rows[0] if rows else None)
    if not room.live:
        raise MessageNotFoundError(message_id)
    found = [reaction for row in rows if (reaction := row.reaction(message_id)) is not None]
    return paginate(found, size, lambda last: encode_token(request_fingerprint, (last.rev,), (last.emoji,)))


def _cursor_from_token(page_token: str, request_fingerprint: int) -> tuple[str, int]:
    if not page_token:
        return "", 0
    token = decode_token(page_token, request_fingerprint)
    match list(token.texts), list(token.numbers):
        case [emoji], [rev] if "\0" not in emoji:
            return emoji, rev
        case _:
            raise PageTokenMismatchError
