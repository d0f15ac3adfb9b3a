"""Errors of chat, one class per ErrorReason of seda.chat.v1."""

from __future__ import annotations

from uuid import UUID

from servicekit.clock import Micros
from servicekit.errors import Code, FieldViolation, ServiceError
from servicekit.timestamps import format_rfc3339


class RoomNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="ROOM_NOT_FOUND"):
    """The room does not exist or is hidden from the caller."""

    def __init__(self, room_id: UUID) -> None:
        super().__init__("room not found", metadata={"room_id": str(room_id)})


class MessageNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="MESSAGE_NOT_FOUND"):
    """The message does not exist or is hidden from the caller."""

    def __init__(self, message_id: UUID) -> None:
        super().__init__("message not found", metadata={"message_id": str(message_id)})


class RequestIdReusedError(ServiceError, code=Code.ALREADY_EXISTS, reason="REQUEST_ID_REUSED"):
    """The request id was used with different fields."""

    def __init__(self, request_id: UUID) -> None:
        super().__init__(
            "request_id was already used with different fields", metadata={"request_id": str(request_id)}
        )


class BannedError(ServiceError, code=Code.PERMISSION_DENIED, reason="BANNED"):
    """The caller is banned from the room."""

    default_message = "banned from this room"


class NotAMemberError(ServiceError, code=Code.PERMISSION_DENIED, reason="NOT_A_MEMBER"):
    """The caller is not a member of the room."""

    default_message = "not a member of this room; join it first"


class CallerMutedError(ServiceError, code=Code.PERMISSION_DENIED, reason="CALLER_MUTED"):
    """The caller is muted, in the room or on the platform."""

    def __init__(self, scope: str) -> None:
        super().__init__("the caller is muted", metadata={"scope": scope})


class AnnouncementRoomError(ServiceError, code=Code.PERMISSION_DENIED, reason="ANNOUNCEMENT_ROOM"):
    """Only moderators may post in this room."""

    default_message = "only moderators may post in this room"


class RoomLockedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="ROOM_LOCKED"):
    """The room is locked."""

    default_message = "the room is locked"


class RoomArchivedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="ROOM_ARCHIVED"):
    """The room is archived."""

    default_message = "the room is archived"


class ParentDeletedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="PARENT_DELETED"):
    """The parent message, or its root, is deleted."""

    default_message = "the parent message is deleted"


class SlowModeError(ServiceError, code=Code.RESOURCE_EXHAUSTED, reason="SLOW_MODE"):
    """Too soon after the member's last message. `wait` is in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("the room is in slow mode", retry_after=wait)


class SearchTooBroadError(ServiceError, code=Code.FAILED_PRECONDITION, reason="SEARCH_TOO_BROAD"):
    """The search took too long. `start_at` and `end_at` are the times that it covered; None: from the beginning."""

    def __init__(self, start_at: Micros | None, end_at: Micros) -> None:
        super().__init__(
            "the search takes too long; add words, a room, an author or a shorter time",
            metadata={
                "start_time": format_rfc3339(start_at or Micros(0)),
                "end_time": format_rfc3339(end_at),
            },
        )


class TrackNotFoundError(ServiceError, code=Code.INVALID_ARGUMENT, reason="TRACK_NOT_FOUND"):
    """The track does not exist."""

    def __init__(self, track_id: UUID) -> None:
        super().__init__(
            "track not found",
            metadata={"track_id": str(track_id)},
            violations=[FieldViolation("track_id", "must name an existing track")],
        )


class MentionNotAMemberError(ServiceError, code=Code.INVALID_ARGUMENT, reason="MENTION_NOT_A_MEMBER"):
    """A mentioned user is not a member."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__(
            "a mentioned user is not a member of the room",
            metadata={"user_id": str(user_id)},
            violations=[FieldViolation("mention_user_ids", "must name members of the room")],
        )


class RoleRequiredError(ServiceError, code=Code.PERMISSION_DENIED, reason="ROLE_REQUIRED"):
    """The caller's role is not sufficient. `role` is the minimum."""

    def __init__(self, role: str) -> None:
        super().__init__("insufficient role", metadata={"role": role})


class LastOwnerError(ServiceError, code=Code.FAILED_PRECONDITION, reason="LAST_OWNER"):
    """The last owner can't leave the room."""

    default_message = "the last owner can't leave; promote another owner first"


class TargetProtectedError(ServiceError, code=Code.PERMISSION_DENIED, reason="TARGET_PROTECTED"):
    """The target is the caller, or has the same rank or a higher one."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__("the target's rank is not below the caller's", metadata={"user_id": str(user_id)})


class MemberNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="MEMBER_NOT_FOUND"):
    """The user is not a member of the room, or for a sanction never was and is not invited."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__("the user is not a member of the room", metadata={"user_id": str(user_id)})


class MessageDeletedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="MESSAGE_DELETED"):
    """The message is deleted."""

    def __init__(self, message_id: UUID) -> None:
        super().__init__("the message is deleted", metadata={"message_id": str(message_id)})


class ReactionLimitError(ServiceError, code=Code.FAILED_PRECONDITION, reason="REACTION_LIMIT"):
    """The message has the maximum number of distinct reactions."""

    default_message = "the message has 20 distinct reactions, the maximum"


class PinLimitError(ServiceError, code=Code.FAILED_PRECONDITION, reason="PIN_LIMIT"):
    """The room has the maximum number of pins."""

    default_message = "the room has 50 pins, the maximum"


class TargetBannedError(ServiceError, code=Code.FAILED_PRECONDITION, reason="TARGET_BANNED"):
    """The user is banned from the room."""

    def __init__(self, user_id: UUID) -> None:
        super().__init__("the user is banned from the room", metadata={"user_id": str(user_id)})


class ReportNotFoundError(ServiceError, code=Code.NOT_FOUND, reason="REPORT_NOT_FOUND"):
    """The room has no such report."""

    def __init__(self, report_id: UUID) -> None:
        super().__init__("report not found", metadata={"report_id": str(report_id)})


class NotTheAuthorError(ServiceError, code=Code.PERMISSION_DENIED, reason="NOT_THE_AUTHOR"):
    """Only the message's author may do this."""

    default_message = "only the author may edit a message"


class EtagMismatchError(ServiceError, code=Code.ABORTED, reason="ETAG_MISMATCH"):
    """The resource has changed since the caller read it."""

    default_message = "etag mismatch; re-read and retry"


class NotRestorableError(ServiceError, code=Code.FAILED_PRECONDITION, reason="NOT_RESTORABLE"):
    """The message was deleted too long ago, by an administrator, or with its author's account."""

    default_message = "the message can no longer be restored"


class SystemMessageError(ServiceError, code=Code.FAILED_PRECONDITION, reason="SYSTEM_MESSAGE"):
    """SYSTEM messages can't be edited, deleted or reported."""

    default_message = "SYSTEM messages can't be edited, deleted or reported"


class TooManyRoomsError(ServiceError, code=Code.FAILED_PRECONDITION, reason="TOO_MANY_ROOMS"):
    """The caller is in more rooms than one stream watches."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a stream watches at most {limit} rooms", metadata={"limit": str(limit)})
