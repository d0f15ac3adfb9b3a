"""Adversarial cases end in their failure, within their limit, and never reach a private address."""

from __future__ import annotations

import asyncio
import gc
import re
import ssl
import time
from pathlib import Path

import pytest

from services.tracks.clients.web import fetcher as fetcher_module
from services.tracks.domain.web.addresses import is_public
from services.tracks.domain.web.fetch_response import Failure, FetchResponse, Policy
from services.tracks.domain.web.url_policy import FetchUrl
from tests.certificates import Pair
from tests.services.tracks.clients.web.adversarial_cases import CASES, FAST, SLACK, SLOW, Case
from tests.services.tracks.clients.web.fake_web import FakeWeb, fake_web


def set_up_case(web: FakeWeb, case: Case) -> None:
    """Set up the fake web for a case."""
    # Copied, as the resolver consumes its results.
    web.names.table.update({name: list(answers) for name, answers in case.names.items()})
    web.public.pages.update(case.pages)
    web.plain.pages.update(case.plain)


async def run_case(web: FakeWeb, case: Case) -> tuple[FetchResponse, float]:
    """Run a case; return the response and its seconds."""
    set_up_case(web, case)
    started = time.monotonic()
    return await web.get(case.url, case.policy), time.monotonic() - started


def assert_case(web: FakeWeb, case: Case, got: FetchResponse, seconds: float) -> None:
    """Assert the outcome of a case."""
    assert (got.failure, got.content) == (case.failure, b"")
    assert seconds < case.seconds
    assert web.internal.connections == 0
    private = [
        address
        for address, port in web.connector.dialed
        if not is_public(address) and port not in {*web.public.ports.values(), *web.beside}
    ]
    assert private == []


def test_cases_cover_every_failure() -> None:
    assert len(CASES) >= 60
    assert {case.failure for case in CASES.values()} >= set(Failure) - {Failure.DNS_TIMEOUT}


@pytest.mark.parametrize("name", FAST)
async def test_adversarial_case_ends_in_its_failure(web: FakeWeb, name: str) -> None:
    assert_case(web, FAST[name], *await run_case(web, FAST[name]))


@pytest.mark.serial
@pytest.mark.slow
async def test_slow_servers_end_in_their_failure_within_the_limit(tls: ssl.SSLContext, pair: Pair) -> None:
    async def alone(name: str) -> None:
        async with fake_web(tls, pair) as web:
            got, seconds = await run_case(web, SLOW[name])
            assert_case(web, SLOW[name], got, seconds)
            # The limit ended it, after a real wait; the cases run concurrently.
            assert seconds >= SLOW[name].seconds - SLACK - 0.2

    await asyncio.gather(*map(alone, SLOW))


@pytest.mark.serial
@pytest.mark.slow
async def test_memory_stays_small_over_the_list(tls: ssl.SSLContext, pair: Pair) -> None:
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, resident())
            # Sampled to find the peak.
            await asyncio.sleep(0.005)

    async def run(names: list[str]) -> None:
        for name in names:
            async with fake_web(tls, pair) as web:
                await run_case(web, CASES[name])

    # Warm up: lazily loaded data is not growth.
    await run(list(FAST)[:5])
    gc.collect()
    before = resident()
    watching = asyncio.create_task(watch())
    await asyncio.gather(run(list(FAST)), *(run([name]) for name in SLOW))
    watching.cancel()

    assert (most - before) / 1e6 < 30


def resident() -> int:
    """Resident memory of this process in bytes, with the test's servers."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]  # every Linux tells it


INSIDE = [
    name
    for name, case in FAST.items()
    if any(each in {"127.0.0.1", "::1"} for answers in case.names.values() for each in answers[0])
]


@pytest.mark.slow
@pytest.mark.parametrize("name", INSIDE)
async def test_control_without_the_address_check_the_internal_server_is_reached(
    web: FakeWeb, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher_module, "all_allowed", lambda *_: True)
    await run_case(web, FAST[name])
    assert web.internal.connections > 0


async def test_control_without_the_url_policy_a_numeric_host_is_reached(web: FakeWeb) -> None:
    web.names.table["127.0.0.1"] = [["127.0.0.1"]]
    got = await web.fetcher.get(FetchUrl("https", "127.0.0.1", "/"), Policy.ANY_SITE, web.visited.append)
    # The URL policy blocks such hosts; the address check must block them too.
    assert got.failure is Failure.BLOCKED_ADDRESS
    assert web.internal.connections == 0


@pytest.mark.slow
async def test_control_without_the_redirect_policy_the_target_is_requested(
    web: FakeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher_module, "resolve_redirect", lambda *_: FetchUrl("https", "trap.com", "/"))
    monkeypatch.setattr(fetcher_module, "all_allowed", lambda *_: True)
    web.names.table["trap.com"] = [["127.0.0.1"]]
    await run_case(web, FAST["redirect to a number"])
    assert web.internal.connections > 0
