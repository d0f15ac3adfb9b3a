"""MessageService: edit_message."""

from __future__ import annotations

from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Session
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import RoomTransaction, with_room_lock
from services.chat.domain.errors import MessageNotFoundError
from services.chat.domain.message_edit import Content, Edit, apply_edit, check_editable
from services.chat.domain.model import Message, TrackSnapshot
from services.chat.domain.permissions import check_can_post, check_not_archived, check_unlocked
from services.chat.domain.searching import search_text
from services.chat.domain.visibility import check_unmuted, check_writer
from services.chat.store import message_edit as store
from services.chat.store import rooms
from services.chat.store.message_get import get_message
from services.chat.store.rooms import RoomRow


async def edit_message(deps: Deps, caller: Caller, edit: Edit) -> Message:
    """The caller's message with its new text or track; an edit to what it says already changes nothing.

    Others count as sends; raises RateLimitedError.
    """
    charge = deps.limits.sends.deferred_hit(caller.user_id)
    # Folded, and the track asked for, before the room's lock is anywhere near: nothing slow happens under it.
    new_search_text = search_text(edit.text or None) if "text" in edit.mask else None
    track = None if edit.new_track_id is None else await _resolve_track(deps, caller, edit, edit.new_track_id)

    async def operation(tx: RoomTransaction) -> Message:
        message = await _load_editable(tx.session, caller, edit, tx.room)
        content = apply_edit(message, edit, track)
        if content == Content(message.text, message.track):
            return message
        charge()
        message.rev = tx.next_rev()
        message.edited_at = await store.edit(
            tx.session, edit.room_id, message.seq, content, new_search_text, message.rev
        )
        message.type, message.text, message.track = content.type, content.text, content.track
        return message

    return await with_room_lock(deps.database, caller, edit.room_id, operation)


async def _resolve_track(deps: Deps, caller: Caller, edit: Edit, track_id: UUID) -> TrackSnapshot | None:
    """The track that the edit posts: as the message has it, or else as it is known now; None when there is none.

    The rules decide under the room's lock. They come before the track, so they are tried here first: who may not
    know of the room or may not edit the message is told that, whether the tracks service is there or not.
    """
    async with deps.database.session() as session:
        membership = await rooms.room(session, edit.room_id, caller)
        message = await _load_editable(session, caller, edit, membership)
    if message.track is not None and message.track.track_id == track_id:
        return message.track
    return await deps.tracks.snapshot(track_id)


async def _load_editable(session: Session, caller: Caller, edit: Edit, room: RoomRow | None) -> Message:
    """The message as it is; raises the first rule's error that the edit breaks, in the contract's order."""
    membership = check_writer(edit.room_id, room)
    check_unmuted(membership)
    check_not_archived(membership.archived_at)
    check_unlocked(membership.locked_at)
    check_can_post(membership.role, announcement=membership.announcement)
    row = await get_message(session, edit.room_id, caller.user_id, edit.message_id)
    if row is None:
        raise MessageNotFoundError(edit.message_id)
    message = row.message(edit.room_id)
    check_editable(message, caller.user_id, edit.etag)
    return message
