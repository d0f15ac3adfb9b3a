"""The probe service as a process of its own: `python -m tests.servicekit.probe_process`, or inside a test."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import grpc

from servicekit.call import Call
from servicekit.process import App, AppContext, Process, main
from servicekit.settings import ServiceSettings
from tests.probe import ProbeResponse
from tests.servicekit.probe_server import JWT_SECRET, SERVICE_SECRET, Probe, Users, servicers


class Settings(ServiceSettings):
    """What every process has, without a database."""

    process: ClassVar[str] = "probe"
    has_database: ClassVar[bool] = False


@dataclass
class Ready:
    """A worker that makes the process ready, in the place of the look at the database."""

    context: AppContext[Any]

    async def start(self) -> None:
        self.context.health.set_ready(ready=True)

    async def stop(self) -> None:
        """Nothing was begun."""


async def _answer(request: Any, _call: Call) -> Any:
    command, _, given = request.text.partition(" ")
    if command == "sleep":
        # As slow as the caller wants it.
        await asyncio.sleep(float(given))
    if command == "objects":
        return ProbeResponse(text=f"{gc.get_freeze_count()} {len(gc.get_objects())}")
    if command == "large":
        return ProbeResponse(text="x" * int(given))
    return ProbeResponse(text=request.text)


def build(context: AppContext[Any]) -> App:
    """Put the service together."""
    return App(servicers=servicers(Probe(_answer)), resolver=Users(), workers=[Ready(context)])


def settings(**values: Any) -> Settings:
    """Settings on free ports."""
    given: dict[str, Any] = {
        "port": 0,
        "admin_port": 0,
        "metrics_port": 0,
        "jwt_secret": JWT_SECRET.decode(),
        "service_secret": SERVICE_SECRET.decode(),
    }
    return Settings(**(given | values))


@asynccontextmanager
async def running(**values: Any) -> AsyncIterator[tuple[Process, grpc.aio.Channel]]:
    """Run the process inside the test, with a channel to its main port."""
    process = Process(settings(**values), build)
    await process.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{process.servers.port}") as channel:
            yield process, channel
    finally:
        await process.stop(grace=0)


if __name__ == "__main__":
    main(Settings, build)
