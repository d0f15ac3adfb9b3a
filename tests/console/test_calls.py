"""Calls through the console's server: what goes in, what comes out, what ends when the page goes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from console import calls, lines
from console.settings import ConsoleSettings
from tests.console.probe_target import ProbeTarget, probe_target
from tests.console.serving import KEY, ConsoleServer, Reply, console_server


@pytest.fixture(scope="module")
async def target() -> AsyncIterator[ProbeTarget]:
    async with probe_target() as started:
        yield started


@pytest.fixture(scope="module")
async def server(target: ProbeTarget) -> AsyncIterator[ConsoleServer]:
    async with console_server(ConsoleSettings(port=0, key=KEY, targets={"probe": target.address})) as started:
        yield started


async def call(server: ConsoleServer, name: str, request: str = "{}", **more: object) -> Reply:
    body = {"target": "probe", "method": f"probe.Probe/{name}", "request": request, "deadline": 10, **more}
    return await server.post("/api/call", body)


@pytest.mark.parametrize("number", ["9007199254740993", "-9223372036854775808"])
@pytest.mark.parametrize("quoted", [True, False])
async def test_wide_numbers_survive(server: ConsoleServer, number: str, quoted: bool) -> None:
    written = json.dumps(number) if quoted else number
    reply = await call(server, "Echo", f'{{"wide": {written}, "maybeWide": {written}}}')
    _, message, status = reply.lines
    assert message["value"] == {"wide": number, "maybeWide": number}
    assert (status["code"], status["name"]) == (0, "OK")


async def test_metadata_reach_the_target_as_they_are(server: ConsoleServer, target: ProbeTarget) -> None:
    rows = [["x-request-id", "abc-1"], ["x-data-bin", "AAE="], ["authorization", "Bearer mine"]]
    await call(server, "Echo", metadata=rows)
    _, _, metadata = target.calls[-1]
    assert metadata["x-request-id"] == "abc-1"
    assert metadata["x-data-bin"] == str(b"\x00\x01")
    assert metadata["authorization"] == "Bearer mine"


@pytest.mark.parametrize(
    "row",
    [
        ["x-a", "b\r\nx-evil: 1"],
        ["x-a\r\nx-evil", "b"],
        ["x-a", "b\x00"],
        ["x-a", "ü"],
        [":path", "/"],
        ["grpc-timeout", "1S"],
        ["te", "x"],
        ["content-type", "x"],
        ["", "x"],
        ["x-data-bin", "not base64!"],
        ["x-a", "b" * 9_000],
        ["x" * 200, "b"],
        ["x-a"],
        "x-a",
        ["x-a", 1],
    ],
)
async def test_rows_that_are_no_metadata_are_refused(
    server: ConsoleServer, target: ProbeTarget, row: object
) -> None:
    before = len(target.calls)
    assert (await call(server, "Echo", metadata=[row])).status == 400
    assert (await call(server, "Echo", identity={"token": "a\r\nb"})).status == 400
    assert len(target.calls) == before


@pytest.mark.parametrize("request_text", ["[1]", "{", '{"unknown": 1}', '{"wide": "x"}', "null", "{}" * 2])
async def test_text_that_is_no_request_is_refused_with_the_reason(
    server: ConsoleServer, request_text: str
) -> None:
    refused = await call(server, "Echo", request_text)
    assert refused.status == 400
    assert "Everything" in refused.lines[0]["error"]


async def test_deep_and_large_bodies_are_refused(server: ConsoleServer) -> None:
    deep = '{"self":' * 5_000 + "{}" + "}" * 5_000
    assert (await call(server, "Echo", deep)).status == 400
    assert (await server.raw("POST", "/api/call", server.headers(), b"[" * 100_000)).status == 400
    huge = {**server.headers(), "Content-Length": str(lines.MAX_BODY_BYTES + 10)}
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(
        ("POST /api/call HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in huge.items()) + "\r\n").encode()
    )
    try:
        for _ in range(20):
            writer.write(b" " * 1_000_000)
            await writer.drain()
    except ConnectionError:
        pass
    assert b" 413 " in await reader.readline()
    writer.close()


async def test_a_body_that_never_ends_is_given_up(
    server: ConsoleServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "_BODY_SECONDS", 0.1)
    headers = {**server.headers(), "Content-Length": "1000"}
    assert (await server.raw("POST", "/api/call", headers, b"")).status == 408


@pytest.mark.parametrize(
    "method", ["probe.Probe/Missing", "Missing", "probe.Probe/Collect", "probe.Number/Echo"]
)
async def test_methods_that_can_not_be_called_are_refused(server: ConsoleServer, method: str) -> None:
    body = {"target": "probe", "method": method, "request": "{}"}
    assert (await server.post("/api/call", body)).status == 404
    assert (await server.post("/api/call", {**body, "target": "../probe"})).status == 404


async def test_the_call_is_cancelled_when_the_page_goes(server: ConsoleServer, target: ProbeTarget) -> None:
    target.waiting.clear()
    target.cancelled.clear()
    gone = asyncio.create_task(call(server, "Wait", deadline=None))
    await asyncio.wait_for(target.waiting.wait(), 10)
    gone.cancel()
    async with asyncio.timeout(1):
        await target.cancelled.wait()


async def test_calls_at_a_time_are_bounded(server: ConsoleServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MAX_CALLS", 3)
    waiting = [asyncio.create_task(call(server, "Wait", deadline=2)) for _ in range(3)]
    async with asyncio.timeout(10):
        while (await call(server, "Echo")).status != 429:
            await asyncio.sleep(0.02)  # another process could not tell, either
    assert [each.lines[-1]["name"] for each in await asyncio.gather(*waiting)] == ["DEADLINE_EXCEEDED"] * 3
    assert (await call(server, "Echo")).status == 200


async def test_a_slow_page_slows_the_stream_and_not_the_server(server: ConsoleServer) -> None:
    body = json.dumps(
        {"target": "probe", "method": "probe.Probe/Count", "request": '{"value": 200000}'}
    ).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = [f"{name}: {value}" for name, value in {**server.headers(), "Content-Length": len(body)}.items()]
    writer.write("\r\n".join(["POST /api/call HTTP/1.1", *head, "", ""]).encode() + body)
    assert b"200" in await reader.readline()
    # Nothing more is read; everybody else is served meanwhile.
    async with asyncio.timeout(10):
        assert (await call(server, "Echo", '{"text": "a"}')).lines[1]["value"] == {"text": "a"}
    writer.close()


async def test_an_unreachable_target_is_named() -> None:
    async with console_server(ConsoleSettings(port=0, key=KEY, targets={"probe": "127.0.0.1:1"})) as server:
        refused = await server.get("/api/catalog?target=probe")
        assert refused.status == 502
        assert "127.0.0.1:1 does not answer" in refused.lines[0]["error"]


async def test_no_identity_is_offered_outside_of_a_development_suite(server: ConsoleServer) -> None:
    (start,) = (await server.get("/api/start")).lines
    assert (start["identities"], start["suite"]) == ([], False)
    assert (await call(server, "Echo", identity="ada")).status == 404
    assert not ConsoleSettings(0, KEY, {}, home=None).mints_tokens
