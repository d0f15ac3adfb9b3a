"""MessageService: update_message."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Session
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import RoomTransaction, write_in_room
from services.chat.domain.errors import MessageNotFoundError, RoomNotFoundError
from services.chat.domain.message_edit import Content, Edit, apply_edit, check_editable, check_etag
from services.chat.domain.message_search import search_text
from services.chat.domain.model import Message, Position, Room, TrackSnapshot
from services.chat.domain.permissions import check_can_post, check_writer
from services.chat.domain.visibility import CallerMembership
from services.chat.store import message_edit as store
from services.chat.store import rooms
from services.chat.store.message_get import get_message


async def update_message(deps: Deps, caller: Caller, edit: Edit) -> tuple[Message, Position]:
    """Edit the caller's message and return it; an edit to the same content changes nothing.

    A real edit is charged as a send; raises RateLimitedError.
    """
    charge = deps.limits.sends.deferred_hit(caller.user_id)
    # Before the room lock: nothing slow may run under it.
    track = None if edit.new_track_id is None else await _resolve_track(deps, caller, edit, edit.new_track_id)

    public = False

    async def operation(tx: RoomTransaction) -> Message:
        nonlocal public
        public = not tx.membership.private
        message = await _load_editable(tx.session, caller, edit, tx.membership, tx.room)
        content = apply_edit(message, edit, track)
        if content == Content(message.text, message.track):
            # Also with an old etag: a repeat after a lost response finds the message as asked.
            return message
        check_etag(message, edit.etag)
        charge()
        new_search_text = search_text(content.text) if content.text != message.text else None
        message.rev = tx.next_rev()
        message.edited_at = await store.edit(
            tx.session, edit.room_id, message.seq, content, new_search_text, message.rev
        )
        message.type, message.text, message.track = content.type, content.text, content.track
        return message

    edited = await write_in_room(deps, caller, edit.room_id, operation)
    if public and edit.new_track_id is not None:
        deps.listings.add(edit.new_track_id)
    return edited


async def _resolve_track(deps: Deps, caller: Caller, edit: Edit, track_id: UUID) -> TrackSnapshot | None:
    """Return the snapshot of the edit's track: the message's own or the current one; None for an unknown track.

    The rules decide under the room lock. They also run here first, so that their errors do not depend on the tracks
    service.
    """
    async with deps.database.session() as session:
        row = await rooms.get_room(session, edit.room_id, caller)
        if row is None:
            raise RoomNotFoundError(edit.room_id)
        message = await _load_editable(session, caller, edit, row.membership, row.room)
    if message.track is not None and message.track.track_id == track_id:
        return message.track
    check_etag(message, edit.etag)
    return await deps.tracks.snapshot(track_id)


async def _load_editable(
    session: Session, caller: Caller, edit: Edit, membership: CallerMembership, room: Room
) -> Message:
    """Return the message to edit; raises the error of the first broken rule, in the contract's order."""
    role = check_writer(edit.room_id, membership, room.archived_at, room.locked_at)
    check_can_post(role, announcement=room.announcement)
    row = await get_message(session, edit.room_id, caller.user_id, edit.message_id)
    if row is None:
        raise MessageNotFoundError(edit.message_id)
    message = row.message()
    check_editable(message, caller.user_id)
    return message
