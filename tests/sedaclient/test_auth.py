"""The identities of the client."""

from __future__ import annotations

import itertools
from pathlib import Path

import grpc
import pytest
from joserfc.jwk import OKPKey

from seda.chat.v1.message_service_pb2 import SendMessageRequest, SendMessageResponse
from seda.chat.v1.room_service_pb2 import ListMyRoomsRequest, ListMyRoomsResponse
from sedaclient import AsyncSeda, Seda, ServiceToken, StaticToken, TokenFile, TokenSource, Unauthenticated
from sedaclient.auth import Auth
from servicekit.jwks import SharedSecret
from servicekit.tokens import ServiceToken as VerifiedServiceToken
from servicekit.tokens import TokenVerifier
from tests.gateway.fake_server import FakeServer
from tests.sedaclient.scripts import ROOMS, SEND, Failure, script

REFUSED = Failure(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")
SECRET = "a secret of services' tokens for tests only"


def sent(server: FakeServer) -> list[str]:
    return [str(call.metadata["authorization"]).removeprefix("Bearer ") for call in server.calls]


async def test_a_refused_token_is_replaced_once_whatever_the_method(server: FakeServer) -> None:
    numbers = itertools.count(1)

    async def fetch() -> str:
        return f"token-{next(numbers)}"

    async with AsyncSeda(server.target, auth=TokenSource(fetch)) as seda:
        script(server, SEND, SendMessageResponse(), REFUSED, SendMessageResponse(), REFUSED)
        await seda.messages.SendMessage(SendMessageRequest())
        await seda.messages.SendMessage(SendMessageRequest(), retry=False)
        assert sent(server) == ["token-1", "token-1", "token-2"]
        with pytest.raises(Unauthenticated):
            await seda.messages.SendMessage(SendMessageRequest())
        assert sent(server)[3:] == ["token-2", "token-3"]


async def test_a_replaced_file_counts_when_its_token_is_refused(server: FakeServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    async with AsyncSeda(server.target, auth=TokenFile(file)) as seda:
        script(server, ROOMS, ListMyRoomsResponse(), REFUSED, ListMyRoomsResponse())
        await seda.rooms.ListMyRooms(ListMyRoomsRequest())
        file.write_text("second\n")
        await seda.rooms.ListMyRooms(ListMyRoomsRequest())
    assert (sent(server)[0], sent(server)[-1]) == ("first", "second")


async def test_a_service_signs_for_the_process_and_acting_for_a_user_for_the_suite(
    server: FakeServer,
) -> None:
    auth = ServiceToken("recommender", SECRET.encode())
    script(server, ROOMS, ListMyRoomsResponse())
    async with AsyncSeda(server.target, auth=auth) as seda:
        await seda.rooms.ListMyRooms(ListMyRoomsRequest())
        me = seda.acting_for("8d7d6a1e-4d0c-4a8e-8f0e-1f6f5cbe1f00")
        assert me.connection is seda.connection
        await me.rooms.ListMyRooms(ListMyRoomsRequest())
    for token, audience, user_id in zip(sent(server), ("chat", "seda"), (None, me.user_id), strict=True):
        verifier = TokenVerifier(
            user_keys=SharedSecret(SECRET.encode()),
            user_issuer="-",
            user_audience="-",
            service_keys=SharedSecret(SECRET.encode()),
            service=audience,
            accept_development=False,
        )
        verified = verifier.verify(token)
        assert isinstance(verified, VerifiedServiceToken)
        assert (verified.service, verified.on_behalf_of) == ("recommender", user_id)


@pytest.mark.parametrize("auth", [StaticToken("t"), TokenSource(lambda: "t")])
async def test_no_other_identity_acts_for_a_user(server: FakeServer, auth: Auth) -> None:
    async with AsyncSeda(server.target, auth=auth) as seda:
        with pytest.raises(ValueError, match="ServiceToken"):
            await seda.acting_for("u").rooms.ListMyRooms(ListMyRoomsRequest())
    assert server.calls == []


def test_an_async_source_is_not_for_programs_without_a_loop() -> None:
    async def fetch() -> str:
        return "token"

    with Seda("127.0.0.1:1", auth=TokenSource(fetch)) as seda, pytest.raises(TypeError, match="AsyncSeda"):
        seda.rooms.ListMyRooms(ListMyRoomsRequest())


def test_a_service_reads_its_secret_or_key_from_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    for environ in ({"SEDA_SERVICE_SECRET": SECRET}, {"SEDA_SERVICE_SECRET_FILE": str(file)}):
        token = ServiceToken.from_env("recommender", environ)
        assert repr(token) == "ServiceToken('recommender')"
        assert token.token("chat").count(".") == 2
    pem = OKPKey.generate_key("Ed25519").as_pem(private=True).decode()
    assert ServiceToken.from_env("recommender", {"SEDA_SERVICE_KEY": pem}).token("chat").count(".") == 2
    public = OKPKey.generate_key("Ed25519").as_pem(private=False).decode()
    for wrong, text in (
        ({}, "set one of"),
        ({"SEDA_SERVICE_KEY": pem, "SEDA_SERVICE_SECRET": SECRET}, "set one of"),
        ({"SEDA_SERVICE_SECRET": "short"}, "at least 32 bytes"),
        ({"SEDA_SERVICE_KEY": public}, "Ed25519"),
        ({"SEDA_SERVICE_KEY": "no key"}, "Ed25519"),
    ):
        with pytest.raises(ValueError, match=text):
            ServiceToken.from_env("recommender", wrong)
