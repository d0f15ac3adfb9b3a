"""Errors of chat, one class per ErrorReason of seda.chat.v1."""

from __future__ import annotations

from uuid import UUID

from servicekit.errors import Code, FieldViolation, ServiceError


class RoomNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="ROOM_NOT_FOUND"):
    """No such room, or none that the caller may know of."""

    def __init__(self, room_id: UUID) -> None:
        super().__init__("no such room", metadata={"room_id": str(room_id)})


class MessageNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="MESSAGE_NOT_FOUND"):
    """No such message in the room, or none that the caller may know of."""

    def __init__(self, message_id: UUID) -> None:
        super().__init__("no such message", metadata={"message_id": str(message_id)})


class RequestIdReusedError(ServiceError, code=Code.ALREADY_EXISTS, reason="REQUEST_ID_REUSED"):
    """The request id was used with other fields."""

    def __init__(self, request_id: UUID) -> None:
        super().__init__(
            "the request_id was used with other fields", metadata={"request_id": str(request_id)}
        )


class BannedError(ServiceError, code=Code.PERMISSION_DENIED, reason="BANNED"):
    """The caller is banned from the room."""

    default_message = "you are banned from this room"


class NotAMemberError(ServiceError, code=Code.PERMISSION_DENIED, reason="NOT_A_MEMBER"):
    """Only members may do this."""

    default_message = "join the room first"


class CallerMutedError(ServiceError, code=Code.PERMISSION_DENIED, reason="CALLER_MUTED"):
    """The caller is muted, in the room or on the whole platform."""

    def __init__(self, scope: str) -> None:
        super().__init__("you are muted", metadata={"scope": scope})


class AnnouncementRoomError(ServiceError, code=Code.PERMISSION_DENIED, reason="ANNOUNCEMENT_ROOM"):
    """Only moderators post in this room."""

    default_message = "only moderators post in this room"


class RoomLockedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="ROOM_LOCKED"):
    """The room is read-only for now."""

    default_message = "the room is locked"


class RoomArchivedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="ROOM_ARCHIVED"):
    """The room is archived."""

    default_message = "the room is archived"


class ParentDeletedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="PARENT_DELETED"):
    """The message to answer, or its root, is deleted."""

    default_message = "the message to answer is deleted"


class SlowModeError(ServiceError, code=Code.RESOURCE_EXHAUSTED, reason="SLOW_MODE"):
    """Too soon after the member's last message. `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("the room is in slow mode", retry_after=wait)


class TrackNotFoundError(ServiceError, code=Code.INVALID_ARGUMENT, reason="TRACK_NOT_FOUND"):
    """No such track."""

    def __init__(self, track_id: UUID) -> None:
        super().__init__(
            "no such track",
            metadata={"track_id": str(track_id)},
            violations=[FieldViolation("track_id", "names no track")],
        )


class MentionNotAMemberError(ServiceError, code=Code.INVALID_ARGUMENT, reason="MENTION_NOT_A_MEMBER"):
    """A mentioned user is no member."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__(
            "a mentioned user is no member of the room",
            metadata={"user_id": str(user_id)},
            violations=[FieldViolation("mention_user_ids", "names a user who is no member")],
        )


class RoleRequiredError(ServiceError, code=Code.PERMISSION_DENIED, reason="ROLE_REQUIRED"):
    """The caller's role is not enough. `role` is the least that is."""

    def __init__(self, role: str) -> None:
        super().__init__("your role does not allow this", metadata={"role": role})


class LastOwnerError(ServiceError, code=Code.FAILED_PRECONDITION, reason="LAST_OWNER"):
    """The last owner can't leave the room."""

    default_message = "make somebody else an owner first"


class TargetProtectedError(ServiceError, code=Code.PERMISSION_DENIED, reason="TARGET_PROTECTED"):
    """Nobody acts on themselves, on equals or on higher ones."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__(
            "nobody acts on themselves, on equals or on higher ones", metadata={"user_id": str(user_id)}
        )


class MemberNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="MEMBER_NOT_FOUND"):
    """The user is no member of the room."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__("the user is no member of the room", metadata={"user_id": str(user_id)})


class MessageDeletedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="MESSAGE_DELETED"):
    """The message is deleted."""

    def __init__(self, message_id: UUID) -> None:
        super().__init__("the message is deleted", metadata={"message_id": str(message_id)})


class ReactionLimitError(ServiceError, code=Code.FAILED_PRECONDITION, reason="REACTION_LIMIT"):
    """The message has as many distinct reactions as it takes."""

    default_message = "the message has 20 distinct reactions"


class PinLimitError(ServiceError, code=Code.FAILED_PRECONDITION, reason="PIN_LIMIT"):
    """The room has as many pins as it takes."""

    default_message = "the room has 50 pins"


class TargetBannedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="TARGET_BANNED"):
    """The user is banned from the room."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__("the user is banned from the room", metadata={"user_id": str(user_id)})


class ReportNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="REPORT_NOT_FOUND"):
    """The room has no such report."""

    def __init__(self, report_id: UUID) -> None:
        super().__init__("no such report", metadata={"report_id": str(report_id)})


class NotTheAuthorError(ServiceError, code=Code.PERMISSION_DENIED, reason="NOT_THE_AUTHOR"):
    """Only the message's author may do this."""

    default_message = "only the author edits a message"


class EtagMismatchError(ServiceError, code=Code.ABORTED, reason="ETAG_MISMATCH"):
    """The thing has changed since the caller read it."""

    default_message = "it has changed since you read it"


class NotRestorableError(ServiceError, code=Code.FAILED_PRECONDITION, reason="NOT_RESTORABLE"):
    """The message was deleted too long ago, by an administrator, or with its author's account."""

    default_message = "the message can't be restored any more"


class SystemMessageError(ServiceError, code=Code.FAILED_PRECONDITION, reason="SYSTEM_MESSAGE"):
    """SYSTEM messages are neither edited nor deleted."""

    default_message = "it is a message of the service itself"
