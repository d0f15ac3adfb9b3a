"""The number of statements that each method of chat sends to the database, in one table."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from seda.chat.v1.message_service_pb2 import THREAD_VIEW_ALL, THREAD_VIEW_ROOTS
from services.chat.store import message_search
from tests.contract.responses import reason_of
from tests.services.chat.builders import make_messages
from tests.services.chat.visibility.fixtures import RoomFixture, VisibilityFixtures
from tests.services.chat.visibility.table import OK
from tests.services.chat.visibility.test_visibility import METHODS
from tests.services.running import Running

# BEGIN and COMMIT count too.
STATEMENTS = {
    # Of another epoch; test_changes.py counts those that read changes.
    "LiveService.ListChanges": 2,
    "LiveService.SendTyping": 1,
    "MembershipService.JoinRoom": 8,
    "MembershipService.LeaveRoom": 7,
    "MembershipService.AcceptInvitation": 8,
    "MembershipService.DeclineInvitation": 6,
    "MembershipService.InviteUser": 9,
    "MembershipService.RevokeInvitation": 8,
    "MembershipService.ListInvitations": 2,
    "MembershipService.ListMyInvitations": 1,
    "MembershipService.ListMembers": 1,
    "MembershipService.SetMemberRole": 9,
    "MembershipService.MarkRead": 1,
    "MembershipService.MarkUnread": 1,
    "MessageService.SendMessage": 5,
    "MessageService.ListMessages": 1,
    "MessageService.ListReplies": 1,
    "MessageService.GetMessage": 1,
    "MessageService.InspectMessage": 7,
    "MessageService.LookupMessages": 1,
    "MessageService.SearchMessages": 4,
    "MessageService.UpdateMessage": 7,
    "MessageService.DeleteMessage": 8,
    "MessageService.RestoreMessage": 8,
    "MessageService.ListRevisions": 2,
    "ModerationService.MuteMember": 9,
    "ModerationService.UnmuteMember": 8,
    "ModerationService.KickMember": 9,
    "ModerationService.BanMember": 11,
    "ModerationService.UnbanMember": 8,
    "ModerationService.ListSanctions": 2,
    "ModerationService.InspectSanctions": 7,
    "ModerationService.LockRoom": 9,
    "ModerationService.UnlockRoom": 9,
    "ModerationService.ArchiveRoom": 8,
    "ModerationService.UnarchiveRoom": 8,
    "ModerationService.DeleteMessagesByAuthor": 9,
    "ModerationService.ReportMessage": 7,
    "ModerationService.ListReports": 2,
    "ModerationService.InspectReports": 7,
    "ModerationService.ResolveReport": 9,
    "ModerationService.ListModerationLogs": 2,
    "ModerationService.InspectModerationLogs": 7,
    "ReactionService.AddReaction": 5,
    "ReactionService.RemoveReaction": 5,
    "ReactionService.ListReactions": 1,
    "RoomService.CreateRoom": 4,
    "RoomService.GetRoom": 1,
    "RoomService.UpdateRoom": 8,
    "RoomService.ListPublicRooms": 1,
    "RoomService.ListMyRooms": 1,
    "RoomService.GetMyRoomsRev": 1,
    "RoomService.PinMessage": 9,
    "RoomService.UnpinMessage": 8,
    "RoomService.ListPins": 2,
}
# The same request once more, which changes nothing.
REPEATED = {
    "MembershipService.JoinRoom": 4,
    "MembershipService.LeaveRoom": 4,
    "MembershipService.AcceptInvitation": 4,
    "MembershipService.DeclineInvitation": 4,
    "MembershipService.InviteUser": 6,
    "MembershipService.RevokeInvitation": 5,
    "MembershipService.SetMemberRole": 5,
    "MembershipService.MarkRead": 2,
    "MembershipService.MarkUnread": 2,
    "MessageService.UpdateMessage": 5,
    "MessageService.DeleteMessage": 5,
    "MessageService.RestoreMessage": 5,
    "ModerationService.UnmuteMember": 6,
    "ModerationService.KickMember": 5,
    "ModerationService.UnbanMember": 6,
    "ModerationService.LockRoom": 4,
    "ModerationService.UnlockRoom": 4,
    "ModerationService.ArchiveRoom": 4,
    "ModerationService.UnarchiveRoom": 4,
    "ModerationService.ReportMessage": 6,
    "ModerationService.ResolveReport": 5,
    "ReactionService.AddReaction": 4,
    "ReactionService.RemoveReaction": 4,
    "RoomService.UpdateRoom": 4,
    "RoomService.PinMessage": 5,
    "RoomService.UnpinMessage": 5,
}
# Each method is called by the owner of a public room, unless named here.
CALLERS = {
    "AcceptInvitation": "invited",
    "DeclineInvitation": "invited",
    "InspectMessage": "platform admin",
    "InspectModerationLogs": "platform admin",
    "InspectReports": "platform admin",
    "InspectSanctions": "platform admin",
    "JoinRoom": "user",
    "LeaveRoom": "member",
    "RemoveReaction": "author",
}
# What must happen first, so that the call changes something.
PREPARATIONS = {
    "PinMessage": "RoomService.UnpinMessage",
    "UnarchiveRoom": "ModerationService.ArchiveRoom",
    "UnbanMember": "ModerationService.BanMember",
    "UnlockRoom": "ModerationService.LockRoom",
    "UnmuteMember": "ModerationService.MuteMember",
}
_INTERNAL = "AuthorDataService."
# The hub reads when it has to, not when it is called: see live/test_fan_out.py.
_STREAMS = {"LiveService.Watch"}
# A page that the newest messages fill; see the last test.
_FIELDS = {"SearchMessages": {"page_size": 1}}
_PAGED = [
    name
    for name in STATEMENTS
    if "page_size" in METHODS[name].request_type.DESCRIPTOR.fields_by_name
    and METHODS[name].name not in _FIELDS
]
# Requests that run other statements than the plain one.
_VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *(
        ("MessageService.ListMessages", {"thread_view": view, "show_deleted": deleted})
        for view in (THREAD_VIEW_ROOTS, THREAD_VIEW_ALL)
        for deleted in (False, True)
    ),
    ("MessageService.ListReplies", {"show_deleted": True}),
    ("ReactionService.ListReactions", {"emoji": ":wave:"}),
    *(("MembershipService.ListMembers", {"role": role}) for role in (1, 2, 3)),
]


@pytest.fixture(scope="module")
async def fixtures(chat: Running, admin: asyncpg.Connection) -> VisibilityFixtures:
    """Users of all roles."""
    made = VisibilityFixtures(chat, admin)
    await made.create_users()
    return made


async def count_statements(
    name: str, fixtures: VisibilityFixtures, room: RoomFixture, /, **fields: Any
) -> tuple[int, list[str]]:
    """The number of statements of a call that succeeds, and their names."""
    role = CALLERS.get(METHODS[name].name, "owner")
    with fixtures.chat.counting() as statements:
        fields = _FIELDS.get(METHODS[name].name, {}) | fields
        assert reason_of(await fixtures.ask(METHODS[name], role, room, **fields)) == OK
        return len(statements), list(statements)


def test_every_public_method_has_a_row() -> None:
    assert {name for name in METHODS if not name.startswith(_INTERNAL)} - _STREAMS == set(STATEMENTS)


@pytest.mark.parametrize("name", STATEMENTS)
async def test_method_sends_the_statements_of_the_table(name: str, fixtures: VisibilityFixtures) -> None:
    room = await fixtures.room("public")
    if preparation := PREPARATIONS.get(METHODS[name].name):
        await count_statements(preparation, fixtures, room)
    count, statements = await count_statements(name, fixtures, room)
    assert count == STATEMENTS[name], statements
    if name in REPEATED:
        count, statements = await count_statements(name, fixtures, room)
        assert count == REPEATED[name], statements


@pytest.mark.parametrize(("name", "fields"), [*((name, {}) for name in _PAGED), *_VARIANTS])
async def test_lists_send_as_many_statements_for_a_large_page(
    name: str, fields: dict[str, Any], fixtures: VisibilityFixtures
) -> None:
    room = await fixtures.room("public")
    for page_size in (1, 100):
        count, statements = await count_statements(name, fixtures, room, page_size=page_size, **fields)
        assert count == STATEMENTS[name], statements


async def test_search_messages_sends_one_more_for_older_messages(
    fixtures: VisibilityFixtures, admin: asyncpg.Connection
) -> None:
    older = await fixtures.room("public")
    await make_messages(admin, older.room_id, fixtures.people["owner"], message_search.RECENT)
    room = await fixtures.room("public")
    name = "MessageService.SearchMessages"
    for page_size, expected in ((1, STATEMENTS[name]), (100, STATEMENTS[name] + 1)):
        count, statements = await count_statements(name, fixtures, room, page_size=page_size)
        assert count == expected, statements
