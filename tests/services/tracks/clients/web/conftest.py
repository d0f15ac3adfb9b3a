"""A small web for each test."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator

import pytest

from services.tracks.clients.web.connector import tls_context
from tests.certificates import Authority, Pair
from tests.services.tracks.clients.web.fake_web import HOSTS, SmallWeb, small_web


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that the fetcher trusts."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    """A certificate for the hosts of the small web."""
    return authority.sign("outside", *HOSTS)


@pytest.fixture(scope="module")
def tls(authority: Authority) -> ssl.SSLContext:
    """What the fetcher trusts. Reading the system's authorities takes its time, so they are read once."""
    return tls_context(authority.certificate)


@pytest.fixture
async def web(tls: ssl.SSLContext, pair: Pair) -> AsyncIterator[SmallWeb]:
    """The small web, fresh for each test."""
    async with small_web(tls, pair) as made:
        yield made
