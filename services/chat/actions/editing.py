"""MessageService: edit_message."""

from __future__ import annotations

from servicekit.caller import Caller
from services.chat.actions.changing import Change, change_room
from services.chat.actions.deps import Deps
from services.chat.domain.acting import check_in_use, check_unlocked
from services.chat.domain.editing import Content, Edit, check_editable, edited
from services.chat.domain.errors import MessageNotFoundError
from services.chat.domain.model import Message
from services.chat.domain.searching import search_text
from services.chat.domain.visibility import check_unmuted, check_writer
from services.chat.store import editing as store
from services.chat.store.held import held


async def edit_message(deps: Deps, caller: Caller, edit: Edit) -> Message:
    """The caller's message with its new text or track; an edit to what it says already changes nothing."""
    # Folded, and the track asked for, before the room's lock is anywhere near: nothing slow happens under it.
    folded = search_text(edit.text or None) if "text" in edit.mask else None
    track = None
    if edit.new_track_id is not None:
        track = await deps.tracks.snapshot(edit.new_track_id)

    async def act(change: Change) -> Message:
        standing = check_writer(edit.room_id, change.standing)
        check_unmuted(standing)
        check_in_use(standing.archived_at)
        check_unlocked(standing.locked_at)
        row = await held(change.session, edit.room_id, caller.user_id, edit.message_id)
        if row is None:
            raise MessageNotFoundError(edit.message_id)
        message = row.message(edit.room_id)
        check_editable(message, caller.user_id, edit.etag)
        content = edited(message, edit, track)
        if content == Content(message.text, message.track):
            return message
        message.rev = change.next_rev()
        message.edited_at = await store.edit(
            change.session, edit.room_id, message.seq, content, folded, message.rev
        )
        message.type, message.text, message.track = content.type, content.text, content.track
        return message

    return await change_room(deps.database, caller, edit.room_id, act)
