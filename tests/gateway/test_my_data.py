"""The data of one user through the real services: all of it is exported, nothing of others, and then erased."""

from __future__ import annotations

import json
import resource
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.users.v1.erasure_service_pb2 import (
    ERASURE_MODE_ANONYMISE,
    ERASURE_MODE_TOMBSTONE,
    ERASURE_STATE_DONE,
    Erasure,
    ErasureMode,
)
from tests.gateway.exporting import export, open_stream
from tests.gateway.gateway_fixture import SECONDS
from tests.gateway.gateway_suite import gateway_suite
from tests.postgres import Database, administrator
from tests.services.chat.author_fixtures import PopulatedAuthor
from tests.services.chat.builders import make_messages
from tests.services.chat.chat_client import ChatClient, new_user
from tests.services.running import Running, user
from tests.services.users.canaries import ANONYMISED, FILLED, NAMED_STILL, STAYS, columns_with
from tests.services.users.test_erasure_canaries import Suite, populate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# What an export leaves out, each with the reason.
_LEFT_OUT = {
    "users.artist_profiles.search_name": "derived",
    "users.artist_profiles.name_skeleton": "derived",
    "chat.rooms.search_name": "derived",
    "chat.messages.search_text": "derived",
}


class MyData(Suite):
    """The suite behind its gateway; erasures are started there."""

    gateway: Running

    async def erase(self, email: str, mode: ErasureMode.ValueType = ERASURE_MODE_TOMBSTONE) -> Erasure:
        """Start an erasure with EraseMe."""
        request = pb.EraseMeRequest(mode=mode, confirm_email=email)
        stub = GatewayServiceStub(self.gateway.channel)
        return (await stub.EraseMe(request, metadata=user(email), timeout=SECONDS)).erasure

    async def crowd(self, author: PopulatedAuthor) -> list[str]:
        """Five others with as much of their own, who also act on what the author has; gives their words."""
        client, own = self.client, author.rooms["own"]
        said = await client.send_message(author.email, own, f"to all: {author.word}")
        words = []
        for _ in range(5):
            other = await populate(self)
            words.append(other.word)
            await client.join_room(other.email, own)
            mention = {"mention_user_ids": [author.user_id]}
            await client.send_message(other.email, own, f"hear {other.word}", parent_id=said.id, **mention)
            await client.add_reaction(other.email, said, other.emoji)
            await client.call(
                other.email,
                "ReportMessage",
                room_id=own,
                message_id=said.id,
                reason=f"bad {other.word}",
            )
        return words


@pytest.fixture(scope="module")
async def suite(database: Database) -> AsyncIterator[MyData]:
    async with gateway_suite(database) as behind, administrator(database.server, database.name) as admin:
        made = MyData(behind.users, behind.chat, behind.tracks, admin)
        made.gateway = behind.gateway
        yield made


def leaves(value: Any) -> list[str]:
    """The texts of a JSON value."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in leaves(each)]
    if isinstance(value, list):
        return [text for each in value for text in leaves(each)]
    return [value] if isinstance(value, str) else []


async def values_with(admin: asyncpg.Connection, column: str, word: str) -> list[str]:
    """The texts with a word in a column."""
    schema, table, name = column.split(".")
    rows = await admin.fetch(
        f'SELECT DISTINCT "{name}"::text FROM "{schema}"."{table}" WHERE "{name}"::text ILIKE $1', f"%{word}%"
    )
    found = []
    for (text,) in rows:
        parsed = leaves(json.loads(text)) if text.startswith(("{", "[")) else [text]
        found += [each for each in parsed if word in each]
    return found


async def test_export_has_every_word_of_the_caller_and_none_of_others(suite: MyData) -> None:
    author = await populate(suite)
    words = await suite.crowd(author)
    done = await export(suite.gateway.channel, author.email)
    done.check_frame()
    exported = {text for _, _, fields in done.records() for text in leaves(fields)}
    missing = {
        column: [each for each in await values_with(suite.admin, column, author.word) if each not in exported]
        for column in FILLED - _LEFT_OUT.keys()
    }
    assert {column: values for column, values in missing.items() if values} == {}
    for word in words:
        assert word.encode() not in done.content
    kinds = {(service, kind) for service, kind, _ in done.records()}
    assert kinds == {(each.service, each.kind) for each in done.parts[0].manifest.kinds} - {
        ("users", "ERASURE")
    }


@pytest.mark.parametrize(
    ("mode", "left"),
    [(ERASURE_MODE_TOMBSTONE, set(STAYS)), (ERASURE_MODE_ANONYMISE, ANONYMISED)],
    ids=["TOMBSTONE", "ANONYMISE"],
)
async def test_erase_me_after_an_export_leaves_nothing(
    suite: MyData, mode: ErasureMode.ValueType, left: set[str]
) -> None:
    author, admin = await populate(suite), suite.admin
    assert author.word.encode() in (await export(suite.gateway.channel, author.email)).content
    erasure = await suite.erase(author.email, mode)
    # Repeated after a lost answer: the same one.
    assert (await suite.erase(author.email, mode)).id == erasure.id
    erasure = await suite.age(erasure, "20 minutes")
    assert erasure.state == ERASURE_STATE_DONE
    assert await columns_with(admin, author.word) == left
    assert await columns_with(admin, author.user_id) == NAMED_STILL


async def test_export_of_100000_messages_streams_in_constant_memory(suite: MyData) -> None:
    client, email = ChatClient(suite.chat, suite.admin), new_user()
    room = await client.create_room(email)
    user_id = await client.db.user_id(email)
    await make_messages(suite.admin, room.id, user_id, 100_000, text="repeat('talk ', 100) || n")
    count, size, at_a_tenth = 0, 0, 0
    async for part in open_stream(suite.gateway.channel, email):
        if part.HasField("chunk") and part.chunk.kind == "MESSAGE":
            count += part.chunk.json_lines.count(b"\n")
            size += len(part.chunk.json_lines)
            if count >= 10_000 and not at_a_tenth:
                at_a_tenth = _peak_kib()
    assert {each.kind: each.row_count for each in part.summary.counts}["MESSAGE"] == count == 100_000
    assert size > 64 << 20
    # All four processes are this one.
    assert _peak_kib() - at_a_tenth < 16 << 10


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
