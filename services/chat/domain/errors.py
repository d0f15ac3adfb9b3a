"""Errors of chat, one class per ErrorReason of seda.chat.v1."""

from __future__ import annotations

from uuid import UUID

from servicekit.errors import Code, FieldViolation, ServiceError


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
            violations=[FieldViolation("track_id", "names no track")],
        )


class MentionNotAMemberError(ServiceError):
    """A mentioned user is no member."""

    code = Code.INVALID_ARGUMENT
    reason = "MENTION_NOT_A_MEMBER"

    def __init__(self, user_id: UUID) -> None:
        super().__init__(
            "a mentioned user is no member of the room",
            metadata={"user_id": str(user_id)},
            violations=[FieldViolation("mention_user_ids", "names a user who is no member")],
        )


class RoleRequiredError(ServiceError):
    """The caller's role is not enough. `role` is the least that is."""

    code = Code.PERMISSION_DENIED
    reason = "ROLE_REQUIRED"

    def __init__(self, role: str) -> None:
        super().__init__("your role does not allow this", metadata={"role": role})


class LastOwnerError(ServiceError):
    """The last owner can't leave the room."""

    code = Code.FAILED_PRECONDITION
    reason = "LAST_OWNER"

    def __init__(self) -> None:
        super().__init__("make somebody else an owner first")


class TargetProtectedError(ServiceError):
    """Nobody acts on themselves, on equals or on higher ones."""

    code = Code.PERMISSION_DENIED
    reason = "TARGET_PROTECTED"

    def __init__(self, user_id: UUID) -> None:
        super().__init__(
            "nobody acts on themselves, on equals or on higher ones", metadata={"user_id": str(user_id)}
        )


class MemberNotFoundError(ServiceError):
    """The user is no member of the room."""

    code = Code.NOT_FOUND
    reason = "MEMBER_NOT_FOUND"

    def __init__(self, user_id: UUID) -> None:
        super().__init__("the user is no member of the room", metadata={"user_id": str(user_id)})


class MessageDeletedError(ServiceError):
    """The message is deleted."""

    code = Code.FAILED_PRECONDITION
    reason = "MESSAGE_DELETED"

    def __init__(self, message_id: UUID) -> None:
        super().__init__("the message is deleted", metadata={"message_id": str(message_id)})


class ReactionLimitError(ServiceError):
    """The message has as many distinct reactions as it takes."""

    code = Code.FAILED_PRECONDITION
    reason = "REACTION_LIMIT"

    def __init__(self) -> None:
        super().__init__("the message has 20 distinct reactions")


class PinLimitError(ServiceError):
    """The room has as many pins as it takes."""

    code = Code.FAILED_PRECONDITION
    reason = "PIN_LIMIT"

    def __init__(self) -> None:
        super().__init__("the room has 50 pins")


class TargetBannedError(ServiceError):
    """The user is banned from the room."""

    code = Code.FAILED_PRECONDITION
    reason = "TARGET_BANNED"

    def __init__(self, user_id: UUID) -> None:
        super().__init__("the user is banned from the room", metadata={"user_id": str(user_id)})


class ReportNotFoundError(ServiceError):
    """The room has no such report."""

    code = Code.NOT_FOUND
    reason = "REPORT_NOT_FOUND"

    def __init__(self, report_id: UUID) -> None:
        super().__init__("no such report", metadata={"report_id": str(report_id)})


class NotTheAuthorError(ServiceError):
    """Only the message's author may do this."""

    code = Code.PERMISSION_DENIED
    reason = "NOT_THE_AUTHOR"

    def __init__(self) -> None:
        super().__init__("only the author edits a message")


class EtagMismatchError(ServiceError):
    """The thing has changed since the caller read it."""

    code = Code.ABORTED
    reason = "ETAG_MISMATCH"

    def __init__(self) -> None:
        super().__init__("it has changed since you read it")


class NotRestorableError(ServiceError):
    """The message was deleted too long ago, by an administrator, or with its author's account."""

    code = Code.FAILED_PRECONDITION
    reason = "NOT_RESTORABLE"

    def __init__(self) -> None:
        super().__init__("the message can't be restored any more")


class SystemMessageError(ServiceError):
    """SYSTEM messages are neither edited nor deleted."""

    code = Code.FAILED_PRECONDITION
    reason = "SYSTEM_MESSAGE"

    def __init__(self) -> None:
        super().__init__("it is a message of the service itself")
