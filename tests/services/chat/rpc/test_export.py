"""ExportAuthor over a real channel: every record once, page by page."""

from __future__ import annotations

import json
import re
import uuid
from typing import Any
from uuid import UUID

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp

from seda.chat.internal.v1.author_data_service_pb2 import (
    AuthorRecord,
    AuthorRecordKind,
    ExportAuthorRequest,
)
from seda.chat.internal.v1.author_data_service_pb2_grpc import AuthorDataServiceStub
from servicekit.errors import AccessDeniedError, PageTokenMismatchError
from servicekit.pagination import MAX_BYTES, MAX_TIMESTAMP, encode_token, fingerprint
from services.chat.domain.erasure import RecordKind
from tests.contract.proto_comments import proto_comments
from tests.services.chat.author_fixtures import AuthorData, PopulatedAuthor, populate
from tests.services.chat.builders import make_messages
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.running import call, refused, service, user

_KINDS = [kind.value for kind in RecordKind]


@pytest.fixture
def authors(client: ChatClient) -> AuthorData:
    """AuthorDataService."""
    return AuthorData(client.chat)


@pytest.fixture
async def author(client: ChatClient) -> PopulatedAuthor:
    """A user who has left something everywhere."""
    return await populate(client)


def kind_name(record: AuthorRecord) -> str:
    """Return the name of a record's kind without the prefix."""
    return AuthorRecordKind.Name(record.kind).removeprefix("AUTHOR_RECORD_KIND_")


def plain(record: AuthorRecord) -> tuple[str, dict[str, Any]]:
    """A record as Python has it."""
    return kind_name(record), MessageToDict(record.fields)


def named(records: list[AuthorRecord], kind: str) -> list[dict[str, Any]]:
    """The fields of all records of a kind."""
    return [fields for each, fields in map(plain, records) if each == kind]


async def test_export_author_has_every_kind_and_every_row(
    authors: AuthorData, author: PopulatedAuthor
) -> None:
    records = await authors.everything(author.user_id)
    kinds = [kind_name(record) for record in records]
    assert sorted(set(kinds), key=_KINDS.index) == _KINDS
    assert kinds == sorted(kinds, key=_KINDS.index)
    user_id = UUID(author.user_id)
    for kind, query in {
        "MESSAGE": "messages WHERE user_id = $1",
        "REVISION": "message_revisions v JOIN chat.messages m ON m.id = v.message_id WHERE m.user_id = $1",
        "MENTION": "mentions WHERE user_id = $1",
        "REACTION": "reactions WHERE user_id = $1",
        "MEMBERSHIP": "room_memberships WHERE user_id = $1",
        "INVITATION": "room_invitations WHERE user_id = $1 OR invited_by = $1",
        "PIN": "pins WHERE pinned_by = $1",
        "REPORT": "reports WHERE reporter_id = $1 OR resolved_by = $1",
        "SANCTION": "sanctions WHERE user_id = $1 OR issued_by = $1",
        "MODERATION_LOG": "moderation_logs WHERE actor_id = $1 OR target_user_id = $1",
        "ROOM": "rooms WHERE created_by = $1",
    }.items():
        count = await author.client.admin.fetchval(f"SELECT count(*) FROM chat.{query}", user_id)
        assert kinds.count(kind) == count > 0, kind


async def test_export_author_names_fields_as_the_contract_does(
    authors: AuthorData, author: PopulatedAuthor
) -> None:
    records = await authors.everything(author.user_id)
    for kind, fields in map(plain, records):
        comment = proto_comments()[f"{AuthorRecordKind.DESCRIPTOR.full_name}.AUTHOR_RECORD_KIND_{kind}"]
        documented = re.findall(r"`(\w+)`", comment.partition("Fields:")[2])
        assert sorted(fields) == sorted(documented), kind
    (message,) = [each for each in named(records, "MESSAGE") if each["id"] == author.messages["sent"].id]
    sent = author.messages["sent"]
    assert message["text"] == f"I say {author.word}"
    assert (message["seq"], message["room_id"]) == (sent.seq, sent.room_id)
    assert message["mention_user_ids"] == [author.mentioned_id]
    create_time = Timestamp()
    # Not as text: how many digits there are depends on the instant.
    create_time.FromJsonString(message["create_time"])
    assert create_time == sent.create_time
    assert message["delete_time"] is None
    (track,) = [each for each in named(records, "MESSAGE") if each["id"] == author.messages["track"].id]
    assert track["track"]["title"] == f"{author.word} song"
    (revision,) = named(records, "REVISION")
    assert (revision["message_id"], revision["number"]) == (author.messages["edited"].id, 1)
    # What was deleted is still the user's, as long as it is there.
    deleted = {each["id"] for each in named(records, "MESSAGE") if each["delete_time"]}
    assert deleted == {author.messages["deleted"].id, author.messages["removed"].id}


async def test_export_author_tells_nothing_of_who_acted_on_the_user(
    authors: AuthorData, author: PopulatedAuthor
) -> None:
    records = await authors.everything(author.user_id)
    # The owner invited the user, which the user was told; all else that the owner did is unsigned.
    owner_id = await author.client.db.user_id(author.owner)
    told = [kind for kind, fields in map(plain, records) if owner_id in json.dumps(fields)]
    assert set(told) <= {"INVITATION", "MODERATION_LOG"}
    lines = named(records, "MODERATION_LOG")
    done_to_them = [each for each in lines if each["actor_id"] is None]
    assert len(done_to_them) > 2
    assert {each["target_user_id"] for each in done_to_them} == {author.user_id}
    assert owner_id not in json.dumps(done_to_them)
    sanctions = {each["reason"]: each["issuer_id"] for each in named(records, "SANCTION")}
    assert sanctions == {f"because {author.word}": author.user_id, "you shout": None}
    made, resolved = sorted(named(records, "REPORT"), key=lambda each: each["reason"] is None)
    assert (made["reason"], made["reporter_id"]) == (f"because {author.word}", author.user_id)
    assert made["request_id"] is not None
    assert [resolved[field] for field in ("reason", "reporter_id", "request_id")] == [None] * 3


async def test_export_author_in_pages_of_any_size_gives_each_record_once(
    authors: AuthorData, author: PopulatedAuthor
) -> None:
    whole = list(map(plain, await authors.everything(author.user_id)))
    for size in (1, 2, 7):
        assert list(map(plain, await authors.everything(author.user_id, page_size=size))) == whole


async def test_export_author_costs_two_statements_a_page_at_most(
    authors: AuthorData, author: PopulatedAuthor
) -> None:
    token, pages = "", 0
    while token or not pages:
        with author.client.chat.counting() as statements:
            page = await authors.export(author.user_id, page_size=3, page_token=token)
        assert 1 <= len(statements) <= 2
        assert 1 <= len(page.records) <= 3
        token, pages = page.next_page_token, pages + 1
    assert pages > len(_KINDS)


async def test_export_author_ends_a_page_at_one_mebibyte(client: ChatClient, authors: AuthorData) -> None:
    ada = new_user()
    room_id = (await client.create_room(ada)).id
    user_id = await client.db.user_id(ada)
    await make_messages(client.admin, room_id, user_id, 150, text="repeat('🎵', 4000)")
    seqs: list[float] = []
    sizes: list[int] = []
    token = ""
    while token or not sizes:
        page = await authors.export(user_id, page_size=100, page_token=token)
        assert page.ByteSize() <= MAX_BYTES
        seqs += [each["seq"] for each in named(list(page.records), "MESSAGE")]
        sizes.append(len(page.records))
        token = page.next_page_token
    assert seqs == list(range(1, 151))
    assert 50 < sizes[0] < 70


async def test_export_author_of_nobody_is_empty(authors: AuthorData) -> None:
    page = await authors.export(str(uuid.uuid4()))
    assert (list(page.records), page.next_page_token) == ([], "")


async def test_export_author_refuses_tokens_that_it_did_not_give(
    authors: AuthorData, author: PopulatedAuthor
) -> None:
    other = str(uuid.uuid4())
    token = (await authors.export(author.user_id, page_size=1)).next_page_token
    await refused(authors.export(other, page_token=token), PageTokenMismatchError, DOMAIN)
    mark, nil = fingerprint("ExportAuthor", author.user_id), str(UUID(int=0))
    for numbers, texts in (
        ((), ()),
        ((1,), ("MESSAGE", nil, nil, "")),
        ((1, 1, 1), ("MESSAGE", nil, nil)),
        ((1, 1, 1), ("NOTHING", nil, nil, "")),
        ((1, 1, 1), ("MESSAGE", "x", nil, "")),
        ((1, 1, 1), ("REACTION", nil, nil, "\0")),
        ((1, 1, 1 << 31), ("REVISION", nil, nil, "")),
        ((1, 1, -1), ("REVISION", nil, nil, "")),
        ((MAX_TIMESTAMP, 1, 1), ("MESSAGE", nil, nil, "")),
        ((-1, 1, 1), ("MESSAGE", nil, nil, "")),
    ):
        forged = encode_token(mark, numbers, texts)
        await refused(authors.export(author.user_id, page_token=forged), PageTokenMismatchError, DOMAIN)
    edge = encode_token(mark, (MAX_TIMESTAMP - 1, (1 << 63) - 1, (1 << 31) - 1), ("REVISION", nil, nil, ""))
    assert (await authors.export(author.user_id, page_token=edge)).records


async def test_export_author_is_for_the_gateway_alone(client: ChatClient) -> None:
    stub, request = AuthorDataServiceStub(client.chat.channel), ExportAuthorRequest(user_id=str(uuid.uuid4()))
    for metadata in (user(new_user()), service("users", "chat"), service("tracks", "chat")):
        await refused(call(stub.ExportAuthor, request, metadata), AccessDeniedError, DOMAIN)
