"""Fetching over the network: every rule of who may be asked, on every hop, within fixed times."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from servicekit.clock import Clock
from services.tracks.clients.web.connector import (
    ConnectError,
    Connector,
    ConnectTimeoutError,
    HandshakeError,
    UnexpectedAddressError,
)
from services.tracks.clients.web.host_limiter import HostLimiter
from services.tracks.clients.web.http1_client import (
    ConnectionLostError,
    FirstByteTimeoutError,
    Head,
    Http1Client,
    HttpProtocolError,
)
from services.tracks.clients.web.resolver import ResolveError, ResolveTimeoutError
from services.tracks.domain.web import content_type, http_caching
from services.tracks.domain.web.addresses import Address, DenyList, all_allowed
from services.tracks.domain.web.fetch_response import Failure, FetchResponse, Policy
from services.tracks.domain.web.url_policy import FetchUrl, resolve_redirect

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
    (UnexpectedAddressError, Failure.BLOCKED_ADDRESS),
    (HandshakeError, Failure.TLS_FAILED),
    (ConnectTimeoutError, Failure.CONNECT_TIMEOUT),
    (ConnectError, Failure.CONNECT_FAILED),
    (FirstByteTimeoutError, Failure.ANSWER_TIMEOUT),
    (HttpProtocolError, Failure.PROTOCOL_ERROR),
    (ConnectionLostError, Failure.CONNECTION_LOST),
    (TimeoutError, Failure.TOTAL_TIMEOUT),
)


class Resolver(Protocol):
    """Knows the addresses of names."""

    async def addresses(self, host: str) -> list[Address]:
        """Every address of the host, at least one. Raises ResolveError."""


@dataclass(frozen=True, slots=True)
class FetchConfig:
    """What the settings say of fetching. `host_overrides` are the tests' servers by host and port.

    Of hosts in `json_as_javascript_hosts` JSON is read even where they call it JavaScript.
    """

    user_agent: str
    denied: DenyList = field(default_factory=DenyList)
    json_as_javascript_hosts: frozenset[str] = frozenset()
    host_overrides: Mapping[tuple[str, int], tuple[Address, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Fetch:
    """One fetch as it goes on: `redirect_chain` is the way so far, `left` the seconds that the network may still take."""

    redirect_chain: list[FetchUrl]
    policy: Policy
    known: tuple[str, str] | None
    left: float

    @property
    def here(self) -> FetchUrl:
        """The address that is asked now."""
        return self.redirect_chain[-1]


class _BlockedError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure


class WebFetcher:
    """Implements services.tracks.actions.deps.Web."""

    def __init__(
        self,
        resolver: Resolver,
        connector: Connector,
        limiter: HostLimiter,
        config: FetchConfig,
        clock: Clock,
    ) -> None:
        self._resolver = resolver
        self._connector = connector
        self._hosts = limiter
        self._config = config
        self._clock = clock

    async def get(
        self, target: FetchUrl, policy: Policy, known: tuple[str, str] | None = None
    ) -> FetchResponse:
        """The answer of an address, after its redirects; how it failed is an answer too.

        `known` is an address and its entity tag: where the way leads there, it's asked whether that still holds.
        Raises HostBusyError alone. The wait at a busy host's gate does not count as the network's time.
        """
        fetch = _Fetch([target], policy, known, TOTAL_SECONDS)
        try:
            while True:
                async with self._hosts.slot(fetch.here.host):
                    answer = await self._fetch_one(fetch)
                if isinstance(answer, FetchResponse):
                    return answer
                fetch.redirect_chain.append(answer)
        except _BlockedError as refused:
            return FetchResponse(final_url=fetch.here.url, failure=refused.failure)
        except tuple(kind for kind, _ in _FAILURES) as error:
            failure = next(failure for kind, failure in _FAILURES if isinstance(error, kind))
            return FetchResponse(final_url=fetch.here.url, failure=failure)

    async def _fetch_one(self, fetch: _Fetch) -> FetchResponse | FetchUrl:
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(fetch.left):
                return await self._ask(fetch)
        finally:
            fetch.left -= asyncio.get_running_loop().time() - started

    async def _ask(self, fetch: _Fetch) -> FetchResponse | FetchUrl:
        here = fetch.here
        addresses, port = await self._resolve_public(here)
        name = here.host if here.scheme == "https" else None
        async with self._connector.connected(addresses, port, name, CONNECT_SECONDS) as stream:
            client = Http1Client(stream)
            head = await client.head(here.host, here.path, self._headers(fetch))
            if head.status in _REDIRECTS and "location" in head.headers:
                return _redirect(fetch, head.headers["location"])
            if here.scheme == "http":
                raise _BlockedError(Failure.NOT_UPGRADED)
            return await self._answer(fetch, head, client)

    async def _resolve_public(self, here: FetchUrl) -> tuple[list[Address], int]:
        """Where to connect to: asked once, and not again between the look and the connection."""
        if self._config.denied.holds_host(here.host):
            raise _BlockedError(Failure.BLOCKED_HOST)
        override = self._config.host_overrides.get((here.host, here.port))
        if override is not None:
            return [override[0]], override[1]
        addresses = await self._resolver.addresses(here.host)
        if not all_allowed(addresses, self._config.denied):
            raise _BlockedError(Failure.BLOCKED_ADDRESS)
        return addresses, here.port

    def _headers(self, fetch: _Fetch) -> dict[str, str]:
        headers = {
            "User-Agent": self._config.user_agent,
            "Accept": _ACCEPT,
            "Accept-Encoding": "gzip",
            "Accept-Language": "en",
        }
        if fetch.known is not None and fetch.known[0] == fetch.here.url:
            headers["If-None-Match"] = fetch.known[1]
        return headers

    async def _answer(self, fetch: _Fetch, head: Head, client: Http1Client) -> FetchResponse:
        asked = fetch.known is not None and fetch.known[0] == fetch.here.url
        content, failure = await _content(
            head, client, json_as_javascript=fetch.here.host in self._config.json_as_javascript_hosts
        )
        return FetchResponse(
            final_url=fetch.here.url,
            status_code=head.status,
            content_type=content_type.storable_type(head.headers.get("content-type", "")),
            content=content,
            etag=_etag(head.headers.get("etag", "")),
            max_age=http_caching.max_age(head.headers.get("cache-control", "")),
            retry_after=http_caching.retry_after(head.headers.get("retry-after", ""), self._clock.now()),
            not_modified=asked and head.status == _NOT_MODIFIED,
            failure=failure,
        )


def _redirect(fetch: _Fetch, location: str) -> FetchUrl:
    found = resolve_redirect(fetch.redirect_chain, location, fetch.policy)
    if isinstance(found, Failure):
        raise _BlockedError(found)
    return found


async def _content(
    head: Head, client: Http1Client, *, json_as_javascript: bool
) -> tuple[bytes, Failure | None]:
    if not http_caching.is_success(head.status):
        return b"", None
    media_type = content_type.media_type(head.headers.get("content-type", ""))
    if not content_type.is_supported(media_type, json_as_javascript=json_as_javascript):
        return b"", Failure.CONTENT_TYPE_REFUSED
    length = head.headers.get("content-length", "")
    if length.isdigit() and int(length[:10]) > content_type.MAX_BODY:
        return b"", Failure.TOO_LARGE
    try:
        body = content_type.BodyReader(head.headers.get("content-encoding", "").strip().lower())
        while not body.complete and (data := await client.chunk()) is not None:
            body.add(data)
        return body.content(), None
    except content_type.BodyTooLargeError:
        return b"", Failure.TOO_LARGE
    except content_type.BrokenEncodingError:
        return b"", Failure.ENCODING_REFUSED


def _etag(value: str) -> str | None:
    # It is sent back as it came; one that can't be is forgotten.
    return value if value and len(value) <= _MAX_ETAG and value.isascii() and value.isprintable() else None
