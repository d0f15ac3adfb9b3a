"""Fixtures of the fetcher: a fake web for each test."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import pytest

from services.tracks.clients.web.connector import tls_context
from tests.certificates import Authority, Pair
from tests.services.tracks.clients.web.fake_web import HOSTS, FakeWeb, fake_web


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the fetcher trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    """A certificate for the hosts of the fake web."""
    return authority.sign("public", *HOSTS)


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    """The fetcher's TLS context; loading the system's authorities is slow, so it is shared."""
    return tls_context(authority.certificate)


@pytest.fixture
async def web(tls: ssl.SSLContext, pair: Pair) -> AsyncIterator[FakeWeb]:
    """A fake web."""
    async with fake_web(tls, pair) as made:
        yield made
