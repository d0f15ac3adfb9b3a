"""What a message says after an edit."""

from __future__ import annotations

import uuid

import pytest

from servicekit.clock import Micros
from services.chat.domain.errors import TrackNotFoundError
from services.chat.domain.message_edit import Content, Edit, apply_edit
from services.chat.domain.model import Message, MessageType, TrackSnapshot

_ROOM, _USER = uuid.uuid4(), uuid.uuid4()
_POSTED, _OTHER = (TrackSnapshot(uuid.uuid4(), "spotify", "id", "https://example.org") for _ in range(2))


@pytest.mark.parametrize(
    ("track_id", "known", "after"),
    [
        (_POSTED.track_id, None, _POSTED),
        (_POSTED.track_id, _OTHER, _POSTED),
        (_OTHER.track_id, _OTHER, _OTHER),
        (_OTHER.track_id, None, TrackNotFoundError),
        (None, None, None),
    ],
    ids=["the same, gone by now", "the same", "another", "another that nobody knows", "none"],
)
def test_edited_keeps_the_track_that_is_posted(
    track_id: uuid.UUID | None,
    known: TrackSnapshot | None,
    after: TrackSnapshot | type[TrackNotFoundError] | None,
) -> None:
    message = Message(
        uuid.uuid4(), _ROOM, 1, 1, _USER, MessageType.TRACK, "words", _POSTED, None, None, Micros(1)
    )
    edit = Edit(_ROOM, message.id, "", track_id, frozenset({"track"}), "")
    if isinstance(after, type):
        with pytest.raises(after):
            apply_edit(message, edit, known)
    else:
        assert apply_edit(message, edit, known) == Content("words", after)
