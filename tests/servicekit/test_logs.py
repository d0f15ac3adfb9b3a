"""Log lines, and what must not stand in them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import pytest
import structlog

from servicekit import logs
from servicekit.call import Call, current_call
from servicekit.caller import Caller, Role
from servicekit.errors import Code, ConflictError, ServiceError
from servicekit.logs import AccessLog
from servicekit.rpc_status import UpstreamError
from tests.probe import METHODS


@pytest.fixture
def errors(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What was logged since the last look; everything is set back afterwards."""
    root = logging.getLogger()
    before, level = root.handlers, root.level
    yield lambda: capsys.readouterr().err
    root.handlers = before
    root.setLevel(level)
    structlog.reset_defaults()


def fail(secret: str) -> None:
    raise ValueError(len(secret))


def raised() -> ValueError:
    """An error with a traceback whose frames hold a secret."""
    with pytest.raises(ValueError, match="9") as caught:
        fail("hush" + "-hush")
    return caught.value


def test_logs_are_one_json_object_a_line(errors: Callable[[], str]) -> None:
    logs.configure("probe", "info", "auto")
    log = structlog.get_logger("test")
    log.debug("too fine")
    log.info("first", number=1, nothing=None)
    logging.getLogger("a.library").warning("second %s", "x")
    logging.getLogger("a.library").info("too fine")
    log.error("third", exc_info=raised())
    lines = [json.loads(line) for line in errors().splitlines()]
    assert [line["event"] for line in lines] == ["first", "second x", "third"]
    assert {line["process"] for line in lines} == {"probe"}
    assert lines[0]["number"] == 1
    assert "nothing" not in lines[0]
    assert all(line["timestamp"].endswith("Z") and line["level"] for line in lines)
    assert "ValueError: 9" in lines[2]["exception"]


def test_every_line_within_a_call_names_its_request_and_trace(errors: Callable[[], str]) -> None:
    logs.configure("probe", "info", "json")
    log = structlog.get_logger("test")
    log.info("before")
    token = current_call.set(_TRACED)
    try:
        log.info("inside")
        log.info("of another", request_id="two")
        logging.getLogger("a.library").warning("of a library")
    finally:
        current_call.reset(token)
    lines = [json.loads(line) for line in errors().splitlines()]
    found = [(line["event"], line.get("request_id")) for line in lines]
    assert found == [("before", None), ("inside", "four"), ("of another", "two"), ("of a library", "four")]
    assert [line.get("trace_id") for line in lines] == [None, _TRACE, _TRACE, _TRACE]


@dataclass
class Ended:
    """A call that ended, and how."""

    call: Call
    code: Code = Code.OK
    error: ServiceError | None = None


_METHOD = METHODS["Ask"]
_TRACE = "0af7651916cd43dd8448eb211c80319c"
_TRACED = Call(_METHOD, "four", 0.0, f"00-{_TRACE}-b7ad6b7169203331-01")
_USERS = Call(_METHOD, "one", 0.0, identity=Caller(UUID(int=7), Role.USER))
_ENDS = [
    Ended(_USERS),
    Ended(_USERS, Code.ABORTED, ConflictError()),
    Ended(Call(_METHOD, "two", 0.0), Code.CANCELLED),
    Ended(_TRACED),
    Ended(Call(_METHOD, "three", 0.0, service='a "quoted\\ name', on_behalf_of="\u2028 me")),
    # What a service that is called answers may be any text.
    Ended(_USERS, Code.ABORTED, UpstreamError(Code.ABORTED, 'REASON"}', "chat.seda.fm", "")),
]


@pytest.mark.parametrize("ended", _ENDS)
async def test_line_of_a_call_says_the_same_however_it_is_written(
    errors: Callable[[], str], ended: Ended
) -> None:
    """Put together by hand for speed, it must be what structlog would have made of it."""
    logs.configure("probe", "info", "json")
    quick = AccessLog("probe", _METHOD)
    assert quick._lines is not None
    quick.record(ended.call, ended.code, 0.0123456, ended.error)
    while not (text := errors()):
        # Lines of calls are held back a moment, to be written together.
        await asyncio.sleep(0.002)
    written = json.loads(text)
    by_steps = AccessLog("probe", _METHOD)
    by_steps._lines = None
    by_steps.record(ended.call, ended.code, 0.0123456, ended.error)
    # The end of this turn of the loop, when other lines are written.
    await asyncio.sleep(0)
    expected = json.loads(errors())
    form = "%Y-%m-%dT%H:%M:%S.%fZ"
    times = [datetime.strptime(line.pop("timestamp"), form) for line in (written, expected)]  # noqa: DTZ007 - both alike
    assert abs(times[0] - times[1]) < timedelta(seconds=5)
    assert written == expected
    assert written["ms"] == 12.35
    assert written.get("trace_id") == (_TRACE if ended.call is _TRACED else None)


@pytest.mark.parametrize("form", ["json", "console"])
def test_lines_of_calls_are_left_out_when_only_warnings_count(errors: Callable[[], str], form: str) -> None:
    logs.configure("probe", "warning", form)
    AccessLog("probe", _METHOD).record(_USERS, Code.OK, 0.1, None)
    assert errors() == ""


@pytest.mark.parametrize("form", ["json", "console"])
def test_traceback_shows_no_values(errors: Callable[[], str], form: str) -> None:
    logs.configure("probe", "info", form)
    structlog.get_logger("test").error("failed", exc_info=raised())
    logging.getLogger("a.library").error("failed", exc_info=raised())
    text = errors()
    assert text.count("ValueError: 9") == 2
    assert "hush-hush" not in text


def test_pool_s_tracebacks_are_left_out(errors: Callable[[], str]) -> None:
    logs.configure("probe", "info", "json")
    logging.getLogger("asyncpg.pool").error("failed to reconnect", exc_info=raised())
    (line,) = [json.loads(text) for text in errors().splitlines()]
    assert line["event"] == "failed to reconnect"
    assert "exception" not in line
