"""What scenarios are played with: the running suite, its database, and calls that bring back all of an error."""

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
from tests.services.chat.world import World
from tests.services.running import Running

Scenario: TypeAlias = "Callable[[Stage], Awaitable[Outcome]]"


@dataclass
class Stage:
    """The suite, its database and the superuser's connection to it."""

    suite: Suite
    database: Database
    admin: asyncpg.Connection

    @property
    def world(self) -> World:
        """Short ways to prepare chat."""
        chat = self.suite.processes["chat"]
        return World(Running(chat.process, chat.channel, self.database), self.admin)

    def channel(self, name: str) -> grpc.aio.Channel:
        """A channel to a process of the suite."""
        return self.suite.processes[name].channel

    async def refused(self, name: str, method: str, request: Message | bytes, email: str) -> Outcome:
        """How a method of a process ends for a user."""
        return await ask(self.channel(name), method, request, user_header(email))


async def ask(
    channel: grpc.aio.Channel,
    method: str,
    request: Message | bytes,
    header: str | None,
    seconds: float = SECONDS,
) -> Outcome:
    """How a method, written `seda.users.v1.UserService.GetUser`, ends."""
    service, _, name = method.rpartition(".")
    described = descriptor_pool.Default().FindServiceByName(service)
    (found,) = [each for each in methods_of(described) if each.name == name]
    data = request if isinstance(request, bytes) else request.SerializeToString()
    metadata = [("x-request-id", REQUEST_ID), *([("authorization", header)] if header else [])]
    return await send(channel, found, data, metadata, seconds)


async def first_refusal(calls: list[Awaitable[Outcome]]) -> Outcome:
    """The first of some calls that did not end well."""
    outcomes = await asyncio.gather(*calls)
    return next(outcome for outcome in outcomes if reason_of(outcome) != "OK")


def nobody() -> str:
    """An id that names nothing."""
    return str(uuid.uuid4())
