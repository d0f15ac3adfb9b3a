"""Who may do what in a room, as the contract promises it: a row for every method of chat."""

from __future__ import annotations

from typing import NamedTuple

OK = "OK"
OUTSIDERS = ("user", "platform moderator", "platform admin")
"""Users without any place in the room: a role on the platform counts for nothing without as_admin."""
ROLES = (*OUTSIDERS, "invited", "banned", "muted", "member", "moderator", "owner", "service")
KINDS = ("public", "private", "missing")


class Row(NamedTuple):
    """What a method answers: the reason of its refusal, or OK.

    `outsider` and `banned` are in a public room; a private one is missing for both. `invited` is in a private
    room; in a public one an invitation changes nothing.
    """

    outsider: str
    banned: str
    invited: str
    muted: str = OK
    member: str = OK
    moderator: str = OK
    owner: str = OK
    missing: str = "ROOM_NOT_FOUND"

    def answer(self, role: str, kind: str) -> str:
        """What somebody of a role is answered about a room of a kind."""
        if role == "service":
            return "ACCESS_DENIED"
        if kind == "missing":
            return self.missing
        if role in OUTSIDERS:
            return self.outsider if kind == "public" else self.missing
        if role == "banned":
            return self.banned if kind == "public" else self.missing
        if role == "invited":
            return self.outsider if kind == "public" else self.invited
        answer: str = getattr(self, role)
        return answer


class InspectRow(NamedTuple):
    """What a read for the platform's staff answers: administrators in any room, moderators in public ones."""

    moderators: bool
    missing: str = "ROOM_NOT_FOUND"

    def answer(self, role: str, kind: str) -> str:
        """The response to a caller of a role about a room of a kind."""
        if role == "platform admin":
            return self.missing if kind == "missing" else OK
        if role == "platform moderator" and self.moderators:
            return OK if kind == "public" else self.missing
        return "ACCESS_DENIED"


_HIDDEN = "ROOM_NOT_FOUND"
_STRANGER, _BANNED, _ROLE, _MUTED = "NOT_A_MEMBER", "BANNED", "ROLE_REQUIRED", "CALLER_MUTED"
_READ = Row(OK, _BANNED, _HIDDEN)
_WRITE = Row(_STRANGER, _BANNED, _STRANGER, muted=_MUTED)
_CURATE = _WRITE._replace(member=_ROLE)
_JOIN = Row(OK, _BANNED, OK)
_MARK = Row(_STRANGER, _STRANGER, _HIDDEN)
_MODERATE = Row(_STRANGER, _BANNED, _HIDDEN, muted=_ROLE, member=_ROLE)
_ARRANGE = _MODERATE._replace(muted=_MUTED)
_OWN = _MODERATE._replace(moderator=_ROLE)
_ANYBODY = Row(OK, OK, OK, missing=OK)
# Public rooms are answered without a look at who asks; what is hidden is just not among the answers.
_NOBODY = Row(*["ACCESS_DENIED"] * 8)

TABLE: dict[str, Row | InspectRow] = {
    "RoomService.CreateRoom": _ANYBODY,
    "RoomService.GetRoom": _READ._replace(invited=OK),
    "RoomService.UpdateRoom": _ARRANGE,
    "RoomService.ListPublicRooms": _ANYBODY,
    "RoomService.ListMyRooms": _ANYBODY,
    "RoomService.GetMyRoomsRev": _ANYBODY,
    "RoomService.PinMessage": _CURATE,
    "RoomService.UnpinMessage": _CURATE,
    "RoomService.ListPins": _READ,
    # A room that the caller may not read is lost, without an error of the stream.
    "LiveService.Watch": _ANYBODY,
    "LiveService.ListChanges": _READ,
    "LiveService.SendTyping": _WRITE,
    "MembershipService.JoinRoom": _JOIN,
    "MembershipService.AcceptInvitation": _JOIN,
    "MembershipService.LeaveRoom": Row(OK, OK, OK, owner="LAST_OWNER", missing=OK),
    "MembershipService.DeclineInvitation": _ANYBODY,
    "MembershipService.InviteUser": _ARRANGE,
    "MembershipService.RevokeInvitation": _ARRANGE,
    "MembershipService.ListInvitations": _MODERATE,
    "MembershipService.ListMyInvitations": _ANYBODY,
    "MembershipService.ListMembers": _READ,
    "MembershipService.SetMemberRole": _OWN._replace(muted=_MUTED),
    "MembershipService.MarkRead": _MARK,
    "MembershipService.MarkUnread": _MARK,
    "MessageService.SendMessage": _WRITE,
    "MessageService.ListMessages": _READ,
    "MessageService.ListReplies": _READ,
    "MessageService.GetMessage": _READ._replace(invited="MESSAGE_NOT_FOUND", missing="MESSAGE_NOT_FOUND"),
    "MessageService.InspectMessage": InspectRow(moderators=True, missing="MESSAGE_NOT_FOUND"),
    "MessageService.LookupMessages": _ANYBODY,
    "MessageService.SearchMessages": _READ,
    "MessageService.UpdateMessage": _WRITE,
    "MessageService.DeleteMessage": _WRITE._replace(muted=OK),
    "MessageService.RestoreMessage": _CURATE._replace(muted=_ROLE),
    "MessageService.ListRevisions": _MODERATE,
    "ReactionService.AddReaction": _WRITE,
    "ReactionService.RemoveReaction": _WRITE,
    "ReactionService.ListReactions": _READ,
    "ModerationService.MuteMember": _MODERATE,
    "ModerationService.UnmuteMember": _MODERATE,
    "ModerationService.KickMember": _MODERATE,
    "ModerationService.BanMember": _MODERATE,
    "ModerationService.UnbanMember": _MODERATE,
    "ModerationService.ListSanctions": _MODERATE,
    "ModerationService.InspectSanctions": InspectRow(moderators=False),
    "ModerationService.LockRoom": _MODERATE,
    "ModerationService.UnlockRoom": _MODERATE,
    "ModerationService.ArchiveRoom": _OWN,
    "ModerationService.UnarchiveRoom": _OWN,
    "ModerationService.DeleteMessagesByAuthor": _MODERATE,
    "ModerationService.ReportMessage": _WRITE._replace(muted=OK),
    "ModerationService.ListReports": _MODERATE,
    "ModerationService.InspectReports": InspectRow(moderators=True),
    "ModerationService.ResolveReport": _MODERATE,
    "ModerationService.ListModerationLogs": _MODERATE,
    "ModerationService.InspectModerationLogs": InspectRow(moderators=False),
    "AuthorDataService.EraseAuthor": _NOBODY,
    "AuthorDataService.ExportAuthor": _NOBODY,
}
"""Each method, as `Service.Method`, with its row."""

PUBLIC_MODERATION = frozenset(
    {
        "MessageService.DeleteMessage",
        "ModerationService.ResolveReport",
    }
)
"""Methods that platform moderators may call with as_admin, in public rooms."""
