"""Forwarded calls count in their user's share at the gateway, which leaves verification to the upstream."""

from __future__ import annotations

import asyncio
from collections import Counter

import grpc
import pytest

from tests.contract.auth_headers import jwt, user_claims
from tests.gateway.fake_server import Context
from tests.gateway.gateway_fixture import GET_USER, SECONDS, details, running_gateway
from tests.services.running import user

_ATTACKER, _VICTIM = user("attacker@example.org"), user("victim@example.org")


def code_of(outcome: object) -> tuple[str, str]:
    """The code of a call and, for an error, its reason."""
    if isinstance(outcome, grpc.aio.AioRpcError):
        return outcome.code().name, details(outcome)["ErrorInfo"].reason
    return "OK", ""


@pytest.mark.parametrize("share", [16, 100_000])
async def test_forwarded_calls_of_one_user_refuse_none_of_another(share: int) -> None:
    """With a share of 16 of the 64 slots; the control without one is what the share is for."""
    async with running_gateway(max_calls=64, max_queued_calls=0, max_calls_per_user=share) as gateway:
        opened = asyncio.Event()

        async def hold(data: bytes, _context: Context) -> bytes:
            if data:
                await opened.wait()
            return data

        gateway.users.handlers[GET_USER] = hold
        call = gateway.unary(GET_USER)
        attack = [
            asyncio.ensure_future(call(b"hold", metadata=_ATTACKER, timeout=SECONDS)) for _ in range(200)
        ]
        async with asyncio.timeout(SECONDS):
            await gateway.users.received(GET_USER, min(share, 64))
            while sum(each.done() for each in attack) < 200 - min(share, 64):
                # Until the rest is refused.
                await asyncio.sleep(0.01)
        victims = [call(b"", metadata=_VICTIM, timeout=SECONDS) for _ in range(11)]
        outcomes = Counter(map(code_of, await asyncio.gather(*victims, return_exceptions=True)))
        opened.set()
        attacks = Counter(map(code_of, await asyncio.gather(*attack, return_exceptions=True)))
        if share == 16:
            assert outcomes == {("OK", ""): 11}
            assert attacks == {("OK", ""): 16, ("RESOURCE_EXHAUSTED", "RATE_LIMITED"): 184}
        else:
            assert outcomes == {("RESOURCE_EXHAUSTED", "OVERLOADED"): 11}


async def test_forged_token_uses_nobodys_share() -> None:
    claims = user_claims()
    good, forged = (
        (("authorization", f"Bearer {jwt(claims, *secret)}"),) for secret in ((), ("another secret" * 4,))
    )
    async with running_gateway(max_calls_per_user=1) as gateway:
        opened = asyncio.Event()

        async def hold(data: bytes, _context: Context) -> bytes:
            if data:
                await opened.wait()
            return data

        gateway.users.handlers[GET_USER] = hold
        call = gateway.unary(GET_USER)
        held = [call(b"hold", metadata=forged, timeout=SECONDS) for _ in range(5)]
        await gateway.users.received(GET_USER, 5)
        assert await call(b"", metadata=good, timeout=SECONDS) == b""
        opened.set()
        await asyncio.gather(*held)
