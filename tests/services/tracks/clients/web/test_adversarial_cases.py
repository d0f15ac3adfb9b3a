"""Hostile addresses, names and servers: each ends in its reason, within its limit, and nothing private is reached."""

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
from tests.services.tracks.clients.web.fake_web import SmallWeb, small_web


def prepare(web: SmallWeb, case: Case) -> None:
    """Make the web what the case wants it to be."""
    # A resolver that answers differently the next time uses its answers up.
    web.names.table.update({name: list(answers) for name, answers in case.names.items()})
    web.outside.pages.update(case.pages)
    web.plain.pages.update(case.plain)


async def play(web: SmallWeb, case: Case) -> tuple[FetchResponse, float]:
    """What came of the case, and in how many seconds."""
    prepare(web, case)
    started = time.monotonic()
    return await web.get(case.url, case.policy), time.monotonic() - started


def judge(web: SmallWeb, case: Case, got: FetchResponse, seconds: float) -> None:
    """Hold the outcome against the case."""
    assert (got.failure, got.content) == (case.failure, b"")
    assert seconds < case.seconds
    assert web.inside.connections == 0
    private = [
        address
        for address, port in web.connector.dialed
        if not is_public(address) and port not in {*web.outside.ports.values(), *web.beside}
    ]
    assert private == []


def test_the_list_is_long_enough() -> None:
    assert len(CASES) >= 60
    assert {case.failure for case in CASES.values()} >= set(Failure) - {Failure.DNS_TIMEOUT}


@pytest.mark.parametrize("name", FAST)
async def test_hostile_address_ends_in_its_reason(web: SmallWeb, name: str) -> None:
    judge(web, FAST[name], *await play(web, FAST[name]))


@pytest.mark.serial
async def test_slow_servers_end_in_their_reason_within_the_limit(tls: ssl.SSLContext, pair: Pair) -> None:
    async def alone(name: str) -> None:
        async with small_web(tls, pair) as web:
            got, seconds = await play(web, SLOW[name])
            judge(web, SLOW[name], got, seconds)
            # The limit is what ended it: each is a real wait, and all of them together are one.
            assert seconds >= SLOW[name].seconds - SLACK - 0.2

    await asyncio.gather(*map(alone, SLOW))


@pytest.mark.serial
async def test_memory_stays_small_over_the_list(tls: ssl.SSLContext, pair: Pair) -> None:
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, resident())
            # As often as a fetch takes; the peak between two looks is what is asked for.
            await asyncio.sleep(0.005)

    async def run(names: list[str]) -> None:
        for name in names:
            async with small_web(tls, pair) as web:
                await play(web, CASES[name])

    # What is loaded and cached once is no growth.
    await run(list(FAST)[:5])
    gc.collect()
    before = resident()
    watching = asyncio.create_task(watch())
    await asyncio.gather(run(list(FAST)), *(run([name]) for name in SLOW))
    watching.cancel()

    assert (most - before) / 1e6 < 30


def resident() -> int:
    """Bytes of memory that this process has, servers of the test included."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]  # every Linux tells it


INSIDE = [
    name
    for name, case in FAST.items()
    if any(each in {"127.0.0.1", "::1"} for answers in case.names.values() for each in answers[0])
]


@pytest.mark.parametrize("name", INSIDE)
async def test_without_the_vetting_the_inside_is_reached(
    web: SmallWeb, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher_module, "all_allowed", lambda *_: True)
    await play(web, FAST[name])
    assert web.inside.connections > 0


async def test_without_the_rules_of_addresses_a_number_is_reached(web: SmallWeb) -> None:
    web.names.table["127.0.0.1"] = [["127.0.0.1"]]
    got = await web.fetcher.get(FetchUrl("https", "127.0.0.1", "/"), Policy.ANY_SITE)
    # The config of addresses' text let nothing like it pass; had they, the vetting stops it all the same.
    assert got.failure is Failure.BLOCKED_ADDRESS
    assert web.inside.connections == 0


async def test_without_the_rules_of_redirects_their_target_is_asked(
    web: SmallWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher_module, "resolve_redirect", lambda *_: FetchUrl("https", "trap.com", "/"))
    monkeypatch.setattr(fetcher_module, "all_allowed", lambda *_: True)
    web.names.table["trap.com"] = [["127.0.0.1"]]
    await play(web, FAST["redirect to a number"])
    assert web.inside.connections > 0
