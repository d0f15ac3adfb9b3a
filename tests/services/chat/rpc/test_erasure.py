"""EraseAuthor over a real channel: what goes, what stays, and what becomes of rooms."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from seda.chat.internal.v1.author_data_service_pb2 import EraseAuthorRequest, ErasureMode
from seda.chat.internal.v1.author_data_service_pb2_grpc import AuthorDataServiceStub
from servicekit.errors import AccessDeniedError, InvalidFieldsError, ServiceError
from services.chat.domain.errors import NotAMemberError
from tests.services.chat.author_fixtures import (
    ANONYMISE,
    TOMBSTONE,
    AuthorData,
    PopulatedAuthor,
    columns_with,
    invariant_violations,
    populate,
    text_columns,
)
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.chat.rpc.test_export import kind_name
from tests.services.running import call, refused, service, user

# Where a user's own words can be, and where the export shows them: kind and field. None: derived from another one.
FILLED: dict[str, tuple[str, str] | None] = {
    "messages.text": ("MESSAGE", "text"),
    "messages.track": ("MESSAGE", "track"),
    "messages.search_text": None,
    "message_revisions.text": ("REVISION", "text"),
    "message_revisions.track": ("REVISION", "track"),
    "reactions.emoji": ("REACTION", "emoji"),
    "reaction_tallies.emoji": None,
    "reports.reason": ("REPORT", "reason"),
    "rooms.name": ("ROOM", "name"),
    "rooms.description": ("ROOM", "description"),
    "rooms.search_name": None,
    "sanctions.reason": ("SANCTION", "reason"),
    "moderation_logs.reason": ("MODERATION_LOG", "reason"),
    "moderation_logs.request_id": ("MODERATION_LOG", "call_id"),
}
STAYS = {
    "rooms.name": "the room's: its members know it by that",
    "rooms.search_name": "the same, folded",
    "rooms.description": "the room's",
    "sanctions.reason": "the audit's",
    "moderation_logs.reason": "the audit's",
    "moderation_logs.request_id": "the audit's: what was done stays as it was written",
}
NOT_THE_USER_S = {
    "messages.type": "one of three",
    "messages.system_event": "one of those that the service knows",
    "messages.deletion_type": "one of four",
    "room_memberships.role": "one of three",
    "room_memberships.removal": "one of four",
    "sanctions.kind": "one of two",
    "reports.state": "one of three",
    "moderation_logs.actor_role": "one of four",
    "moderation_logs.action": "one of those that the service knows",
    "moderation_logs.delegate": "the service that acted for the actor",
    **dict.fromkeys(("moderation_logs.before", "moderation_logs.after"), "ids, roles, states and times"),
    "leases.name": "the service's own",
    "backfills.name": "the service's own",
}
# Ids, not words: looked for by the id of a user whom nobody else mentions.
MENTIONING = "messages.mention_user_ids"
# The user's id stays where something did happen to somebody: a row that ended, and the audit.
NAMED_STILL = {
    "room_memberships.user_id",
    "room_invitations.user_id",
    "sanctions.user_id",
    "moderation_logs.actor_id",
    "moderation_logs.target_user_id",
    "moderation_logs.after",
}


@pytest.fixture
def authors(client: ChatClient) -> AuthorData:
    """AuthorDataService."""
    return AuthorData(client.chat)


@pytest.fixture
async def author(client: ChatClient) -> PopulatedAuthor:
    """A user who has left something everywhere."""
    return await populate(client)


async def test_every_column_that_can_hold_text_is_known(admin: asyncpg.Connection) -> None:
    assert await text_columns(admin) == {*FILLED, *NOT_THE_USER_S, MENTIONING}


async def test_export_author_holds_every_canary(authors: AuthorData, author: PopulatedAuthor) -> None:
    assert await columns_with(author.client.admin, author.word) == set(FILLED)
    records = await authors.everything(author.user_id)
    held = {
        (kind_name(record), name)
        for record in records
        for name, value in record.fields.fields.items()
        if author.word in str(value)
    }
    assert held == {place for place in FILLED.values() if place}
    (mentioning,) = [
        record
        for record in records
        if kind_name(record) == "MESSAGE" and author.mentioned_id in str(record.fields["mention_user_ids"])
    ]
    assert mentioning.fields["id"] == author.messages["sent"].id


async def test_erase_author_with_tombstones_leaves_no_canary(
    authors: AuthorData, author: PopulatedAuthor
) -> None:
    admin = author.client.admin
    assert {MENTIONING, "mentions.user_id"} <= await columns_with(admin, author.mentioned_id)
    answer = await authors.erase(author.user_id, TOMBSTONE)
    assert answer.done
    assert answer.changed_count > 30
    assert await columns_with(admin, author.word) == set(STAYS)
    assert not {MENTIONING, "mentions.user_id"} & await columns_with(admin, author.mentioned_id)
    assert await columns_with(admin, author.user_id) == NAMED_STILL
    assert await invariant_violations(admin) == set()


async def test_erase_author_anonymised_leaves_the_words_without_a_name(
    authors: AuthorData, author: PopulatedAuthor
) -> None:
    admin = author.client.admin
    before = await admin.fetch(
        "SELECT id, text, track, deleted_at, created_at, seq FROM chat.messages WHERE user_id = $1 ORDER BY id",
        UUID(author.user_id),
    )
    assert (await authors.erase(author.user_id, ANONYMISE)).done
    gone = {"reactions.emoji", "reaction_tallies.emoji", "reports.reason"}
    assert await columns_with(admin, author.word) == set(FILLED) - gone
    assert await columns_with(admin, author.user_id) == NAMED_STILL
    after = await admin.fetch(
        "SELECT id, text, track, deleted_at, created_at, seq FROM chat.messages WHERE id = ANY ($1) ORDER BY id",
        [row["id"] for row in before],
    )
    assert after == before
    assert await invariant_violations(admin) == set()


@pytest.mark.parametrize("mode", [ANONYMISE, TOMBSTONE])
async def test_erase_author_clears_the_ids_of_calls(
    authors: AuthorData, author: PopulatedAuthor, mode: ErasureMode.ValueType
) -> None:
    query = """
        SELECT (SELECT count(*) FROM chat.messages WHERE room_id = ANY ($1) AND request_id IS NOT NULL)
             + (SELECT count(*) FROM chat.rooms WHERE id = ANY ($1) AND payload_hash IS NOT NULL)
             + (SELECT count(*) FROM chat.reports WHERE room_id = ANY ($1) AND request_id IS NOT NULL)
    """
    rooms = list(map(UUID, author.rooms.values()))
    assert await author.client.admin.fetchval(query, rooms) == 4
    await authors.erase(author.user_id, mode)
    # What another user reported is theirs.
    assert await author.client.admin.fetchval(query, rooms) == 1


async def test_erase_author_with_tombstones_says_how_each_message_went(
    authors: AuthorData, author: PopulatedAuthor
) -> None:
    await authors.erase(author.user_id, TOMBSTONE)
    rows = {
        str(row["id"]): row
        for row in await author.client.admin.fetch(
            "SELECT *, emptied_at IS NOT NULL AS purged FROM chat.messages WHERE room_id = $1",
            UUID(author.rooms["shared"]),
        )
    }
    kinds = {name: rows[message.id]["deletion_type"] for name, message in author.messages.items()}
    assert kinds == {
        "theirs": None, "both": None, "sent": "ACCOUNT_ERASED", "track": "ACCOUNT_ERASED",
        "edited": "ACCOUNT_ERASED", "reply": "ACCOUNT_ERASED", "deleted": "AUTHOR", "removed": "MODERATOR",
    }  # fmt: skip
    assert {name for name in kinds if rows[author.messages[name].id]["purged"]} == set(kinds) - {
        "theirs",
        "both",
    }
    told = [row for row in rows.values() if row["type"] == "SYSTEM"]
    assert [row["user_id"] for row in told].count(None) >= 1
    assert all(row["deleted_at"] is None for row in told)


async def test_erase_author_moves_what_others_see_of_it(authors: AuthorData, author: PopulatedAuthor) -> None:
    client, room = author.client, author.rooms["shared"]
    before = (await client.get_room(author.owner, room)).position.rev
    await authors.erase(author.user_id, TOMBSTONE)
    theirs, both = [
        await client.get_message(author.owner, author.messages[name]) for name in ("theirs", "both")
    ]
    assert theirs.rev > before
    assert both.rev > before
    assert list(theirs.mention_user_ids) == []
    assert list(both.mention_user_ids) == [await client.db.user_id(author.member)]
    # The reply of another one is left, and in the tallies the emoji that another one gave, too.
    assert theirs.reply_count == 1
    tallies = await client.admin.fetch(
        "SELECT emoji, count FROM chat.reaction_tallies WHERE message_id = ANY ($1)",
        [UUID(theirs.id), UUID(both.id)],
    )
    assert [tuple(row) for row in tallies] == [("🎵", 1)]
    pins = await client.admin.fetch(
        "SELECT message_id::text, pinned_by, removed_at IS NOT NULL AS removed, rev FROM chat.pins"
        " WHERE room_id = $1",
        UUID(room),
    )
    ends = {row["message_id"]: row["removed"] for row in pins}
    assert ends == {theirs.id: False, author.messages["sent"].id: True}
    assert all(row["rev"] > before for row in pins)


async def test_erase_author_ends_memberships_and_clears_read_marks(
    authors: AuthorData, author: PopulatedAuthor
) -> None:
    admin = author.client.admin
    counted = "SELECT count(*) FROM chat.user_counters WHERE user_id = $1"
    assert await admin.fetchval(counted, UUID(author.user_id)) == 1
    await authors.erase(author.user_id, ANONYMISE)
    rows = await admin.fetch(
        "SELECT removal, left_at IS NULL AS there, last_read_seq, last_message_at FROM chat.room_memberships"
        " WHERE user_id = $1",
        UUID(author.user_id),
    )
    assert [tuple(row) for row in rows] == [("ERASED", False, 0, None)] * 4
    assert await admin.fetchval(counted, UUID(author.user_id)) == 0
    invitations = await admin.fetch(
        "SELECT invited_by, ended_at IS NULL AS open, user_id = $1 AS guest FROM chat.room_invitations"
        " WHERE room_id = ANY ($2) ORDER BY guest",
        UUID(author.user_id),
        list(map(UUID, author.rooms.values())),
    )
    owner_id = UUID(await author.client.db.user_id(author.owner))
    assert [tuple(row) for row in invitations] == [(None, True, False), (owner_id, False, True)]


async def test_erase_author_hands_rooms_on(authors: AuthorData, author: PopulatedAuthor) -> None:
    client = author.client
    moderator_id = UUID(await client.db.user_id(author.moderator))
    counter = "SELECT rooms_rev FROM chat.user_counters WHERE user_id = $1"
    before = await client.admin.fetchval(counter, moderator_id)
    lines = "SELECT count(*) FROM chat.moderation_logs WHERE room_id = $1"
    logged = await client.admin.fetchval(lines, UUID(author.rooms["own"]))
    await authors.erase(author.user_id, ANONYMISE)
    assert await client.db.owners(author.rooms["own"]) == [author.moderator]
    assert await client.admin.fetchval(counter, moderator_id) == before + 1
    # Nobody acted, so nobody is said to have.
    assert await client.admin.fetchval(lines, UUID(author.rooms["own"])) == logged
    room = (await client.get_room(author.moderator, author.rooms["own"])).room
    assert room.creator_id == ""
    assert not room.HasField("archive_time")
    assert room.member_count == 2
    archived = "SELECT archived_at IS NOT NULL FROM chat.rooms WHERE id = $1"
    assert await client.admin.fetchval(archived, UUID(author.rooms["lonely"]))
    assert await client.db.owners(author.rooms["shared"]) == [author.owner]


async def test_erase_author_hands_a_room_to_who_has_been_there_longest(
    client: ChatClient, authors: AuthorData
) -> None:
    ada, first, second, third, late = (new_user() for _ in range(5))
    for roles, successor in (
        ({}, first),
        ({third: "MODERATOR", second: "MODERATOR"}, second),
        ({late: "OWNER", second: "MODERATOR"}, late),
    ):
        room_id = (await client.create_room(ada)).id
        for email in (first, second, third, late):
            await client.join_room(email, room_id)
        # Who left is nobody's successor, however long ago they joined.
        gone = new_user()
        await client.join_room(gone, room_id)
        await client.admin.execute(
            "UPDATE chat.room_memberships SET joined_at = now() - interval '1 year', left_at = now(),"
            " removal = 'LEFT', role = 'MODERATOR' WHERE room_id = $1 AND user_id = $2",
            UUID(room_id),
            UUID(await client.db.user_id(gone)),
        )
        await client.admin.execute(
            "UPDATE chat.room_counters SET member_count = 5 WHERE room_id = $1", UUID(room_id)
        )
        for email, role in roles.items():
            await client.db.set_role(room_id, email, role)
        await authors.erase(await client.db.user_id(ada), TOMBSTONE)
        assert await client.db.owners(room_id) == [successor]
    assert await invariant_violations(client.admin) == set()


async def test_erase_author_again_does_nothing(authors: AuthorData, author: PopulatedAuthor) -> None:
    await authors.erase(author.user_id, TOMBSTONE)
    rows = await author.client.db.room_rows(author.rooms["shared"])
    with author.client.chat.counting() as statements:
        again = await authors.erase(author.user_id, TOMBSTONE)
    assert (again.done, again.changed_count) == (True, 0)
    assert statements == ["chat.find_remaining", "chat.delete_user_counters"]
    assert await author.client.db.room_rows(author.rooms["shared"]) == rows


async def test_erase_author_costs_a_few_statements_for_each_room_and_kind(
    client: ChatClient, authors: AuthorData
) -> None:
    ada, bob = new_user(), new_user()
    room_id = (await client.create_room(ada)).id
    await client.join_room(bob, room_id)
    for number in range(30):
        await client.send_message(bob, room_id, f"number {number}")
    with client.chat.counting() as statements:
        await authors.erase(await client.db.user_id(bob), TOMBSTONE)
    transaction = ["BEGIN", "chat.lock_rooms"]
    settled = ["chat.set_room_counters", "COMMIT"]
    assert statements == [
        "chat.find_remaining",
        *transaction, "chat.erase_membership", "chat.set_room_counters", "chat.bump_room_list_version", "COMMIT",
        *transaction, "chat.messages_of_author", "chat.delete_messages", *settled,
        "chat.find_remaining",
        *transaction, "chat.messages_of_author", "chat.delete_dependents", "chat.purge_messages",
        "chat.anonymise_messages", *settled,
        "chat.find_remaining",
        "chat.delete_user_counters",
    ]  # fmt: skip


async def test_erase_author_who_goes_on_writing_ends_with_a_call_afterwards(
    client: ChatClient, authors: AuthorData
) -> None:
    ada, eve = new_user(), new_user()
    room_id = (await client.create_room(ada)).id
    await client.join_room(eve, room_id)
    await client.send_message(eve, room_id, "first")
    user_id = await client.db.user_id(eve)
    assert (await authors.erase(user_id, TOMBSTONE)).done
    # The process still knows the caller for a while, though users have forgotten them.
    await refused(client.send_message(eve, room_id, "second"), NotAMemberError, DOMAIN)
    await client.join_room(eve, room_id)
    await client.send_message(eve, room_id, "third")
    assert user_id in str(await client.db.room_rows(room_id))
    assert (await authors.erase(user_id, TOMBSTONE)).done
    (membership,) = [
        row for row in (await client.db.room_rows(room_id))["room_memberships"] if user_id in row
    ]
    assert "ERASED" in membership
    texts = "SELECT count(*) FROM chat.messages WHERE room_id = $1 AND (text IS NOT NULL OR user_id = $2)"
    assert await client.admin.fetchval(texts, UUID(room_id), UUID(user_id)) == 0


async def test_erase_author_while_they_write_and_others_act(client: ChatClient, authors: AuthorData) -> None:
    author = await populate(client)
    room = author.rooms["shared"]
    extra = (await client.create_room(author.owner)).id
    stop = asyncio.Event()

    async def write() -> int:
        count = 0
        while not stop.is_set():
            try:
                await client.join_room(author.email, extra)
                await client.send_message(author.email, extra, f"still {author.word}")
                count += 1
            except ServiceError:
                continue
        return count

    async def react() -> None:
        while not stop.is_set():
            await client.add_reaction(author.owner, author.messages["both"])
            await client.remove_reaction(author.owner, author.messages["both"])

    writing, reacting = asyncio.create_task(write()), asyncio.create_task(react())
    for _ in range(5):
        await authors.erase(author.user_id, TOMBSTONE)
    stop.set()
    assert await writing > 0
    await reacting
    while not (await authors.erase(author.user_id, TOMBSTONE)).done:
        pass
    assert await columns_with(client.admin, author.word) == set(STAYS)
    assert await columns_with(client.admin, author.user_id) == NAMED_STILL
    assert await invariant_violations(client.admin) == set()
    assert (await client.get_room(author.owner, room)).position.rev > 0


async def test_erase_author_of_nobody_is_done_at_once(authors: AuthorData) -> None:
    answer = await authors.erase("0190a5c0-0000-7000-8000-00000000dead", TOMBSTONE)
    assert (answer.done, answer.changed_count) == (True, 0)


async def test_erase_author_is_for_the_users_service_alone(client: ChatClient) -> None:
    stub, request = (
        AuthorDataServiceStub(client.chat.channel),
        EraseAuthorRequest(user_id="x", mode=TOMBSTONE),
    )
    for metadata in (user(new_user()), service("gateway", "chat"), service("tracks", "chat")):
        await refused(call(stub.EraseAuthor, request, metadata), AccessDeniedError, DOMAIN)
    await refused(call(stub.EraseAuthor, request, service("users", "chat")), InvalidFieldsError, DOMAIN)
