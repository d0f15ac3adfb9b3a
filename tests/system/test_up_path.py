"""From `seda up` to a message with its track, with nothing but the lines that it prints."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import json_format

from gateway.rpc.service_descriptors import public_services, services_of
from ops.dev_tokens import development_subject
from ops.topology import CHAT, GATEWAY, Ports
from seda.chat.v1.message_pb2 import Message, MessageType
from seda.chat.v1.message_service_pb2 import ListMessagesResponse, SendMessageResponse
from seda.chat.v1.room_service_pb2 import CreateRoomResponse
from seda.gateway.v1.gateway_service_pb2 import GetRoomPageResponse, PostMessageResponse
from tests.ops.support.fake_suite import alive, free_base, taken
from tests.system.support.up import START_SECONDS, UpElsewhere, grpcurl_folder, paste

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]
CANONICAL = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"
SHOWN = {
    service.full_name
    for name in ("users", "chat", "tracks", "gateway")
    for service in public_services(services_of(name))
} | {"grpc.health.v1.Health"}
WITHOUT_GRPCURL = "Without grpcurl"
WITH_GRPCURL = "Paste, one after another"
needs_grpcurl = pytest.mark.skipif(
    grpcurl_folder() is None, reason="grpcurl is neither on the PATH nor in ~/go/bin; .ci/run installs it"
)


class Suite:
    """A suite in a folder with a space and an apostrophe, with its data elsewhere; it can restart."""

    def __init__(self, folder: Path, base: int) -> None:
        self.folder = folder / "my music" / "it's here"
        self.folder.mkdir(parents=True)
        self.data_dir = folder / "data of seda"
        self.base = base
        self.up = self._start()

    def restart(self) -> None:
        pids = list(self.up.pids().values())
        assert self.up.interrupt() == 0, self.up.output()
        assert alive(pids) == []
        assert taken(self.base) == []
        self.up = self._start()

    def _start(self) -> UpElsewhere:
        up = UpElsewhere(self.folder, self.data_dir, "--port-base", str(self.base), "--no-demo")
        try:
            return up.ready(START_SECONDS)
        except BaseException:
            up.__exit__()
            raise

    @property
    def token_line(self) -> str:
        return self.up.block(WITH_GRPCURL)[0]

    @property
    def seda(self) -> str:
        """The command as the printed lines have it."""
        return self.up.block(WITHOUT_GRPCURL)[0].strip().removesuffix(" call list")

    @property
    def chat(self) -> str:
        return Ports(self.base).address(CHAT)

    def run(self, *lines: str) -> list[str]:
        """Paste the line of the token and then these; return what they wrote, all of them having gone well."""
        folder = grpcurl_folder()
        answers = paste([self.token_line, *lines], self.folder, *([folder] if folder else []))
        assert [each.status for each in answers] == [0] * len(answers), answers
        assert answers[0].text.startswith("For ada@demo.seda.fm"), "the token itself must not be shown"
        return [each.text for each in answers[1:]]


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    with free_base() as base:
        running = Suite(tmp_path_factory.mktemp("up"), base)
        try:
            yield running
        finally:
            running.up.__exit__()


def check_printed_path(answers: list[str]) -> None:
    listed, room_id, posted, page = answers
    # SERVICE services such as IdentityService and CatalogService are not for users, and not listed.
    assert {name for name in listed.split() if not name.startswith("grpc.reflection.")} == SHOWN
    assert str(uuid.UUID(room_id)) == room_id
    # Programs differ in how they spell field names in JSON; the messages are the same.
    message = json_format.Parse(posted, PostMessageResponse()).message
    assert (message.room_id, message.type) == (room_id, MessageType.MESSAGE_TYPE_TRACK)
    check_page(page, message)


def check_page(text: str, message: Message) -> None:
    page = json_format.Parse(text, GetRoomPageResponse())
    assert [each.id for each in page.messages] == [message.id]
    track = page.messages[0].track
    assert track.url == CANONICAL
    assert [each.id for each in page.authors] == [message.author_id]
    assert [(each.id, each.url) for each in page.tracks] == [(track.track_id, CANONICAL)]
    assert not page.unreachable


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_printed_lines_with_seda_call(suite: Suite) -> None:
    check_printed_path(suite.run(*suite.up.block(WITHOUT_GRPCURL)))


@needs_grpcurl
def test_printed_lines_with_grpcurl(suite: Suite) -> None:
    lines = suite.up.block(WITH_GRPCURL)[1:]
    assert all("grpcurl" in line for line in lines)
    check_printed_path(suite.run(*lines))


def test_printed_token_is_of_the_printed_user(suite: Suite) -> None:
    (token,) = suite.run('echo "$SEDA_TOKEN"')
    claims = json.loads(_unpadded(token.split(".")[1]))
    assert claims["sub"] == development_subject("ada@demo.seda.fm")
    for lines in (suite.up.block(WITH_GRPCURL), suite.up.block(WITHOUT_GRPCURL)):
        assert not any(token in line for line in lines)


def direct_calls(suite: Suite, call: str) -> None:
    """Create, send and read at chat's own port; `call` has a place for the body and one for the method."""
    room, sent, listed = suite.run(
        call % ("""'{"room": {"name": "Direct"}}'""", "RoomService/CreateRoom")
        + """ | tee created | sed -n 's/.*"id": *"\\([^"]*\\)".*/\\1/p' > room; cat created""",
        call
        % ('''"{\\"room_id\\": \\"$(cat room)\\", \\"text\\": \\"hello\\"}"''', "MessageService/SendMessage"),
        call % ('''"{\\"room_id\\": \\"$(cat room)\\"}"''', "MessageService/ListMessages"),
    )
    created = json_format.Parse(room, CreateRoomResponse()).room
    message = json_format.Parse(sent, SendMessageResponse()).message
    assert (message.room_id, message.author_id) == (created.id, created.creator_id)
    assert (message.text, message.seq) == ("hello", 1)
    page = json_format.Parse(listed, ListMessagesResponse())
    assert [each.id for each in page.messages] == [message.id]


def test_same_calls_on_chats_own_port_with_seda_call(suite: Suite) -> None:
    direct_calls(suite, f"{suite.seda} call --address {suite.chat} -d %s %s")


@needs_grpcurl
def test_same_calls_on_chats_own_port_with_grpcurl(suite: Suite) -> None:
    bearer = '-H "authorization: Bearer $SEDA_TOKEN"'
    direct_calls(suite, f"grpcurl -plaintext {bearer} -d %s {suite.chat} seda.chat.v1.%s")


@pytest.mark.slow
def test_second_start_keeps_the_data(suite: Suite) -> None:
    room_id, posted = suite.run(*suite.up.block(WITHOUT_GRPCURL)[1:3])
    before = suite.token_line
    suite.restart()
    assert any("data from before" in line for line in suite.up.err)
    assert suite.token_line == before
    body = f"""'{{"room_id": "{room_id}"}}'"""
    (page,) = suite.run(f"{suite.seda} call GetRoomPage -d {body}")
    check_page(page, json_format.Parse(posted, PostMessageResponse()).message)


def test_block_names_every_address(suite: Suite) -> None:
    said = "\n".join(suite.up.out)
    assert Ports(suite.base).address(GATEWAY) in said
    assert "\x1b" not in said


@needs_grpcurl
def test_grpcurl_and_buf_describe_everything_that_is_listed(suite: Suite) -> None:
    folder = grpcurl_folder()
    assert folder is not None
    target = f"127.0.0.1:{Ports(suite.base).main(GATEWAY)}"
    described = subprocess.run(
        [folder / "grpcurl", "-plaintext", target, "describe"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    listed = subprocess.run(
        [
            Path(sys.executable).parent / "buf",
            "curl",
            "--protocol",
            "grpc",
            "--http2-prior-knowledge",
            "--list-methods",
            f"http://{target}",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    for name in ("grpc.reflection.v1.ServerReflection", "seda.chat.v1.MessageService"):
        assert f"{name} is a service" in described
        assert f"{name}/" in listed
