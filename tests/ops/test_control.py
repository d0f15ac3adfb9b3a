"""The socket by which other commands reach a running suite."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from ops.data_dir import DataDir
from ops.errors import CliError
from ops.up.control import ControlServer, ask, listen


async def answer(request: Mapping[str, Any]) -> Mapping[str, object]:
    if request["do"] == "refuse":
        raise CliError("NO", "No.", why="It is so.", exit_code=3)
    if request["do"] == "fail":
        raise ValueError("broken")
    return {"did": request["do"]}


@contextlib.asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[DataDir]:
    data_dir = DataDir(folder)
    data_dir.create()
    with listen(data_dir) as listener:
        async with ControlServer(listener, answer):
            yield data_dir


async def asked(data_dir: DataDir, what: str) -> Mapping[str, Any]:
    return await asyncio.to_thread(ask, data_dir, {"do": what}, 10)


@pytest.mark.parametrize("name", ["short", "x" * 120], ids=len)
async def test_answer_and_refusal_come_back_however_long_the_path_is(tmp_path: Path, name: str) -> None:
    async with serving(tmp_path / name) as data_dir:
        assert await asked(data_dir, "this") == {"did": "this"}
        with pytest.raises(CliError) as refused:
            await asked(data_dir, "refuse")
        assert (refused.value.code, refused.value.why, refused.value.exit_code) == ("NO", "It is so.", 3)
        with pytest.raises(CliError, match="ValueError: broken"):
            await asked(data_dir, "fail")
        assert await asked(data_dir, "that") == {"did": "that"}
        assert data_dir.control_socket.stat().st_mode & 0o777 == 0o600


async def test_nonsense_and_a_client_that_leaves_stop_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as data_dir:
        for sent in (b"", b"{", b"nonsense\n", b"[]\n", os.urandom(64) + b"\n"):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(str(data_dir.control_socket))
                client.sendall(sent)
        assert await asked(data_dir, "this") == {"did": "this"}


async def test_silence_is_an_error_that_can_be_tried_again(tmp_path: Path) -> None:
    data_dir = DataDir(tmp_path / "data")
    data_dir.create()
    with pytest.raises(CliError) as missing:
        await asked(data_dir, "this")
    assert (missing.value.code, missing.value.retry, missing.value.exit_code) == ("SUITE_SILENT", True, 3)
    with listen(data_dir), pytest.raises(CliError) as silent:
        await asyncio.to_thread(ask, data_dir, {"do": "this"}, 0.1)
    assert "timed out" in silent.value.why
