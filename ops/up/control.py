"""How other commands reach a running `seda up`: a unix socket in the data folder, open to its owner alone.

A request is one line of JSON, and so is the answer, in the form of --json. The socket belongs to whoever holds the
folder's lock, so that no process number has to be trusted.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ops.errors import CliError, Exit

if TYPE_CHECKING:
    from ops.data_dir import DataDir

Handler = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, object]]]

# 103 bytes on macOS, 107 on Linux.
_LONGEST_ADDRESS = 100
# A request to restart carries an environment.
_LONGEST_LINE = 4_000_000
_REQUEST_SECONDS = 5.0
_FAREWELL_SECONDS = 2.0
_CONNECT_SECONDS = 5.0


def listen(data_dir: DataDir) -> socket.socket:
    """Return a listening socket in the folder. The caller holds its lock, and runs no other thread."""
    path = data_dir.control_socket
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    with _address(path) as address:
        listener.bind(address)
    path.chmod(0o600)
    listener.listen()
    return listener


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """Yield what a socket is bound or connected to: a whole path may be longer than an address can be."""
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        yield str(path)
        return
    with contextlib.chdir(path.parent):
        yield path.name


class ControlServer:
    """Answers requests on `listener` while the context is open; at its end the waiting ones get their answer."""

    def __init__(self, listener: socket.socket, handle: Handler) -> None:
        self._listener = listener
        self._handle = handle
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(
            self._on_connection, sock=self._listener, limit=_LONGEST_LINE
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        if self._open:
            await asyncio.wait(self._open, timeout=_FAREWELL_SECONDS)
        for task in self._open:
            task.cancel()

    async def _on_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._open.add(task)
            task.add_done_callback(self._open.discard)
        # The other side may leave at any time.
        with contextlib.suppress(ConnectionError, TimeoutError, ValueError):
            async with asyncio.timeout(_REQUEST_SECONDS):
                request = json.loads(await reader.readline())
            writer.write(json.dumps(await self._answer(request)).encode() + b"\n")
            await writer.drain()
        writer.close()

    async def _answer(self, request: Mapping[str, Any]) -> Mapping[str, object]:
        try:
            return {"ok": True, "data": await self._handle(request)}
        except CliError as error:
            return {"ok": False, "error": error.as_json(), "exit_code": error.exit_code}
        except Exception as error:  # noqa: BLE001 - whoever asks is told, and the suite goes on
            told = CliError("UNEXPECTED", f"seda up could not do it: {type(error).__name__}: {error}")
            return {"ok": False, "error": told.as_json(), "exit_code": told.exit_code}


def ask(data_dir: DataDir, request: Mapping[str, object], seconds: float) -> Mapping[str, Any]:
    """Send a request to the `seda up` of the folder and return the data of its answer.

    Raises the CliError that it answered with, and SUITE_SILENT when no answer comes within `seconds`.
    """
    path = data_dir.control_socket
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_CONNECT_SECONDS)
            with _address(path) as address:
                connection.connect(address)
            connection.settimeout(seconds)
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as file:
                line = file.readline()
    except OSError as error:
        raise _silent(data_dir, str(error)) from error
    if not line:
        raise _silent(data_dir, "It ended without an answer.")
    answer = json.loads(line)
    if not answer["ok"]:
        shown = {name: value for name, value in answer["error"].items() if value is not None}
        raise CliError(**shown, exit_code=answer["exit_code"])
    data: Mapping[str, Any] = answer["data"]
    return data


def _silent(data_dir: DataDir, why: str) -> CliError:
    state = data_dir.running_state()
    fix = "Wait a moment, then try again."
    if state is not None:
        fix += f" If it hangs: kill -9 {state.supervisor.pid}   (the services and PostgreSQL end with it)"
    return CliError(
        "SUITE_SILENT",
        f"What runs on {data_dir} does not answer.",
        why=why,
        fix=fix,
        retry=True,
        exit_code=Exit.LOCK_BUSY,
    )
