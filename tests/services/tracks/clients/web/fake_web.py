"""A fake web: a public server for all public hosts, and an internal one that must not be reached."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address

from servicekit.clock import SystemClock
from services.tracks.clients.web.fetcher import FetchConfig, WebFetcher
from services.tracks.clients.web.host_limiter import HostLimiter
from services.tracks.domain.web.addresses import DenyList
from services.tracks.domain.web.fetch_response import Failure, FetchResponse, Policy
from services.tracks.domain.web.url_policy import parse_fetch_url
from tests.certificates import Pair
from tests.services.tracks.clients.web.web_server import (
    CountingConnector,
    FakeResolver,
    WebServer,
    answer,
    serving,
)

HOSTS = ("music.example.com", "www.example.com", "other.example.org", "slow.example.net", "loop.example.com")
_LOOPBACK = ip_address("127.0.0.1")


@dataclass
class FakeWeb:
    """A fetcher with its servers. `plain` is port 80 of the public server, `beside` are its other ports."""

    public: WebServer
    plain: WebServer
    internal: WebServer
    names: FakeResolver
    connector: CountingConnector
    fetcher: WebFetcher
    beside: tuple[int, ...] = ()
    visited: list[str] = field(default_factory=list)
    """The host of each request, as the fetcher announces it."""

    async def get(
        self, url: str, policy: Policy = Policy.ANY_SITE, known: tuple[str, str] | None = None
    ) -> FetchResponse:
        """Fetch like the crawler: blocked URLs are not requested."""
        asked = parse_fetch_url(url)
        if isinstance(asked, Failure):
            return FetchResponse(failure=asked)
        return await self.fetcher.get(asked, policy, self.visited.append, known)


@contextlib.asynccontextmanager
async def fake_web(tls: ssl.SSLContext, pair: Pair) -> AsyncIterator[FakeWeb]:
    """A fake web whose public server has a certificate for HOSTS."""
    async with (
        serving(pair) as public,
        serving(None) as plain,
        serving(None, greeting=b"220 mail.example.com ESMTP\r\n") as mail,
        serving(None, ["127.0.0.1", "::1"]) as internal,
    ):
        internal.pages["/"] = answer(200, "what nobody public may see")
        names = FakeResolver()
        connector = CountingConnector(tls, internal)
        secure, open_ = (_LOOPBACK, public.port), (_LOOPBACK, plain.port)
        host_overrides = {(host, 443): secure for host in (*HOSTS, "nowhere.example.com")}
        host_overrides |= {(host, 80): open_ for host in HOSTS}
        # One server does not speak TLS, the other sends nothing.
        host_overrides |= {
            ("plain.example.com", 443): (_LOOPBACK, mail.port),
            ("mute.example.com", 443): open_,
        }
        clock = SystemClock()
        config = FetchConfig(
            "test (+https://example.org)",
            DenyList.parse("denied.com, 93.184.216.0/24"),
            frozenset({"www.example.com"}),
            host_overrides,
        )
        limiter = HostLimiter(1e6, 1e6, clock)
        fetcher = WebFetcher(names, connector, limiter, config, clock)
        yield FakeWeb(public, plain, internal, names, connector, fetcher, (plain.port, mail.port))
