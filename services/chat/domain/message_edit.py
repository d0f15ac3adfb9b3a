"""The rules of editing, deleting and restoring a message, applied to what was read under the room lock."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.errors import FieldViolation, InvalidFieldsError
from services.chat.domain.errors import (
    EtagMismatchError,
    MessageDeletedError,
    NotRestorableError,
    NotTheAuthorError,
    RoleRequiredError,
    SystemMessageError,
    TrackNotFoundError,
)
from services.chat.domain.model import DeletionType, Message, MessageType, TrackSnapshot
from services.chat.domain.permissions import Actor, Rank

UPDATABLE_FIELDS = ("text", "track")
_RESTORABLE = frozenset({DeletionType.AUTHOR, DeletionType.MODERATOR})


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit of the fields that `mask` names. An empty `etag` matches any state."""

    room_id: UUID
    message_id: UUID
    text: str
    track_id: UUID | None
    mask: frozenset[str]
    etag: str

    @property
    def new_track_id(self) -> UUID | None:
        """Return the track to look up; None without a new track."""
        return self.track_id if "track" in self.mask else None


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a message: a text, a track or both."""

    text: str | None
    track: TrackSnapshot | None

    @property
    def type(self) -> MessageType:
        """Return the message type of this content."""
        return MessageType.TEXT if self.track is None else MessageType.TRACK


def check_editable(message: Message, user_id: UUID) -> None:
    """Require that a user may edit the message.

    Raises NotTheAuthorError, SystemMessageError or MessageDeletedError, in this order.
    """
    if message.user_id != user_id:
        raise NotTheAuthorError
    if message.type is MessageType.SYSTEM:
        raise SystemMessageError
    if message.deleted_at is not None:
        raise MessageDeletedError(message.id)


def check_etag(message: Message, etag: str) -> None:
    """Require the state of the message that a non-empty `etag` identifies; raises EtagMismatchError."""
    if etag and etag != message.etag:
        raise EtagMismatchError


def apply_edit(message: Message, edit: Edit, track: TrackSnapshot | None) -> Content:
    """Return the content after an edit; `track` is the current snapshot of the edit's new track.

    A track that the message already has keeps its snapshot. Raises TrackNotFoundError, or InvalidFieldsError for
    an edit that would leave neither text nor track.
    """
    text = edit.text or None if "text" in edit.mask else message.text
    posted = message.track
    if "track" in edit.mask:
        if edit.track_id is None:
            posted = None
        elif posted is None or posted.track_id != edit.track_id:
            if track is None:
                raise TrackNotFoundError(edit.track_id)
            posted = track
    if text is None and posted is None:
        faults = (
            FieldViolation(f"message.{name}", "the message needs a text or a track")
            for name in sorted(edit.mask)
        )
        raise InvalidFieldsError(*faults)
    return Content(text, posted)


def check_deletable(message: Message, actor: Actor) -> None:
    """Require that an actor may delete the message: authors their own, moderators any.

    Raises RoleRequiredError or SystemMessageError.
    """
    if message.user_id != actor.user_id and actor.rank < Rank.MODERATOR:
        raise RoleRequiredError(Rank.MODERATOR.name)
    if message.type is MessageType.SYSTEM:
        raise SystemMessageError


def deletion_type(actor: Actor, author_id: UUID | None) -> DeletionType:
    """Return the capacity in which an actor deletes an author's message. With as_admin it is never AUTHOR."""
    if author_id == actor.user_id and not actor.as_admin:
        return DeletionType.AUTHOR
    return DeletionType.ADMIN if actor.rank is Rank.ADMIN else DeletionType.MODERATOR


def check_restorable(message: Message, *, restorable: bool) -> None:
    """Require a deleted message that can be restored; raises NotRestorableError.

    `restorable`: it was deleted within the restore window, and its content is not purged.
    """
    if not restorable or message.deletion_type not in _RESTORABLE:
        raise NotRestorableError
