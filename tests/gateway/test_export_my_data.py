"""ExportMyData in front of fake upstreams: frame, chunks, resumption, and services that are away."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct

from seda.chat.internal.v1 import author_data_service_pb2 as chat_pb
from seda.chat.v1.room_service_pb2 import GetMyRoomsRevResponse
from seda.rpc.v1.caller_pb2 import Caller, Role
from seda.tracks.internal.v1.catalog_service_pb2 import ExportResolverResponse, ResolvedTrack
from seda.tracks.v1.track_pb2 import Track
from seda.users.internal.v1 import identity_service_pb2 as users_pb
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerResponse
from servicekit import handlers
from servicekit.pagination import encode_token, fingerprint
from tests.gateway.composed_reads import ROOT
from tests.gateway.exporting import Export, export, open_stream
from tests.gateway.fake_data import failing
from tests.gateway.fake_server import Context
from tests.gateway.gateway_fixture import CALLER_ID, RESOLVE, ROOMS_REV, GatewayFixture, details
from tests.gateway.test_post_message import signed_by

EMAIL = "listener@example.org"
USERS = "/seda.users.internal.v1.IdentityService/ExportUser"
CHAT = "/seda.chat.internal.v1.AuthorDataService/ExportAuthor"
TRACKS = "/seda.tracks.internal.v1.CatalogService/ExportResolver"
# Three pages of messages; a line of the second one is so long that a chunk holds three.
_LONG = "x" * 80_000
_PAGES: dict[str, list[str]] = {
    "": ["one", "two"],
    "second": [f"{number}{_LONG}" for number in range(7)],
    "third": ["last"],
}
_NEXT = {"": "second", "second": "third", "third": ""}


def record(**values: Any) -> Struct:
    """The fields of a record."""
    made = Struct()
    made.update(values)
    return made


def respond(gateway: GatewayFixture) -> None:
    """Make all services hold something."""

    async def author(data: bytes, _context: Context) -> bytes:
        token = chat_pb.ExportAuthorRequest.FromString(data).page_token
        kind = chat_pb.AUTHOR_RECORD_KIND_MESSAGE
        response = chat_pb.ExportAuthorResponse(next_page_token=_NEXT[token])
        for text in _PAGES[token]:
            response.records.add(
                kind=kind, fields=record(text=text, seq=7, track=None, ids=["ä", {"x": 0.5}])
            )
        return response.SerializeToString()

    gateway.chat.respond(ROOMS_REV, GetMyRoomsRevResponse(epoch="e1"))
    gateway.users.respond(
        USERS,
        # A page may be empty.
        users_pb.ExportUserResponse(next_page_token="more"),
        users_pb.ExportUserResponse(
            records=[
                users_pb.UserRecord(kind=users_pb.USER_RECORD_KIND_USER, fields=record(email=EMAIL, a=True))
            ]
        ),
    )
    gateway.chat.handlers[CHAT] = author
    gateway.tracks.respond(
        TRACKS, ExportResolverResponse(tracks=[ResolvedTrack(track=Track(id="t", title="Prélude"))])
    )


async def test_export_has_a_manifest_all_records_and_a_summary_that_fits(gateway: GatewayFixture) -> None:
    respond(gateway)
    done = await export(gateway.channel, EMAIL)
    done.check_frame()
    manifest = done.parts[0].manifest
    assert (manifest.epoch, manifest.HasField("start_time")) == ("e1", True)
    assert {each.service for each in manifest.kinds} == {"users", "chat", "tracks"}
    assert (
        len(manifest.kinds) == len(users_pb.UserRecordKind.keys()) + len(chat_pb.AuthorRecordKind.keys()) - 1
    )
    texts = [text for page in _PAGES.values() for text in page]
    assert done.records() == [
        ("users", "USER", {"a": True, "email": EMAIL}),
        *(
            ("chat", "MESSAGE", {"ids": ["ä", {"x": 0.5}], "seq": 7, "text": text, "track": None})
            for text in texts
        ),
        ("tracks", "RESOLVED_TRACK", {"track": {"id": "t", "title": "Prélude"}}),
    ]
    # Whole numbers are written as such, and UTF-8 as it is.
    assert b'"seq":7,' in done.content
    assert "Prélude".encode() in done.content


async def test_export_calls_as_the_gateway_on_behalf_of_the_caller(gateway: GatewayFixture) -> None:
    respond(gateway)
    await export(gateway.channel, EMAIL)
    for server, path, name in (
        (gateway.users, USERS, "users"),
        (gateway.chat, CHAT, "chat"),
        (gateway.tracks, TRACKS, "tracks"),
    ):
        call = await server.received(path)
        signed = signed_by(call.metadata["authorization"], name)
        assert (signed.service, signed.on_behalf_of) == ("gateway", CALLER_ID)
        # All three requests have the same fields.
        assert users_pb.ExportUserRequest.FromString(call.data).user_id == CALLER_ID
        # Many pages, each within the budget of a call, whatever the age of the stream.
        assert call.time_left is not None
        assert call.time_left <= 5.1


async def test_export_resumes_behind_any_chunk(gateway: GatewayFixture) -> None:
    respond(gateway)
    whole = await export(gateway.channel, EMAIL)
    assert len(whole.chunks) == 7
    for number, chunk in enumerate(whole.chunks):
        rest = await export(gateway.channel, EMAIL, chunk.resume_token)
        rest.check_frame()
        assert Export(whole.parts[: number + 2] + rest.parts).content == whole.content


async def test_resume_tokens_are_of_one_caller_and_one_method(gateway: GatewayFixture) -> None:
    respond(gateway)
    good = (await export(gateway.channel, EMAIL)).chunks[0].resume_token
    gateway.users.respond(RESOLVE, ResolveCallerResponse(caller=Caller(user_id=ROOT, role=Role.ROLE_USER)))
    other = (await export(gateway.channel, "other@example.org")).chunks[0].resume_token
    far = encode_token(fingerprint("ExportMyData", CALLER_ID), (4, 0), ("",))
    for token in ("x", "AAAA", good[:-1], other, far):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await export(gateway.channel, EMAIL, token)
        assert details(raised.value)["ErrorInfo"].reason == "PAGE_TOKEN_MISMATCH"


@pytest.mark.parametrize(
    ("service", "path"), [("users", USERS), ("chat", CHAT), ("chat", ROOMS_REV), ("tracks", TRACKS)]
)
async def test_export_ends_unavailable_without_a_service_and_goes_on_later(
    gateway: GatewayFixture, service: str, path: str
) -> None:
    respond(gateway)
    whole = await export(gateway.channel, EMAIL)
    server = getattr(gateway, service)
    healthy = server.handlers[path]
    server.handlers[path] = failing(grpc.StatusCode.INTERNAL, "INTERNAL_ERROR")
    cut = Export()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await cut.receive(gateway.channel, EMAIL)
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
    assert details(raised.value)["ErrorInfo"].metadata == {"service": service}
    assert not any(part.HasField("summary") for part in cut.parts)
    server.handlers[path] = healthy
    rest = await export(gateway.channel, EMAIL, cut.chunks[-1].resume_token if cut.chunks else "")
    assert cut.content + rest.content == whole.content


async def test_export_outlives_the_default_deadline_of_unary_calls(
    gateway: GatewayFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    respond(gateway)
    monkeypatch.setattr(handlers, "DEFAULT_DEADLINE", 0.2)
    at_once: Any = gateway.chat.handlers[ROOMS_REV]

    async def late(data: bytes, context: Context) -> bytes:
        # The stream is older than the default by then.
        await asyncio.sleep(0.4)
        answer: bytes = await at_once(data, context)
        return answer

    gateway.chat.handlers[ROOMS_REV] = late
    (await export(gateway.channel, EMAIL)).check_frame()


async def test_export_reads_no_further_than_the_client(gateway: GatewayFixture) -> None:
    respond(gateway)
    page = chat_pb.ExportAuthorResponse(next_page_token="second")
    for number in range(100):
        page.records.add(
            kind=chat_pb.AUTHOR_RECORD_KIND_MESSAGE, fields=record(text=f"{number}" + "x" * 10_000)
        )
    gateway.chat.respond(CHAT, page)
    stream = open_stream(gateway.channel, EMAIL)
    await stream.read()
    # Until nothing more is asked for: the flow control of the stream is what stops it.
    seen = -1
    while seen != len(gateway.chat.calls):
        seen = len(gateway.chat.calls)
        # That nothing happens can only be waited for.
        await asyncio.sleep(0.3)
    stream.cancel()
    assert seen < 40, "a megabyte each"
