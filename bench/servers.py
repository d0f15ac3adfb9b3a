"""Small servers to measure against: `python -m bench.servers KIND PORT_FILE [TARGET ...]`.

bare        grpc.aio alone, as its generated code would register the method, on asyncio's own event loop
bare_uv     the same on uvloop, which our processes run on
kit         the same method under servicekit's wrapper, with a user's token
traced      the same with spans of all calls, exported to a collector that is not there
native      the same on the native transport
gateway     the gateway, forwarding to the server at the first TARGET; users, chat and tracks are at the second
fan_out     grpc.aio on uvloop: messages to many streams, each change one write
fan_out_joined  the same, and a write takes all that waits for its stream
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc
import uvloop

from bench.fan_out import FanOut
from gateway.app import UpstreamService, compose, upstream_services
from gateway.config import Settings
from servicekit import logs
from servicekit.caller import Caller, Role
from servicekit.ids import new_id
from servicekit.process import App, AppContext, Process
from servicekit.settings import ServiceSettings
from tests.probe import SERVICE, EmptyRequest, EmptyResponse

SECRET = "signs tokens for measurements only, nothing else"  # noqa: S105 - no secret of anybody


class ProbeSettings(ServiceSettings):
    """A process without a database."""

    process = "chat"
    has_database = False


class AnyUserResolver:
    """Resolves every user."""

    service = "users"

    async def resolve(self, _subject: str, _email: str) -> Caller:
        """A caller, the same for a subject as long as it is cached."""
        return Caller(new_id(), Role.USER)

    async def resolve_user(self, user_id: str) -> Caller:
        """The user of an id."""
        return Caller(UUID(user_id), Role.USER)


class Probe:
    """Replies with an empty message."""

    descriptor = SERVICE

    async def Empty(self, _request: Any, _call: Any) -> Any:  # noqa: N802 - the contract's name
        """Nothing in, nothing out."""
        return EmptyResponse()

    def __getattr__(self, name: str) -> Any:
        """The methods that no measurement calls."""
        if name in {method.name for method in SERVICE.methods}:
            return self.Empty
        raise AttributeError(name)


async def bare() -> int:
    """grpc.aio alone; returns the port."""

    async def empty(_request: Any, _context: Any) -> Any:
        return EmptyResponse()

    handler = grpc.unary_unary_rpc_method_handler(
        empty,
        request_deserializer=EmptyRequest.FromString,
        response_serializer=EmptyResponse.SerializeToString,
    )
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE.full_name, {"Empty": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _RUNNING.append(server)
    return port


async def fan_out(*, joined: bool = False) -> int:
    """Streams of grpc.aio alone; returns the port."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.server.max_pending_requests", 5_000)])
    server.add_generic_rpc_handlers(FanOut(joined=joined).handlers())
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    _RUNNING.append(server)
    return port


async def kit(**more: Any) -> int:
    """The method under the wrapper, with more settings; returns the port."""
    process = Process(
        _settings(ProbeSettings, **more),
        lambda _kit: App(servicers=[Probe()], resolver=AnyUserResolver()),
    )
    await process.start()
    process.health.set_ready(ready=True)
    _RUNNING.append(process)
    return process.servers.port


async def gateway(target: str, others: str) -> int:
    """The gateway in front of `target`; returns the port.

    A server stands in for the suite's services, or the gateway would reconnect to them continuously.
    """
    settings = _settings(Settings, users_target=others, chat_target=others, tracks_target=others)

    def build(context: AppContext[Any]) -> App:
        return compose(context, [*upstream_services(settings), UpstreamService("probe", [SERVICE], target)])

    process = Process(settings, build)
    await process.start()
    _RUNNING.append(process)
    return process.servers.port


_RUNNING: list[Any] = []


def _settings(kind: type[Any], **more: Any) -> Any:
    return kind(
        **more,
        port=0,
        admin_port=0,
        metrics_port=0,
        jwt_secret=SECRET,
        service_secret=SECRET,
        max_queued_calls=10_000,
    )


def publish(port: int, port_file: Path) -> None:
    """Write the port whole and then rename, so that the reader never sees half of it."""
    scratch = port_file.with_suffix(".new")
    scratch.write_text(str(port), encoding="utf-8")
    scratch.rename(port_file)


async def _main(kind: str, port_file: str, *arguments: str) -> None:
    logs.configure("bench", "info", "json")
    makers: dict[str, Callable[..., Awaitable[int]]] = {
        "bare": bare,
        "bare_uv": bare,
        "kit": kit,
        "traced": partial(kit, tracing=True),
        "native": partial(kit, transport="native"),
        "gateway": gateway,
        "fan_out": fan_out,
        "fan_out_joined": partial(fan_out, joined=True),
    }
    publish(await makers[kind](*arguments), Path(port_file))
    await asyncio.Event().wait()


if __name__ == "__main__":
    # As servicekit.process.main does it.
    run = asyncio.run if sys.argv[1] == "bare" else uvloop.run
    run(_main(*sys.argv[1:]))
