"""ModerationService: reports, and what becomes of them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace

import pytest

from seda.chat.v1.moderation_pb2 import (
    MODERATION_ACTION_RESOLVE_REPORT,
    REPORT_STATE_ACTED,
    REPORT_STATE_DISMISSED,
    REPORT_STATE_OPEN,
)
from seda.chat.v1.moderation_service_pb2 import ReportMessageResponse
from servicekit.caller import Role
from servicekit.errors import AccessDeniedError, PageTokenMismatchError, RateLimitedError
from services.chat.domain import errors
from tests.services.chat.chat_client import DOMAIN, ChatClient, RoomWithMembers, new_user
from tests.services.running import Running, add_user, refused


@dataclass(frozen=True)
class Reporting:
    """Reports messages of a room, always with the same request id."""

    client: ChatClient
    room_id: str
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    async def __call__(self, email: str, message_id: str, reason: str = "rude") -> ReportMessageResponse:
        """Report a message."""
        answer = await self.client.call(
            email,
            "ReportMessage",
            room_id=self.room_id,
            message_id=message_id,
            reason=reason,
            request_id=self.request_id,
        )
        assert isinstance(answer, ReportMessageResponse)
        return answer


async def test_report_message_reaches_the_moderators(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    message = await client.send_message(room.other, room.id, "a rude word")
    made = await client.call(
        room.member, "ReportMessage", room_id=room.id, message_id=message.id, reason="rude"
    )
    assert made.report.state == REPORT_STATE_OPEN
    assert made.report.reporter_id == await client.db.user_id(room.member)
    found = await client.call(room.moderator, "ListReports", room_id=room.id)
    assert list(found.reports) == [made.report]
    again = await client.call(room.member, "ReportMessage", room_id=room.id, message_id=message.id)
    assert again.report == made.report
    error = await refused(
        client.call(room.member, "ListReports", room_id=room.id), errors.RoleRequiredError, DOMAIN
    )
    assert error.metadata == {"role": "MODERATOR"}


async def test_report_message_of_what_is_not_there(client: ChatClient, room: RoomWithMembers) -> None:
    await refused(
        client.call(room.member, "ReportMessage", room_id=room.id, message_id=str(uuid.uuid4())),
        errors.MessageNotFoundError,
        DOMAIN,
    )
    told = await client.admin.fetchval(
        "SELECT id::text FROM chat.messages WHERE room_id = $1 AND type = 'SYSTEM' LIMIT 1",
        uuid.UUID(room.id),
    )
    await refused(
        client.call(room.member, "ReportMessage", room_id=room.id, message_id=told),
        errors.SystemMessageError,
        DOMAIN,
    )
    message = await client.send_message(room.other, room.id, "spam")
    await client.call(
        room.moderator,
        "DeleteMessagesByAuthor",
        room_id=room.id,
        author_id=await client.db.user_id(room.other),
    )
    await refused(
        client.call(room.member, "ReportMessage", room_id=room.id, message_id=message.id),
        errors.MessageNotFoundError,
        DOMAIN,
    )


async def test_resolve_report_once_in_each_way(client: ChatClient, room: RoomWithMembers) -> None:
    message = await client.send_message(room.other, room.id, "hm")
    report = (await client.call(room.member, "ReportMessage", room_id=room.id, message_id=message.id)).report
    resolved = await client.call(
        room.moderator, "ResolveReport", room_id=room.id, report_id=report.id, state=REPORT_STATE_DISMISSED
    )
    assert resolved.report.state == REPORT_STATE_DISMISSED
    assert resolved.report.resolver_id == await client.db.user_id(room.moderator)
    again = await client.call(
        room.owner, "ResolveReport", room_id=room.id, report_id=report.id, state=REPORT_STATE_DISMISSED
    )
    assert again == resolved
    other = await client.call(
        room.owner, "ResolveReport", room_id=room.id, report_id=report.id, state=REPORT_STATE_ACTED
    )
    assert other.report.state == REPORT_STATE_ACTED
    assert [line[:2] for line in await client.db.moderation_actions(room.id)] == [
        ("RESOLVE_REPORT", "MODERATOR"),
        ("RESOLVE_REPORT", "OWNER"),
    ]
    # A resolved report makes room for another one.
    new = (await client.call(room.member, "ReportMessage", room_id=room.id, message_id=message.id)).report
    assert new.id != report.id
    repeated = await client.call(room.member, "ReportMessage", room_id=room.id, message_id=message.id)
    assert repeated.report == new
    opened = await client.call(room.owner, "ListReports", room_id=room.id, state=REPORT_STATE_OPEN)
    assert [each.id for each in opened.reports] == [new.id]
    await refused(
        client.call(
            room.owner,
            "ResolveReport",
            room_id=room.id,
            report_id=str(uuid.uuid4()),
            state=REPORT_STATE_ACTED,
        ),
        errors.ReportNotFoundError,
        DOMAIN,
    )


async def test_resolve_report_is_logged_as_done_to_the_message_s_author(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    for author, target in ((room.other, await client.db.user_id(room.other)), (room.moderator, "")):
        message = await client.send_message(author, room.id, "hm")
        report = (
            await client.call(room.member, "ReportMessage", room_id=room.id, message_id=message.id)
        ).report
        if not target:
            # As when they are erased.
            await client.admin.execute(
                "UPDATE chat.messages SET user_id = NULL WHERE id = $1", uuid.UUID(message.id)
            )
        await client.call(
            room.owner, "ResolveReport", room_id=room.id, report_id=report.id, state=REPORT_STATE_ACTED
        )
        page = await client.call(room.owner, "ListModerationLogs", room_id=room.id, page_size=1)
        assert [(line.target_user_id, line.target_message_id) for line in page.logs] == [(target, message.id)]
    for email, actions in ((room.other, [MODERATION_ACTION_RESOLVE_REPORT]), (room.member, [])):
        page = await client.call(
            room.owner, "ListModerationLogs", room_id=room.id, target_user_id=await client.db.user_id(email)
        )
        assert [line.action for line in page.logs] == actions


async def test_list_reports_pages_the_newest_first(client: ChatClient, room: RoomWithMembers) -> None:
    made = []
    for number in range(5):
        message = await client.send_message(room.other, room.id, f"{number}")
        answer = await client.call(room.member, "ReportMessage", room_id=room.id, message_id=message.id)
        made.append(answer.report.id)
    # The order is that of the room's changes, not that of the clock.
    await client.admin.execute(
        "UPDATE chat.reports SET created_at = created_at - interval '1 hour' WHERE id = $1",
        uuid.UUID(made[-1]),
    )
    found: list[str] = []
    token = ""
    while token or not found:
        page = await client.call(room.owner, "ListReports", room_id=room.id, page_size=2, page_token=token)
        found += [each.id for each in page.reports]
        token = page.next_page_token
    assert found == made[::-1]
    first = await client.call(room.owner, "ListReports", room_id=room.id, page_size=2)
    await refused(
        client.call(
            room.owner,
            "ListReports",
            room_id=room.id,
            state=REPORT_STATE_OPEN,
            page_token=first.next_page_token,
        ),
        PageTokenMismatchError,
        DOMAIN,
    )


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
async def test_a_platform_moderator_handles_reports_of_public_rooms(
    private: bool,
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    message = await client.send_message(room.other, room.id, "hm")
    report = (await client.call(room.member, "ReportMessage", room_id=room.id, message_id=message.id)).report
    await client.db.set_room(room.id, private=private)
    helper = new_user()
    await add_user(client.admin, helper, role=Role.MODERATOR)
    methods: dict[str, dict[str, object]] = {
        "InspectReports": {},
        "ResolveReport": {"report_id": report.id, "state": REPORT_STATE_ACTED, "as_admin": True},
    }
    for method, fields in methods.items():
        answer = client.call(helper, method, room_id=room.id, **fields)
        if private:
            await refused(answer, errors.RoomNotFoundError, DOMAIN)
        else:
            await answer
    if not private:
        assert [line[:3] for line in await client.db.moderation_actions(room.id)] == [
            ("READ_REPORTS", "MODERATOR", True),
            ("RESOLVE_REPORT", "MODERATOR", True),
        ]
    # Nothing else is theirs.
    await refused(client.call(helper, "InspectModerationLogs", room_id=room.id), AccessDeniedError, DOMAIN)


async def test_a_platform_moderator_in_a_private_room_is_there_as_a_member_only(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    helper = new_user()
    await add_user(client.admin, helper, role=Role.MODERATOR)
    await client.join_room(helper, room.id)
    await client.db.set_room(room.id, private=True)
    error = await refused(
        client.call(helper, "InspectReports", room_id=room.id), errors.RoleRequiredError, DOMAIN
    )
    assert error.metadata == {"role": "ADMIN"}


async def test_reports_are_limited_but_not_their_repetition(
    client: ChatClient, room: RoomWithMembers, strict_chat: Running
) -> None:
    strict = ChatClient(strict_chat, client.admin)
    sent = [(await client.send_message(room.other, room.id, f"{number}")).id for number in range(3)]

    async def report(message_id: str) -> str:
        made = await strict.call(room.member, "ReportMessage", room_id=room.id, message_id=message_id)
        return str(made.report.id)

    made = [await report(message_id) for message_id in (sent[0], sent[0], sent[1])]
    await refused(report(sent[2]), RateLimitedError, DOMAIN)
    assert [await report(message_id) for message_id in sent[:2]] == made[1:]
    # Once it is resolved, there is nothing to repeat.
    await strict.call(
        room.moderator, "ResolveReport", room_id=room.id, report_id=made[0], state=REPORT_STATE_DISMISSED
    )
    await refused(report(sent[0]), RateLimitedError, DOMAIN)


async def test_a_repeated_report_is_the_first_one_even_when_it_was_resolved(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    message = await client.send_message(room.other, room.id, "hm")
    report = Reporting(client, room.id)
    made = await report(room.member, message.id)
    assert not made.deduplicated
    assert await report(room.member, message.id) == ReportMessageResponse(
        report=made.report, deduplicated=True, position=made.position
    )
    resolved = await client.call(
        room.moderator, "ResolveReport", room_id=room.id, report_id=made.report.id, state=REPORT_STATE_ACTED
    )
    await client.call(
        room.moderator,
        "DeleteMessagesByAuthor",
        room_id=room.id,
        author_id=await client.db.user_id(room.other),
    )
    again = (await report(room.member, message.id)).report
    # Only moderators see who resolved it.
    assert again.resolver_id == ""
    again.resolver_id = resolved.report.resolver_id
    assert again == resolved.report


async def test_a_request_id_of_a_report_belongs_to_one_report_of_one_user_in_the_room(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    messages = [await client.send_message(room.other, room.id, text) for text in ("hm", "hmm")]
    report = Reporting(client, room.id)
    await report(room.member, messages[0].id)
    for other in (
        report(room.member, messages[1].id),
        report(room.member, messages[0].id, "ugly"),
    ):
        error = await refused(other, errors.RequestIdReusedError, DOMAIN)
        assert error.metadata == {"request_id": report.request_id}
    assert not (await report(room.moderator, messages[0].id)).deduplicated


async def test_a_report_is_repeated_by_who_may_make_none_any_more_unless_the_room_is_hidden(
    client: ChatClient,
    room: RoomWithMembers,
) -> None:
    message = await client.send_message(room.other, room.id, "hm")
    report = Reporting(client, room.id)
    await report(room.member, message.id)
    await client.call(room.member, "LeaveRoom", room_id=room.id)
    assert (await report(room.member, message.id)).deduplicated
    await client.admin.execute("UPDATE chat.rooms SET private = true WHERE id = $1", uuid.UUID(room.id))
    for reason in ("rude", "ugly"):
        await refused(report(room.member, message.id, reason), errors.RoomNotFoundError, DOMAIN)


async def test_a_request_id_of_a_report_counts_in_its_room(client: ChatClient, room: RoomWithMembers) -> None:
    report = Reporting(client, room.id)
    other = replace(report, room_id=(await client.create_room(room.other)).id)
    await client.join_room(room.member, other.room_id)
    made = [
        await each(room.member, (await client.send_message(room.other, each.room_id, "hm")).id)
        for each in (report, other)
    ]
    assert [each.deduplicated for each in made] == [False, False]
    assert [each.report.room_id for each in made] == [room.id, other.room_id]


async def test_report_message_takes_a_rev_of_the_room_once(client: ChatClient, room: RoomWithMembers) -> None:
    message = await client.send_message(room.other, room.id, "hm")
    rev = (await client.get_room(room.member, room.id)).position.rev
    for _ in range(2):
        await client.call(room.member, "ReportMessage", room_id=room.id, message_id=message.id)
        assert (await client.get_room(room.member, room.id)).position.rev == rev + 1
    assert (
        await client.db.value("SELECT created_rev FROM chat.reports WHERE room_id = $1", uuid.UUID(room.id))
        == rev + 1
    )
