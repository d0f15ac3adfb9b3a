"""The probe service: methods of the kinds that no service has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import grpc

from ops.dev_tokens import development_subject
from servicekit.caller import Caller, Role
from servicekit.process import App, AppContext, Process
from tests.contract.auth_headers import EMAILS
from tests.contract.suite import Served
from tests.servicekit.probe_process import Ready, settings
from tests.servicekit.probe_server import USER_ID, Probe, servicers


class ByEmail:
    """Fake users service: the e-mail address decides the role."""

    service = "users"

    async def resolve(self, subject: str, email: str) -> Caller:
        assert subject == development_subject(email)
        return Caller(USER_ID, next((role for role, known in EMAILS.items() if known == email), Role.USER))

    async def resolve_user(self, user_id: str) -> Caller:
        return Caller(UUID(user_id), Role.ADMIN)


def build(context: AppContext[Any]) -> App:
    """Compose the service."""
    return App(servicers=servicers(Probe()), resolver=ByEmail(), workers=[Ready(context)])


@asynccontextmanager
async def probe_service() -> AsyncIterator[Served]:
    """Run the probe service."""
    # Each stream is cancelled after its first reply; the server may notice after the next call.
    process = Process(
        settings(delegates="recommender", max_streams_per_user=1000, max_calls_per_user=1000), build
    )
    await process.start()
    servers = process.servers
    try:
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{servers.port}") as channel,
            grpc.aio.insecure_channel(f"127.0.0.1:{servers.admin_port}") as admin,
        ):
            yield Served("probe", process, channel, admin)
    finally:
        await process.stop(grace=0)
