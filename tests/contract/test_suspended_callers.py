"""A suspended caller reads, moves read markers and may leave, and writes nothing else: by every method that may write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

import pytest

from seda.chat.v1.membership_service_pb2 import MarkReadRequest, MarkUnreadRequest
from servicekit.caller import Role
from servicekit.methods import Access
from tests.contract.auth_headers import user_header
from tests.contract.requests import ARTIST_URLS, Requests
from tests.contract.responses import reason_of
from tests.contract.scenarios.context import ScenarioContext
from tests.contract.stored_rows import changed, digests
from tests.contract.suite import Target, running, send
from tests.postgres import Database, administrator
from tests.services.chat.chat_client import new_user
from tests.services.running import add_artist, add_track, add_user
from tests.services.users.verification_client import add_claim

_TRIES = 12
_ALLOWED = {"MarkRead", "MarkUnread", "EraseUser"}
# Most take something back that the control has not done. tests/services/chat/rpc/test_permissions.py has the rest, and
# tests/services/users/rpc/test_artists.py the first profile of an artist.
_UNDO = {
    "CreateArtist",
    "AcceptInvitation",
    "DeclineInvitation",
    "DeleteMessagesByAuthor",
    "LeaveRoom",
    "RemoveReaction",
    "ResolveReport",
    "RestoreMessage",
    "RevokeInvitation",
    "RevokeVerification",
    "UnarchiveRoom",
    "UnbanMember",
    # Not stored.
    "SendTyping",
    # A random text does not confirm it.
    "EraseMe",
    "UnlockRoom",
    "UnmuteMember",
    "UnmuteUser",
    "UnpinMessage",
    "UnsuspendUser",
}


@pytest.fixture(scope="module")
async def context(database: Database) -> AsyncIterator[ScenarioContext]:
    async with running(database) as suite, administrator(database.server, database.name) as admin:
        yield ScenarioContext(suite, database, admin)


async def _writing(context: ScenarioContext) -> list[Target]:
    """The methods of users that may write, at each process that serves them, but those that stay allowed."""
    return [
        each
        for each in await context.suite.targets()
        if each.method.access not in {Access.SERVICE, Access.PUBLIC}
        and not each.method.read_only
        and each.method.name not in _ALLOWED
    ]


async def _owner(context: ScenarioContext) -> tuple[str, Mapping[str, Sequence[str]]]:
    """An administrator who owns a room with members and messages, and the ids by which requests name them."""
    email, client = new_user(), context.client
    own_id = await add_user(context.admin, email, role=Role.ADMIN)
    room = await client.create_room(email)
    members = [await client.join_as(room.id) for _ in range(3)]
    messages = [(await client.send_message(email, room.id, f"{number}")).id for number in range(3)]
    tracks = [await add_track(context.admin, f"{room.id[-12:]}{number:010}") for number in range(2)]
    ids: dict[str, Sequence[str]] = dict.fromkeys(("message_id", "Message.id", "parent_id"), messages)
    ids |= {name: [room.id] for name in ("room_id", "Room.id")}
    ids |= dict.fromkeys(("track_id", "track_ids"), tracks)
    users = [await client.db.user_id(member) for member in members]
    ids |= dict.fromkeys(("user_id", "user_ids", "mention_user_ids"), users)
    theirs = await client.create_room(new_user())
    ids |= {
        "JoinRoomRequest.room_id": [theirs.id],
        "ReportMessageRequest.message_id": [(await client.send_message(members[0], room.id, "theirs")).id],
    }
    # Long fetched, so that a refresh is due.
    await context.admin.execute("UPDATE tracks.track_refs SET next_attempt_at = NULL")
    ids |= {
        "User.id": [own_id],
        "paths": ["artist_name", "display_name", "text", "name"],
        "etag": [""],
        "emoji": ["🎵"],
    }
    artist = await add_artist(context.admin, own_id)
    ids |= ARTIST_URLS | {"artist_profile_id": [artist], "ArtistProfile.id": [artist]}
    ids |= {"verification_id": [await add_claim(context.admin, own_id, artist)]}
    ids |= {"target_url": ["https://ada.example.com/", "https://soundcloud.com/ada"]}
    return email, ids


async def _suspend(context: ScenarioContext, email: str) -> None:
    query = "UPDATE users.users SET suspended_until = now() + interval '1 hour' WHERE email = $1"
    await context.admin.execute(query, email)
    for served in context.suite.processes.values():
        served.process.authenticator.clear_cache()


async def _writes(
    context: ScenarioContext, target: Target, email: str, ids: Mapping[str, Sequence[str]]
) -> bool:
    """Whether random requests of a user to a method change any row."""
    requests, header = Requests(7, ids), (("authorization", user_header(email)),)
    before = await digests(context.admin)
    for _ in range(_TRIES):
        data = requests.valid(target.method.request_type.DESCRIPTOR).SerializeToString()
        await send(target.at.channel, target.method, data, header)
    return bool(changed(before, await digests(context.admin)))


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_suspended_caller_writes_nothing(context: ScenarioContext) -> None:
    email, ids = await _owner(context)
    await _suspend(context, email)
    targets = await _writing(context)
    assert len(targets) > 60
    assert [str(each) for each in targets if await _writes(context, each, email, ids)] == []


async def test_a_suspended_caller_reads_and_moves_read_markers(context: ScenarioContext) -> None:
    email, ids = await _owner(context)
    await _suspend(context, email)
    room_id = ids["room_id"][0]
    messages = (await context.client.list_messages(email, room_id)).messages
    assert {each.id for each in messages} >= set(ids["Message.id"])
    for request, marker in (
        (MarkReadRequest(room_id=room_id, seq=3), 3),
        (MarkUnreadRequest(room_id=room_id, from_seq=3), 2),
    ):
        method = f"seda.chat.v1.MembershipService.{type(request).__name__.removesuffix('Request')}"
        assert reason_of(await context.refusal("chat", method, request, email)) == "OK"
        stored = "SELECT last_read_seq FROM chat.room_memberships WHERE room_id = $1 AND role = 'OWNER'"
        assert await context.admin.fetchval(stored, room_id) == marker


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_same_requests_of_another_caller_write(context: ScenarioContext) -> None:
    """The control: nearly every method changes rows when its caller is not suspended."""
    idle = set()
    for target in await _writing(context):
        if target.at.name == target.service_name and not await _writes(
            context, target, *await _owner(context)
        ):
            idle.add(target.method.name)
    assert idle == _UNDO
