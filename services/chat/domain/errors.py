"""Errors of chat, one class per ErrorReason of seda.chat.v1."""

from __future__ import annotations

from uuid import UUID

from servicekit.errors import Code, FieldFault, ServiceError


class RoomNotFoundError(ServiceError):
    """No such room, or none that the caller may know of."""

    code = Code.NOT_FOUND
    reason = "ROOM_NOT_FOUND"

    def __init__(self, room_id: UUID) -> None:
        super().__init__("no such room", metadata={"room_id": str(room_id)})


class MessageNotFoundError(ServiceError):
    """No such message in the room, or none that the caller may know of."""

    code = Code.NOT_FOUND
    reason = "MESSAGE_NOT_FOUND"

    def __init__(self, message_id: UUID) -> None:
        super().__init__("no such message", metadata={"message_id": str(message_id)})


class RequestIdReusedError(ServiceError):
    """The request id was used with other fields."""

    code = Code.ALREADY_EXISTS
    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: UUID) -> None:
        super().__init__(
            "the request_id was used with other fields", metadata={"request_id": str(request_id)}
        )


class BannedError(ServiceError):
    """The caller is banned from the room."""

    code = Code.PERMISSION_DENIED
    reason = "BANNED"

    def __init__(self) -> None:
        super().__init__("you are banned from this room")


class NotAMemberError(ServiceError):
    """Only members may do this."""

    code = Code.PERMISSION_DENIED
    reason = "NOT_A_MEMBER"

    def __init__(self) -> None:
        super().__init__("join the room first")


class CallerMutedError(ServiceError):
    """The caller is muted, in the room or on the whole platform."""

    code = Code.PERMISSION_DENIED
    reason = "CALLER_MUTED"

    def __init__(self, scope: str) -> None:
        super().__init__("you are muted", metadata={"scope": scope})


class AnnouncementRoomError(ServiceError):
    """Only moderators post in this room."""

    code = Code.PERMISSION_DENIED
    reason = "ANNOUNCEMENT_ROOM"

    def __init__(self) -> None:
        super().__init__("only moderators post in this room")


class RoomLockedError(ServiceError):
    """The room is read-only for now."""

    code = Code.FAILED_PRECONDITION
    reason = "ROOM_LOCKED"

    def __init__(self) -> None:
        super().__init__("the room is locked")


class RoomArchivedError(ServiceError):
    """The room is archived."""

    code = Code.FAILED_PRECONDITION
    reason = "ROOM_ARCHIVED"

    def __init__(self) -> None:
        super().__init__("the room is archived")


class ParentDeletedError(ServiceError):
    """The message to answer, or its root, is deleted."""

    code = Code.FAILED_PRECONDITION
    reason = "PARENT_DELETED"

    def __init__(self) -> None:
        super().__init__("the message to answer is deleted")


class SlowModeError(ServiceError):
    """Too soon after the member's last message. `wait` is in seconds."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "SLOW_MODE"

    def __init__(self, wait: float) -> None:
        super().__init__("the room is in slow mode", retry_after=wait)


class TrackNotFoundError(ServiceError):
    """No such track."""

    code = Code.INVALID_ARGUMENT
    reason = "TRACK_NOT_FOUND"

    def __init__(self, track_id: UUID) -> None:
        super().__init__(
            "no such track",
            metadata={"track_id": str(track_id)},
            fields=[FieldFault("track_id", "names no track")],
        )


class MentionNotAMemberError(ServiceError):
    """A mentioned user is no member."""

    code = Code.INVALID_ARGUMENT
    reason = "MENTION_NOT_A_MEMBER"

    def __init__(self, user_id: UUID) -> None:
        super().__init__(
            "a mentioned user is no member of the room",
            metadata={"user_id": str(user_id)},
            fields=[FieldFault("mention_user_ids", "names a user who is no member")],
        )
