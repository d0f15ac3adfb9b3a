"""The context of a scenario: the running suite, its database, and calls that return complete errors."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

import asyncpg
import grpc
from google.protobuf import descriptor_pool
from google.protobuf.message import Message

from servicekit.methods import methods_of
from tests.contract.auth_headers import user_header
from tests.contract.responses import REQUEST_ID, reason_of
from tests.contract.suite import SECONDS, Outcome, Suite, send
from tests.postgres import Database
from tests.services.chat.chat_client import ChatClient
from tests.services.running import Running

Scenario: TypeAlias = "Callable[[ScenarioContext], Awaitable[Outcome]]"


@dataclass
class ScenarioContext:
    """The suite, its database and the superuser's connection to it."""

    suite: Suite
    database: Database
    admin: asyncpg.Connection

    @property
    def client(self) -> ChatClient:
        """Helpers that prepare chat."""
        chat = self.suite.processes["chat"]
        return ChatClient(Running(chat.process, chat.channel, self.database), self.admin)

    def channel(self, name: str) -> grpc.aio.Channel:
        """A channel to a process of the suite."""
        return self.suite.processes[name].channel

    async def refusal(self, name: str, method: str, request: Message | bytes, email: str) -> Outcome:
        """The outcome of a user's call."""
        return await call_method(self.channel(name), method, request, user_header(email))


async def call_method(
    channel: grpc.aio.Channel,
    method: str,
    request: Message | bytes,
    header: str | None,
    seconds: float = SECONDS,
) -> Outcome:
    """The outcome of a call of a method such as `seda.users.v1.UserService.GetUser`."""
    service, _, name = method.rpartition(".")
    described = descriptor_pool.Default().FindServiceByName(service)
    (found,) = [each for each in methods_of(described) if each.name == name]
    data = request if isinstance(request, bytes) else request.SerializeToString()
    metadata = [("x-request-id", REQUEST_ID), *([("authorization", header)] if header else [])]
    return await send(channel, found, data, metadata, seconds)


async def first_refusal(calls: list[Awaitable[Outcome]]) -> Outcome:
    """The first outcome that is an error."""
    outcomes = await asyncio.gather(*calls)
    return next(outcome for outcome in outcomes if reason_of(outcome) != "OK")


def unknown_id() -> str:
    """An id of nothing."""
    return str(uuid.uuid4())
