"""What the wrapper makes of every way in which a call can go."""

from __future__ import annotations

import asyncio
import gc
import re
import time
import weakref
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from servicekit.call import Call, current_call
from servicekit.errors import ConflictError, FieldViolation, InvalidFieldsError, OverloadedError
from servicekit.handlers import MIN_TIME_LEFT
from servicekit.ids import new_id
from servicekit.sql_errors import InvalidDataError
from tests.contract.requests import deep
from tests.contract.responses import details, leaks, reason_of
from tests.contract.suite import Outcome
from tests.probe import METHODS, EmptyRequest, EmptyResponse, ProbeRequest, ProbeResponse
from tests.servicekit.probe_server import USER_ID, Running, as_service, as_user, serving

_ONE, _OTHER = "one@example.org", "other@example.org"
_SECRET = "postgresql://seda:hush@db/seda SELECT secret FROM users.users"


def code(outcome: Outcome) -> tuple[str, str]:
    return outcome.code.name, reason_of(outcome)


async def failing(error: BaseException) -> Any:
    raise error


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"Watch", "Serve", "Moderate", "Administer"}))
async def test_good_call_gets_its_answer(probe: Running, method: str) -> None:
    outcome = await probe.call(method, EmptyRequest() if method == "Empty" else ProbeRequest(text="hello"))
    expected = EmptyResponse() if method == "Empty" else ProbeResponse(text="hello")
    assert outcome.reply == expected.SerializeToString()
    labels = {"grpc_service": METHODS[method].service, "grpc_method": method, "grpc_code": "OK"}
    assert probe.sample("grpc_server_handled_total", **labels) == 1


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xc3\x28", deep(800)])
@pytest.mark.parametrize("method", ["Ask", "Watch"])
async def test_malformed_bytes_are_refused_without_the_parser_s_words(
    probe: Running, method: str, data: bytes
) -> None:
    outcome = await probe.call(method, data)
    assert code(outcome) == ("INVALID_ARGUMENT", "MALFORMED_REQUEST")
    assert outcome.message == "malformed request"
    assert probe.probe.calls == []


@pytest.mark.parametrize("method", ["Ask", "Watch"])
async def test_unexpected_error_shows_nothing_but_an_id(probe: Running, method: str) -> None:
    probe.probe.handle = lambda *_: failing(ValueError(_SECRET))
    with capture_logs() as logs:
        outcome = await probe.call(method, ProbeRequest(text="x"))
    assert code(outcome) == ("INTERNAL", "INTERNAL_ERROR")
    parts: dict[str, Any] = details(outcome)
    error_id = parts["ErrorInfo"].metadata["error_id"]
    assert re.fullmatch("[0-9a-f]{16}", error_id)
    assert outcome.message == f"internal error {error_id}"
    assert leaks(outcome) == []
    assert "hush" not in str(outcome)
    (logged,) = [each for each in logs if each["event"] == "internal_error"]
    assert logged["error_id"] == error_id
    assert str(logged["exc_info"]) == _SECRET
    assert probe.sample("seda_unexpected_errors_total") == 1
    assert probe.sample("seda_data_error_from_database_total") == 0


async def test_refused_data_is_counted_as_a_defect(probe: Running) -> None:
    probe.probe.handle = lambda *_: failing(InvalidDataError("probe.write: DataError", "22021"))
    assert code(await probe.call("Ask")) == ("INTERNAL", "INTERNAL_ERROR")
    assert probe.sample("seda_data_error_from_database_total") == 1


async def test_typed_error_arrives_with_all_its_details(probe: Running) -> None:
    error = OverloadedError(1.5)
    error.metadata["wait"] = "long"
    error.violations = (FieldViolation("inner.text", "is wrong"),)
    probe.probe.handle = lambda *_: failing(error)
    outcome = await probe.call("Ask", None, ("x-request-id", "request-7"))
    parts: dict[str, Any] = details(outcome)
    assert (outcome.code, outcome.message) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "concurrency limit exceeded",
    )
    status = parts["Status"]
    assert (status.code, status.message) == (8, "concurrency limit exceeded")
    info = parts["ErrorInfo"]
    assert (info.reason, info.domain, dict(info.metadata)) == (
        "OVERLOADED",
        "probe.seda.fm",
        {"wait": "long"},
    )
    (violation,) = parts["BadRequest"].field_violations
    assert (violation.field, violation.description) == ("inner.text", "is wrong")
    assert parts["RetryInfo"].retry_delay.ToMilliseconds() == 1500
    assert parts["RequestInfo"].request_id == "request-7"
    assert probe.limiter.running == 0


@pytest.mark.parametrize("method", ["Ask", "Watch"])
async def test_a_failed_call_frees_what_it_held_without_a_collection(probe: Running, method: str) -> None:
    held = []

    async def handle(*_: object) -> Any:
        large = {"a set has a weak reference"}
        held.append(weakref.ref(large))
        try:
            return int("no number")
        except ValueError as cause:
            raise OverloadedError(1.5) from cause

    probe.probe.handle = handle
    gc.disable()
    try:
        assert code(await probe.call(method)) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        async with asyncio.timeout(5):
            while held[0]() is not None:
                # Until the server's side has ended, too.
                await asyncio.sleep(0.01)
    finally:
        gc.enable()


async def test_stray_cancellation_does_not_hang_the_client(probe: Running) -> None:
    probe.probe.handle = lambda *_: failing(asyncio.CancelledError())
    started = time.monotonic()
    for method in ("Ask", "Watch"):
        assert code(await probe.call(method)) == ("UNAVAILABLE", "SERVICE_UNAVAILABLE")
    assert time.monotonic() - started < 5


async def test_time_out_inside_is_deadline_exceeded(probe: Running) -> None:
    probe.probe.handle = lambda *_: failing(TimeoutError())
    assert code(await probe.call("Ask")) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")


async def test_answer_of_nothing_is_a_defect(probe: Running) -> None:
    async def nothing(_request: Any, _call: Call) -> None:
        return None

    probe.probe.handle = nothing
    assert code(await probe.call("Ask")) == ("INTERNAL", "INTERNAL_ERROR")


async def test_answer_of_another_type_is_a_defect(probe: Running) -> None:
    async def other(_request: Any, _call: Call) -> Any:
        return EmptyResponse()

    probe.probe.handle = other
    assert code(await probe.call("Ask")) == ("INTERNAL", "INTERNAL_ERROR")


async def test_call_knows_its_caller_and_its_time(probe: Running) -> None:
    seen: list[Call | None] = []

    async def look(_request: Any, call: Call) -> Any:
        seen.append(current_call.get())
        assert call.caller.user_id == USER_ID
        return ProbeResponse(text=f"{call.deadline - time.monotonic():.3f}")

    probe.probe.handle = look
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    outcome = await probe.call("Ask", None, ("x-request-id", "abc"), ("traceparent", trace), timeout=7)
    assert (
        5 < float(ProbeResponse.FromString(outcome.reply).text) <= 7.1
    )  # grpc rounds deadlines up on the wire
    (call,) = probe.probe.calls
    assert seen == [call]
    assert (call.request_id, call.traceparent, call.service) == ("abc", trace, None)
    assert call.token is not None
    assert current_call.get() is None


async def test_call_without_a_deadline_gets_one(probe: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("servicekit.handlers.DEFAULT_DEADLINE", 0.2)

    async def sleep(_request: Any, call: Call) -> Any:
        assert call.deadline - time.monotonic() <= 0.2
        await asyncio.Event().wait()

    probe.probe.handle = sleep
    unary: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = probe.channel.unary_unary(METHODS["Ask"].path)
    async with asyncio.timeout(10):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await unary(b"", metadata=as_user())
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert raised.value.trailing_metadata()


async def test_call_with_next_to_no_time_is_not_begun(
    probe: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MIN_TIME_LEFT == 0.02
    # Widened, so that the client is still there to hear the answer.
    monkeypatch.setattr("servicekit.handlers.MIN_TIME_LEFT", 5.0)
    outcome = await probe.call("Ask", timeout=4)
    assert code(outcome) == ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED")
    assert outcome.message == "too little time was left to start"
    assert probe.probe.calls == []
    assert (await probe.call("Ask", timeout=9)).code is grpc.StatusCode.OK


@pytest.mark.parametrize("given", ["", "with space", "x" * 129, "semi;colon"])
async def test_request_id_is_made_when_none_or_a_bad_one_is_given(probe: Running, given: str) -> None:
    probe.probe.handle = lambda *_: failing(ConflictError())
    for metadata in ([], [("x-request-id", given)]):
        parts: dict[str, Any] = details(await probe.call("Ask", None, *metadata))
        assert re.fullmatch("[0-9a-f]{32}", parts["RequestInfo"].request_id)


async def test_one_line_is_logged_per_call(probe: Running) -> None:
    with capture_logs() as logs:
        await probe.call("Ask", None, ("x-request-id", "one"))
        await probe.call("Administer", None, ("x-request-id", "two"))
        await probe.call("Serve", None, ("x-request-id", "three"), *as_service("chat", str(USER_ID)))
    lines = [each for each in logs if each["event"] == "call"]
    told = [
        (each["request_id"], each["method"].split(".")[-1], each["code"], each["reason"]) for each in lines
    ]
    assert told == [
        ("one", "Ask", "OK", None),
        ("two", "Administer", "PERMISSION_DENIED", "ACCESS_DENIED"),
        ("three", "Serve", "OK", None),
    ]
    assert [each["caller"] for each in lines] == [str(USER_ID), str(USER_ID), "chat"]
    assert lines[2]["on_behalf_of"] == str(USER_ID)
    assert all(each["ms"] >= 0 for each in lines)
    assert "Bearer" not in str(logs)


async def test_stream_gives_all_and_ends_with_its_error(probe: Running) -> None:
    probe.probe.handle = lambda *_: failing(ConflictError())
    stream: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = probe.channel.unary_stream(
        METHODS["Watch"].path
    )
    replies = stream(ProbeRequest(number=3).SerializeToString(), metadata=as_user())
    texts = []

    async def read() -> None:
        async for reply in replies:
            texts.append(ProbeResponse.FromString(reply).text)  # noqa: PERF401 - it ends in an error

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await read()
    assert texts == ["0", "1", "2"]
    assert raised.value.code() is grpc.StatusCode.ABORTED


async def test_client_that_hangs_up_cancels_the_handler(probe: Running) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def wait(_request: Any, _call: Call) -> Any:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    probe.probe.handle = wait
    for method in ("Ask", "Watch"):
        started.clear()
        ended.clear()
        calling = asyncio.ensure_future(probe.call(method))
        await asyncio.wait_for(started.wait(), 5)
        calling.cancel()
        await asyncio.wait_for(ended.wait(), 5)
    assert probe.limiter.running == 0


async def test_full_process_refuses_at_once_and_says_when_to_retry() -> None:
    async with serving(limit=1, queue=1, wait=5) as probe:
        release = asyncio.Event()

        async def wait(_request: Any, _call: Call) -> Any:
            await release.wait()
            return ProbeResponse()

        probe.probe.handle = wait
        first, second = (asyncio.ensure_future(probe.call("Ask")) for _ in range(2))
        async with asyncio.timeout(5):
            while not probe.limiter._waiting:
                # Until the second call has arrived and waits.
                await asyncio.sleep(0.01)
        refused = await probe.call("Ask")
        assert code(refused) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        assert "RetryInfo" in details(refused)
        # It never had a place, so it gave none back.
        assert probe.limiter.running == 1
        release.set()
        assert [(await each).code.name for each in (first, second)] == ["OK", "OK"]
        assert probe.limiter.running == 0


async def test_a_call_that_is_cancelled_gives_back_its_place_once() -> None:
    async with serving(limit=1, queue=1, wait=20) as probe, asyncio.timeout(20):
        started = asyncio.Event()

        async def wait(_request: Any, _call: Call) -> Any:
            started.set()
            await asyncio.Event().wait()

        probe.probe.handle = wait
        running = asyncio.ensure_future(probe.call("Ask"))
        await started.wait()
        waiting = asyncio.ensure_future(probe.call("Ask"))
        while not probe.limiter._waiting:
            # Until the second call has arrived and waits.
            await asyncio.sleep(0.01)
        for each, left in ((waiting, 1), (running, 0)):
            each.cancel()
            while probe.limiter._waiting or probe.limiter.running > left:
                # Until the server has heard of it.
                await asyncio.sleep(0.01)
            assert probe.limiter.running == left


@pytest.mark.parametrize("error", [ConflictError(), ValueError("x"), TimeoutError()])
async def test_a_call_that_fails_gives_back_its_place(error: Exception) -> None:
    async with serving(limit=1, queue=1, wait=0.1) as probe:
        probe.probe.handle = lambda _request, _call: failing(error)
        outcomes = [await probe.call("Ask") for _ in range(3)]
        assert "RESOURCE_EXHAUSTED" not in {each.code.name for each in outcomes}
        assert probe.limiter.running == 0


async def test_streams_have_caps_of_their_own() -> None:
    """Four may be open, three of them one user's; who leaves makes room."""
    started = asyncio.Semaphore(0)

    async def wait(_request: Any, _call: Call) -> None:
        started.release()
        await asyncio.Event().wait()

    async with serving(streams=4, per_user=3) as probe, asyncio.timeout(20):

        async def opened(email: str) -> asyncio.Task[Outcome]:
            stream = asyncio.ensure_future(probe.call("Watch", None, *as_user(email)))
            await started.acquire()
            return stream

        probe.probe.handle = wait
        probe.users.others = {_OTHER: new_id()}
        streams = [await opened(_ONE) for _ in range(3)]
        refused = await probe.call("Watch", None, *as_user(_ONE))
        assert code(refused) == ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
        assert "RetryInfo" in details(refused)
        streams.append(await opened(_OTHER))
        refused = await probe.call("Watch", None, *as_user(_OTHER))
        assert code(refused) == ("RESOURCE_EXHAUSTED", "OVERLOADED")
        assert "RetryInfo" in details(refused)
        assert probe.sample("seda_streams_open") == 4
        for stream in streams:
            stream.cancel()
        while probe.streams.open:
            # Until the server has heard of it.
            await asyncio.sleep(0.01)
        streams = [await opened(_ONE) for _ in range(3)]
        assert probe.sample("seda_streams_open") == 3


async def test_stream_may_give_bytes(probe: Running) -> None:
    async def serialized(_request: Any, _call: Call) -> Any:
        return ProbeResponse(text="once").SerializeToString()

    probe.probe.handle = serialized
    assert (await probe.call("Watch")).reply == ProbeResponse(text="once").SerializeToString()


async def test_fields_at_fault_are_all_named(probe: Running) -> None:
    outcome = await probe.call("Ask", ProbeRequest(text="x" * 21, number=11, tags=["a", "toolong"]))
    parts: dict[str, Any] = details(outcome)
    assert code(outcome) == ("INVALID_ARGUMENT", InvalidFieldsError.reason)
    assert sorted(each.field for each in parts["BadRequest"].field_violations) == [
        "number",
        "tags[1]",
        "text",
    ]
