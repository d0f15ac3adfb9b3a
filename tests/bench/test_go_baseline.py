"""The Go baseline replies as the dataset says, and leaves the rows of what it acknowledged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from bench import baseline_servers, dataset
from bench.baseline_contract import GET_USER, LIST_MESSAGES, SEARCH_ARTISTS, SEND_MESSAGE
from bench.dataset import Databases, uid
from bench.oracle import Oracle
from bench.page_scenarios import read_baseline_page
from bench.testbed import contract
from bench.user_scenarios import read_baseline_artists, read_baseline_user
from ops.postgres import find_binaries
from tests.effort import LONG
from tests.postgres import Database

# The first run builds the server. The bench itself compares replies with the dataset before it measures.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not LONG, reason="builds a server in Go, a minute or more: SEDA_TEST_LONG=1 runs it"),
]

_SIZES = {"users": 400, "rooms": 20, "messages": 2_000}
_ROOM, _USER = 7, str(uid("u", 3))
_NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def database_url(database: Database) -> str:
    script = Path(dataset.__file__).parent / "baselines" / "dataset.sql"
    dataset.psql(find_binaries().program("psql"), database.admin_dsn, script, **_SIZES)
    return database.admin_dsn


@pytest.fixture(scope="module")
def oracle(database_url: str) -> Oracle:
    return Oracle(Databases(database_url, database_url))


@pytest.fixture(scope="module")
def address(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("go")
    try:
        program = baseline_servers.build_go(folder, print)
    except baseline_servers.MissingBaselineError as error:
        pytest.skip(str(error))
    baseline = baseline_servers.Baseline("go", [str(program / "server")], program)
    with baseline_servers.running(baseline, database_url, folder, {}) as server:
        yield server.address


@pytest.fixture
def channel(address: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(address) as opened:
        yield opened


def call(channel: grpc.Channel, path: str, request: Any) -> bytes:
    reply: bytes = channel.unary_unary(path)(request.SerializeToString(), timeout=10)
    return reply


def status_of(error: Any) -> grpc.StatusCode:
    code: grpc.StatusCode = error.code()
    return code


@pytest.fixture(scope="module")
def messages(oracle: Oracle) -> Any:
    return oracle.messages([_ROOM], 1_000)[_ROOM]


def test_pages_are_the_datasets(channel: grpc.Channel, messages: Any) -> None:
    room_id = str(uid("r", _ROOM))
    first = call(channel, LIST_MESSAGES, contract().ListMessagesRequest(room_id=room_id))
    assert read_baseline_page(first) == messages[:50]
    # The sixth time PostgreSQL uses the generic plan.
    for start in range(10, 100, 15):
        request = contract().ListMessagesRequest(room_id=room_id, limit=20, cursor=messages[start].id)
        assert read_baseline_page(call(channel, LIST_MESSAGES, request)) == messages[start + 1 : start + 21]
    longest = call(channel, LIST_MESSAGES, contract().ListMessagesRequest(room_id=room_id, limit=1_000))
    page = contract().ListMessagesResponse.FromString(longest)
    assert len(page.messages) == 100
    cards = [each.user.artist_profile for each in page.messages if each.user.HasField("artist_profile")]
    assert all(card.artist_name and card.created_at > 0 for card in cards)
    assert any(each.track_ref for each in page.messages)


def test_a_send_leaves_its_row(channel: grpc.Channel, oracle: Oracle) -> None:
    before = oracle.baseline_message_count()
    request = contract().SendMessageRequest(
        room_id=str(uid("r", 19)), user_id=_USER, text="loud", parent_id=str(uid("m", 19))
    )
    sent = contract().Message.FromString(call(channel, SEND_MESSAGE, request))
    assert oracle.baseline_message_count() == before + 1
    newest = oracle.messages([19], 1)[19][0]
    assert (newest.id, newest.user_id, newest.text) == (sent.id, _USER, "loud")
    assert (sent.room_id, sent.user_id, sent.text) == (request.room_id, request.user_id, request.text)
    assert abs(sent.created_at / 1000 - time.time()) < 60  # the row's own time


@pytest.mark.parametrize("field", ["room_id", "user_id", "parent_id"])
def test_a_send_to_nowhere_is_refused(channel: grpc.Channel, field: str) -> None:
    right = {"room_id": str(uid("r", 1)), "user_id": _USER, "text": "loud", "parent_id": str(uid("m", 1))}
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, SEND_MESSAGE, contract().SendMessageRequest(**(right | {field: _NOWHERE})))
    assert status_of(caught.value) is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("query", ["vel", "%", "A"])
def test_artists_are_found(channel: grpc.Channel, oracle: Oracle, query: str) -> None:
    reply = call(channel, SEARCH_ARTISTS, contract().SearchArtistsRequest(query=query))
    assert read_baseline_artists(reply) == oracle.artists(query, 20)


def test_a_user_is_returned(channel: grpc.Channel) -> None:
    reply = call(channel, GET_USER, contract().GetUserRequest(id=_USER))
    assert read_baseline_user(reply) == (_USER, dataset.email(3))
    with pytest.raises(grpc.RpcError) as caught:
        call(channel, GET_USER, contract().GetUserRequest(id=_NOWHERE))
    assert status_of(caught.value) is grpc.StatusCode.NOT_FOUND
