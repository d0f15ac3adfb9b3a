"""Log lines, and what must not stand in them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator

import pytest
import structlog

from servicekit import logs


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
