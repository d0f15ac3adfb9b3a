"""ModerationService: reports, and what becomes of them."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field, replace
from unittest.mock import patch

import pytest

from seda.chat.v1.moderation_pb2 import REPORT_STATE_ACTED, REPORT_STATE_DISMISSED, REPORT_STATE_OPEN
from seda.chat.v1.moderation_service_pb2 import ReportMessageResponse
from servicekit.caller import Role
from servicekit.database import Session
from servicekit.errors import PageTokenMismatchError, RateLimitedError
from servicekit.rpc_status import UpstreamError
from services.chat.domain import errors
from services.chat.domain.model import Report
from services.chat.store import reports as store
from tests.services.chat.moderators import Cast, Moderators
from tests.services.chat.world import DOMAIN, World, new_user
from tests.services.running import Running, add_user, refused


@dataclass(frozen=True)
class Reporting:
    """Reports messages of a room, always with the same request id."""

    moderators: Moderators
    room_id: str
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    async def __call__(self, email: str, message_id: str, reason: str = "rude") -> ReportMessageResponse:
        """Report a message."""
        answer = await self.moderators.act(
            "ReportMessage",
            email,
            self.room_id,
            message_id=message_id,
            reason=reason,
            request_id=self.request_id,
        )
        assert isinstance(answer, ReportMessageResponse)
        return answer


async def test_report_message_reaches_the_moderators(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    message = (await world.send(cast.other, cast.room_id, "a rude word")).message
    made = await moderators.act(
        "ReportMessage", cast.member, cast.room_id, message_id=message.id, reason="rude"
    )
    assert made.report.state == REPORT_STATE_OPEN
    assert made.report.reporter_id == await cast.id_of(cast.member)
    found = await moderators.act("ListReports", cast.moderator, cast.room_id)
    assert list(found.reports) == [made.report]
    again = await moderators.act("ReportMessage", cast.member, cast.room_id, message_id=message.id)
    assert again.report == made.report
    error = await refused(
        moderators.act("ListReports", cast.member, cast.room_id), errors.RoleRequiredError, DOMAIN
    )
    assert error.metadata == {"role": "MODERATOR"}


async def test_report_message_of_what_is_not_there(world: World, cast: Cast, moderators: Moderators) -> None:
    await refused(
        moderators.act("ReportMessage", cast.member, cast.room_id, message_id=str(uuid.uuid4())),
        errors.MessageNotFoundError,
        DOMAIN,
    )
    told = await world.admin.fetchval(
        "SELECT id::text FROM chat.messages WHERE room_id = $1 AND type = 'SYSTEM' LIMIT 1",
        uuid.UUID(cast.room_id),
    )
    await refused(
        moderators.act("ReportMessage", cast.member, cast.room_id, message_id=told),
        errors.SystemMessageError,
        DOMAIN,
    )
    message = (await world.send(cast.other, cast.room_id, "spam")).message
    await moderators.act(
        "DeleteMessagesByAuthor", cast.moderator, cast.room_id, user_id=await cast.id_of(cast.other)
    )
    await refused(
        moderators.act("ReportMessage", cast.member, cast.room_id, message_id=message.id),
        errors.MessageNotFoundError,
        DOMAIN,
    )


async def test_resolve_report_once_in_each_way(world: World, cast: Cast, moderators: Moderators) -> None:
    message = (await world.send(cast.other, cast.room_id, "hm")).message
    report = (await moderators.act("ReportMessage", cast.member, cast.room_id, message_id=message.id)).report
    resolved = await moderators.act(
        "ResolveReport", cast.moderator, cast.room_id, report_id=report.id, state=REPORT_STATE_DISMISSED
    )
    assert resolved.report.state == REPORT_STATE_DISMISSED
    assert resolved.report.resolver_id == await cast.id_of(cast.moderator)
    again = await moderators.act(
        "ResolveReport", cast.owner, cast.room_id, report_id=report.id, state=REPORT_STATE_DISMISSED
    )
    assert again == resolved
    other = await moderators.act(
        "ResolveReport", cast.owner, cast.room_id, report_id=report.id, state=REPORT_STATE_ACTED
    )
    assert other.report.state == REPORT_STATE_ACTED
    assert [line[:2] for line in await cast.log()] == [
        ("RESOLVE_REPORT", "MODERATOR"),
        ("RESOLVE_REPORT", "OWNER"),
    ]
    # A resolved report makes room for another one.
    new = (await moderators.act("ReportMessage", cast.member, cast.room_id, message_id=message.id)).report
    assert new.id != report.id
    repeated = await moderators.act("ReportMessage", cast.member, cast.room_id, message_id=message.id)
    assert repeated.report == new
    opened = await moderators.act("ListReports", cast.owner, cast.room_id, state=REPORT_STATE_OPEN)
    assert [each.id for each in opened.reports] == [new.id]
    await refused(
        moderators.act(
            "ResolveReport",
            cast.owner,
            cast.room_id,
            report_id=str(uuid.uuid4()),
            state=REPORT_STATE_ACTED,
        ),
        errors.ReportNotFoundError,
        DOMAIN,
    )


async def test_resolve_report_is_logged_as_done_to_the_message_s_author(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    for author, target in ((cast.other, await cast.id_of(cast.other)), (cast.moderator, "")):
        message = (await world.send(author, cast.room_id, "hm")).message
        report = (
            await moderators.act("ReportMessage", cast.member, cast.room_id, message_id=message.id)
        ).report
        if not target:
            # As when they are erased.
            await world.admin.execute(
                "UPDATE chat.messages SET user_id = NULL WHERE id = $1", uuid.UUID(message.id)
            )
        await moderators.act(
            "ResolveReport", cast.owner, cast.room_id, report_id=report.id, state=REPORT_STATE_ACTED
        )
        page = await moderators.act("ListModerationLogs", cast.owner, cast.room_id, page_size=1)
        assert [(line.target_user_id, line.target_message_id) for line in page.logs] == [(target, message.id)]
    for email, actions in ((cast.other, ["RESOLVE_REPORT"]), (cast.member, [])):
        page = await moderators.act(
            "ListModerationLogs", cast.owner, cast.room_id, target_user_id=await cast.id_of(email)
        )
        assert [line.action for line in page.logs] == actions


async def test_list_reports_pages_the_newest_first(world: World, cast: Cast, moderators: Moderators) -> None:
    made = []
    for number in range(5):
        message = (await world.send(cast.other, cast.room_id, f"{number}")).message
        answer = await moderators.act("ReportMessage", cast.member, cast.room_id, message_id=message.id)
        made.append(answer.report.id)
    found, token = [], ""
    while True:
        page = await moderators.act("ListReports", cast.owner, cast.room_id, page_size=2, page_token=token)
        found += [each.id for each in page.reports]
        token = page.next_page_token
        if not token:
            break
    assert found == made[::-1]
    first = await moderators.act("ListReports", cast.owner, cast.room_id, page_size=2)
    await refused(
        moderators.act(
            "ListReports",
            cast.owner,
            cast.room_id,
            state=REPORT_STATE_OPEN,
            page_token=first.next_page_token,
        ),
        PageTokenMismatchError,
        DOMAIN,
    )


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
async def test_a_platform_moderator_handles_reports_of_public_rooms(
    private: bool, world: World, cast: Cast, moderators: Moderators
) -> None:
    message = (await world.send(cast.other, cast.room_id, "hm")).message
    report = (await moderators.act("ReportMessage", cast.member, cast.room_id, message_id=message.id)).report
    await world.set_room(cast.room_id, private=private)
    helper = new_user()
    await add_user(world.admin, helper, role=Role.MODERATOR)
    acts = {
        "ListReports": {},
        "ResolveReport": {"report_id": report.id, "state": REPORT_STATE_ACTED},
    }
    for method, fields in acts.items():
        answer = moderators.act(method, helper, cast.room_id, as_admin=True, **fields)
        if private:
            await refused(answer, errors.RoomNotFoundError, DOMAIN)
        else:
            await answer
    if not private:
        assert [line[:3] for line in await cast.log()] == [
            ("READ_REPORTS", "MODERATOR", True),
            ("RESOLVE_REPORT", "MODERATOR", True),
        ]
    # Nothing else is theirs.
    await refused(
        moderators.act("ListModerationLogs", helper, cast.room_id, as_admin=True),
        errors.RoleRequiredError,
        DOMAIN,
    )


async def test_a_platform_moderator_in_a_private_room_is_there_as_a_member_only(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    helper = new_user()
    await add_user(world.admin, helper, role=Role.MODERATOR)
    await world.join(helper, cast.room_id)
    await world.set_room(cast.room_id, private=True)
    error = await refused(
        moderators.act("ListReports", helper, cast.room_id, as_admin=True), errors.RoleRequiredError, DOMAIN
    )
    assert error.metadata == {"role": "ADMIN"}


async def test_reports_are_limited_but_not_their_repetition(
    world: World, cast: Cast, strict_chat: Running
) -> None:
    strict = Moderators(World(strict_chat, world.admin))
    sent = [(await world.send(cast.other, cast.room_id, f"{number}")).message.id for number in range(3)]

    async def report(message_id: str) -> str:
        made = await strict.act("ReportMessage", cast.member, cast.room_id, message_id=message_id)
        return str(made.report.id)

    made = [await report(message_id) for message_id in (sent[0], sent[0], sent[1])]
    await refused(report(sent[2]), RateLimitedError, DOMAIN)
    assert [await report(message_id) for message_id in sent[:2]] == made[1:]
    # Once it is resolved, there is nothing to repeat.
    await strict.act(
        "ResolveReport", cast.moderator, cast.room_id, report_id=made[0], state=REPORT_STATE_DISMISSED
    )
    await refused(report(sent[0]), RateLimitedError, DOMAIN)


async def test_a_repeated_report_is_the_first_one_even_when_it_was_resolved(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    message = (await world.send(cast.other, cast.room_id, "hm")).message
    report = Reporting(moderators, cast.room_id)
    made = await report(cast.member, message.id)
    assert not made.deduplicated
    assert await report(cast.member, message.id) == ReportMessageResponse(
        report=made.report, deduplicated=True
    )
    resolved = await moderators.act(
        "ResolveReport", cast.moderator, cast.room_id, report_id=made.report.id, state=REPORT_STATE_ACTED
    )
    await moderators.act(
        "DeleteMessagesByAuthor", cast.moderator, cast.room_id, user_id=await cast.id_of(cast.other)
    )
    again = (await report(cast.member, message.id)).report
    # Who resolved it is for moderators.
    assert again.resolver_id == ""
    again.resolver_id = resolved.report.resolver_id
    assert again == resolved.report


async def test_a_request_id_of_a_report_belongs_to_one_report_of_one_user(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    messages = [(await world.send(cast.other, cast.room_id, text)).message for text in ("hm", "hmm")]
    report = Reporting(moderators, cast.room_id)
    await report(cast.member, messages[0].id)
    elsewhere = replace(report, room_id=(await world.room(cast.member)).id)
    for other in (
        report(cast.member, messages[1].id),
        report(cast.member, messages[0].id, "ugly"),
        elsewhere(cast.member, messages[0].id),
    ):
        error = await refused(other, errors.RequestIdReusedError, DOMAIN)
        assert error.metadata == {"request_id": report.request_id}
    assert not (await report(cast.moderator, messages[0].id)).deduplicated


async def test_a_report_is_repeated_by_who_may_make_none_any_more_unless_the_room_is_hidden(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    message = (await world.send(cast.other, cast.room_id, "hm")).message
    report = Reporting(moderators, cast.room_id)
    await report(cast.member, message.id)
    await world.ask(cast.member, "LeaveRoom", room_id=cast.room_id)
    assert (await report(cast.member, message.id)).deduplicated
    await world.admin.execute("UPDATE chat.rooms SET private = true WHERE id = $1", uuid.UUID(cast.room_id))
    for reason in ("rude", "ugly"):
        await refused(report(cast.member, message.id, reason), errors.RoomNotFoundError, DOMAIN)


async def test_one_request_id_for_two_reports_at_once_makes_one(
    world: World, cast: Cast, moderators: Moderators
) -> None:
    messages = [(await world.send(cast.other, cast.room_id, text)).message for text in ("hm", "hmm")]
    report = Reporting(moderators, cast.room_id)
    # Both have looked for an earlier one before either writes.
    looked = asyncio.Barrier(2)
    look = store.by_request_id

    async def looking(session: Session, reporter_id: uuid.UUID, request_id: uuid.UUID) -> Report | None:
        found = await look(session, reporter_id, request_id)
        if found is None:
            await looked.wait()
        return found

    with patch.object(store, "by_request_id", looking):
        ended = await asyncio.gather(
            *(report(cast.member, message.id) for message in messages), return_exceptions=True
        )
    assert [each.reason for each in ended if isinstance(each, UpstreamError)] == ["REQUEST_ID_REUSED"]
    found = await moderators.act("ListReports", cast.moderator, cast.room_id)
    assert len(found.reports) == 1
