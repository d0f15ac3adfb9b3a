"""ListChanges: what changed in a room after a rev, as pages."""

from __future__ import annotations

from typing import Any

from google.protobuf.message import Message as AnyMessage

from seda.chat.v1 import live_service_pb2 as pb
from servicekit.ids import new_id
from services.chat.domain.errors import BannedError
from services.chat.store import changes as store
from tests.services.chat.builders import make_messages, make_room
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.chat.live.watching import watcher
from tests.services.running import refused


async def _list(client: ChatClient, email: str, room_id: str, after: int, **fields: Any) -> Any:
    epoch = (await client.get_room(email, room_id)).position.epoch
    return await client.call(
        email, "ListChanges", **{"room_id": room_id, "after_rev": after, "epoch": epoch, **fields}
    )


async def test_list_changes_are_those_of_watch(client: ChatClient) -> None:
    ada = new_user()
    room = await client.create_room(ada)
    bo = await client.join_as(room.id)
    bo_id = await client.db.user_id(bo)
    start = (await client.get_room(ada, room.id)).position
    live = watcher(client, ada)
    live.keep_frames = True
    live.watch_room(room.id, start.epoch, start.rev)
    root = await client.send_message(ada, room.id, "root", mention_user_ids=[bo_id])
    gone = await client.send_message(bo, room.id, "gone", parent_id=root.id)
    await client.update_message(ada, root, text="edited")
    await client.add_reaction(bo, root, "🎵")
    await client.add_reaction(bo, root, "🎸")
    await client.remove_reaction(bo, root, "🎵")
    await client.add_reaction(ada, gone)
    await client.delete_message(bo, gone)
    await client.pin_message(ada, root)
    await client.call(ada, "LockRoom", room_id=room.id)
    await client.call(ada, "KickMember", room_id=room.id, user_id=bo_id)
    listed = await _list(client, ada, room.id, start.rev)
    async with live.watching():
        await live.until(room.id, listed.position.rev)
    streamed = [frame.change for frame in live.frames if frame.HasField("change")]
    assert list(listed.changes) == streamed
    assert [pb.ChangeKind.Name(each.kind).removeprefix("CHANGE_KIND_") for each in streamed] == [
        "MESSAGE_EDITED", "REACTION_ADDED", "REACTION_REMOVED", "MESSAGE_DELETED", "PIN_ADDED", "MESSAGE_POSTED",
        "MODERATED", "ROOM_UPDATED", "MESSAGE_POSTED", "MODERATED", "MEMBER_REMOVED", "MODERATED",
    ]  # fmt: skip
    edited, added, removed, deleted = streamed[:4]
    assert edited.message.message.mention_user_ids == [bo_id]
    assert edited.message.message.reply_count == 0
    assert list(added.reaction.emojis) == list(removed.reaction.emojis) == ["🎸"]
    assert [(each.emoji, each.count) for each in removed.reaction.reactions] == [("🎸", 1)]
    # The deleted reply's text and reactions are nowhere; its thread is.
    assert deleted.message.thread == pb.ThreadSummary(root_id=root.id)
    assert "gone" not in str(streamed)
    assert [each.member.member.user_id for each in streamed if each.HasField("member")] == [bo_id]
    assert not _has_me(listed)


def _has_me(message: AnyMessage) -> bool:
    return "me: true" in str(message)


async def test_list_changes_pages_through_everything_once(client: ChatClient) -> None:
    owner, room = await make_room(client, messages=2 * store.PAGE + 30)
    after, revs, pages = 0, [], 0
    has_more = True
    while has_more:
        page = await _list(client, owner, room.id, after, page_size=100)
        revs += [each.rev for each in page.changes]
        after, has_more, pages = page.position.rev, page.has_more, pages + 1
        assert len(page.changes) <= 100
    last = (await client.get_room(owner, room.id)).position.rev
    assert after == last
    assert pages == 3
    assert revs == list(range(1, last + 1))
    end = await _list(client, owner, room.id, last)
    assert (list(end.changes), end.position.rev, end.has_more) == ([], last, False)


async def test_list_changes_page_ends_at_a_mebibyte(client: ChatClient) -> None:
    owner, room = await make_room(client)
    author = await client.db.user_id(owner)
    await make_messages(client.admin, room.id, author, 99, text="repeat('鼓', 4000)")
    page = await _list(client, owner, room.id, 0, page_size=100)
    assert 900_000 < len(page.SerializeToString()) <= 1 << 20
    assert page.has_more
    rest = await _list(client, owner, room.id, page.position.rev, page_size=100)
    assert rest.changes[0].rev == page.changes[-1].rev + 1


async def test_list_changes_of_another_epoch_or_of_the_future_is_a_reset(client: ChatClient) -> None:
    owner, room = await make_room(client, messages=3)
    position = (await client.get_room(owner, room.id)).position
    for wrong in ({"epoch": "another"}, {"after_rev": position.rev + 1}, {"after_rev": (1 << 63) - 1}):
        page = await _list(client, owner, room.id, 1, **wrong)
        assert page.outcome == pb.ROOM_OUTCOME_RESET
        assert (list(page.changes), page.position, page.has_more) == ([], position, False)


async def test_list_changes_shows_the_log_to_moderators_alone(client: ChatClient) -> None:
    owner, room = await make_room(client)
    member = await client.join_as(room.id)
    moderator = await client.join_as(room.id, "MODERATOR")
    start = (await client.get_room(owner, room.id)).position.rev
    await client.call(owner, "MuteMember", room_id=room.id, user_id=await client.db.user_id(member))
    shown = {}
    for email in (owner, moderator, member, new_user()):
        page = await _list(client, email, room.id, start)
        assert not page.has_more
        assert page.position.rev > start
        shown[email] = [each.WhichOneof("item") for each in page.changes]
    assert list(shown.values()) == [["moderation"], ["moderation"], [], []]


async def test_list_changes_is_refused_to_the_banned(client: ChatClient) -> None:
    owner, room = await make_room(client)
    member = await client.join_as(room.id)
    await client.call(owner, "BanMember", room_id=room.id, user_id=await client.db.user_id(member))
    request = client.call(member, "ListChanges", room_id=room.id, epoch=str(new_id()))
    await refused(request, BannedError, DOMAIN)


async def test_list_changes_reads_only_kinds_that_changed(client: ChatClient) -> None:
    owner, room = await make_room(client)
    start = (await client.get_room(owner, room.id)).position
    await client.send_message(owner, room.id, "one")
    fields = {"room_id": room.id, "epoch": start.epoch}
    for after, expected in ((start.rev, ["messages"]), (0, ["messages", "members", "room"])):
        with client.chat.counting() as statements:
            await client.call(owner, "ListChanges", after_rev=after, **fields)
            read = [each.removeprefix("chat.changed_") for each in statements if ".changed_" in each]
        assert read == expected
        assert len(statements) == 2 + len(expected)
