"""Fetching over the network: every rule of who may be asked, on every hop, within fixed times."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from servicekit.clock import Clock
from services.tracks.clients.web.connector import (
    Dialer,
    DialError,
    DialTimeoutError,
    HandshakeError,
    WrongPeerError,
)
from services.tracks.clients.web.host_limiter import HostGates
from services.tracks.clients.web.http1_client import (
    Exchange,
    ExchangeError,
    FirstByteTimeoutError,
    Head,
    LostError,
)
from services.tracks.clients.web.resolver import ResolveError, ResolveTimeoutError
from services.tracks.domain.web import content_type, http_caching
from services.tracks.domain.web.addresses import Address, DenyList, all_allowed
from services.tracks.domain.web.fetch_response import Answer, Failure, Policy
from services.tracks.domain.web.url_policy import Target, redirected

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_NOT_MODIFIED = 304
_MAX_ETAG = 512
_ACCEPT = "text/html,application/xhtml+xml,application/json;q=0.9,text/plain;q=0.8"

# Every way to fail, and what it is called outside. Subclasses stand before their bases.
_FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (ResolveTimeoutError, Failure.DNS_TIMEOUT),
    (ResolveError, Failure.DNS_FAILED),
    (WrongPeerError, Failure.BLOCKED_ADDRESS),
    (HandshakeError, Failure.TLS_FAILED),
    (DialTimeoutError, Failure.CONNECT_TIMEOUT),
    (DialError, Failure.CONNECT_FAILED),
    (FirstByteTimeoutError, Failure.ANSWER_TIMEOUT),
    (ExchangeError, Failure.PROTOCOL_ERROR),
    (LostError, Failure.CONNECTION_LOST),
    (TimeoutError, Failure.TOTAL_TIMEOUT),
)


class Resolver(Protocol):
    """Knows the addresses of names."""

    async def addresses(self, host: str) -> list[Address]:
        """Every address of the host, at least one. Raises ResolveError."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say of fetching. `stand_ins` are the tests' servers by host and port.

    Of hosts in `misnaming` JSON is read even where they call it JavaScript.
    """

    user_agent: str
    denied: DenyList = field(default_factory=DenyList)
    misnaming: frozenset[str] = frozenset()
    stand_ins: Mapping[tuple[str, int], tuple[Address, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Fetch:
    """One fetch as it goes on: `trail` is the way so far, `left` the seconds that the network may still take."""

    trail: list[Target]
    policy: Policy
    known: tuple[str, str] | None
    left: float

    @property
    def here(self) -> Target:
        """The address that is asked now."""
        return self.trail[-1]


class _RefusedError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class WebFetcher:
    """Implements services.tracks.actions.deps.Web."""

    def __init__(
        self, resolver: Resolver, dialer: Dialer, gates: HostGates, rules: Rules, clock: Clock
    ) -> None:
        self._resolver = resolver
        self._dialer = dialer
        self._gates = gates
        self._rules = rules
        self._clock = clock

    async def get(self, target: Target, policy: Policy, known: tuple[str, str] | None = None) -> Answer:
        """The answer of an address, after its redirects; how it failed is an answer too.

        `known` is an address and its entity tag: where the way leads there, it's asked whether that still holds.
        Raises HostBusyError alone. The wait at a busy host's gate does not count as the network's time.
        """
        fetch = _Fetch([target], policy, known, TOTAL_SECONDS)
        try:
            while True:
                async with self._gates.slot(fetch.here.host):
                    answer = await self._hop(fetch)
                if isinstance(answer, Answer):
                    return answer
                fetch.trail.append(answer)
        except _RefusedError as refused:
            return Answer(final_url=fetch.here.url, failure=refused.failure)
        except tuple(kind for kind, _ in _FAILURES) as error:
            failure = next(failure for kind, failure in _FAILURES if isinstance(error, kind))
            return Answer(final_url=fetch.here.url, failure=failure)

    async def _hop(self, fetch: _Fetch) -> Answer | Target:
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(fetch.left):
                return await self._ask(fetch)
        finally:
            fetch.left -= asyncio.get_running_loop().time() - started

    async def _ask(self, fetch: _Fetch) -> Answer | Target:
        here = fetch.here
        addresses, port = await self._vetted(here)
        name = here.host if here.scheme == "https" else None
        async with self._dialer.connected(addresses, port, name, CONNECT_SECONDS) as stream:
            exchange = Exchange(stream)
            head = await exchange.head(here.host, here.path, self._headers(fetch))
            if head.status in _REDIRECTS and "location" in head.headers:
                return _followed(fetch, head.headers["location"])
            if here.scheme == "http":
                raise _RefusedError(Failure.NOT_UPGRADED)
            return await self._answer(fetch, head, exchange)

    async def _vetted(self, here: Target) -> tuple[list[Address], int]:
        """Where to connect to: asked once, and not again between the look and the connection."""
        if self._rules.denied.holds_host(here.host):
            raise _RefusedError(Failure.BLOCKED_HOST)
        stand_in = self._rules.stand_ins.get((here.host, here.port))
        if stand_in is not None:
            return [stand_in[0]], stand_in[1]
        addresses = await self._resolver.addresses(here.host)
        if not all_allowed(addresses, self._rules.denied):
            raise _RefusedError(Failure.BLOCKED_ADDRESS)
        return addresses, here.port

    def _headers(self, fetch: _Fetch) -> dict[str, str]:
        headers = {
            "User-Agent": self._rules.user_agent,
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip",
            "Accept-Language": "en",
        }
        if fetch.known is not None and fetch.known[0] == fetch.here.url:
            headers["If-None-Match"] = fetch.known[1]
        return headers

    async def _answer(self, fetch: _Fetch, head: Head, exchange: Exchange) -> Answer:
        asked = fetch.known is not None and fetch.known[0] == fetch.here.url
        content, failure = await _content(
            head, exchange, misnames_json=fetch.here.host in self._rules.misnaming
        )
        return Answer(
            final_url=fetch.here.url,
            status_code=head.status,
            content_type=content_type.kept_type(head.headers.get("content-type", "")),
            content=content,
            etag=_etag(head.headers.get("etag", "")),
            max_age=http_caching.max_age(head.headers.get("cache-control", "")),
            retry_after=http_caching.retry_after(head.headers.get("retry-after", ""), self._clock.now()),
            not_modified=asked and head.status == _NOT_MODIFIED,
            failure=failure,
        )


def _followed(fetch: _Fetch, location: str) -> Target:
    found = redirected(fetch.trail, location, fetch.policy)
    if isinstance(found, Failure):
        raise _RefusedError(found)
    return found


async def _content(head: Head, exchange: Exchange, *, misnames_json: bool) -> tuple[bytes, Failure | None]:
    if not http_caching.is_success(head.status):
        return b"", None
    media_type = content_type.bare(head.headers.get("content-type", ""))
    if not content_type.is_read(media_type, misnames_json=misnames_json):
        return b"", Failure.CONTENT_TYPE_REFUSED
    length = head.headers.get("content-length", "")
    if length.isdigit() and int(length[:10]) > content_type.MAX_BODY:
        return b"", Failure.TOO_LARGE
    try:
        body = content_type.Body(head.headers.get("content-encoding", "").strip().lower())
        while not body.complete and (data := await exchange.chunk()) is not None:
            body.add(data)
        return body.content(), None
    except content_type.BodyTooLargeError:
        return b"", Failure.TOO_LARGE
    except content_type.BrokenEncodingError:
        return b"", Failure.ENCODING_REFUSED


def _etag(value: str) -> str | None:
    # It is sent back as it came; one that can't be is forgotten.
    return value if value and len(value) <= _MAX_ETAG and value.isascii() and value.isprintable() else None
