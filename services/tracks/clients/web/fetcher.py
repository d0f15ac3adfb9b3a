"""Fetches public URLs: enforces the SSRF guard on every redirect, within fixed times."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
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

# The failure of each exception; subclasses before their bases.
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
    """Resolves host names."""

    async def addresses(self, host: str) -> list[Address]:
        """Return all addresses of the host, at least one. Raises ResolveError."""


@dataclass(frozen=True, slots=True)
class FetchConfig:
    """Settings of fetching. `host_overrides` replace hosts with loopback servers.

    `json_as_javascript_hosts` label their JSON as JavaScript.
    """

    user_agent: str
    denied: DenyList = field(default_factory=DenyList)
    json_as_javascript_hosts: frozenset[str] = frozenset()
    host_overrides: Mapping[tuple[str, int], tuple[Address, int]] = field(default_factory=dict)


@dataclass(slots=True)
class _Fetch:
    """A fetch in progress: the URLs so far, and in `left` the remaining seconds of network time."""

    redirect_chain: list[FetchUrl]
    policy: Policy
    validator: tuple[str, str] | None
    left: float

    @property
    def here(self) -> FetchUrl:
        """The URL of the current request."""
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
        self,
        target: FetchUrl,
        policy: Policy,
        visit: Callable[[str], None],
        validator: tuple[str, str] | None = None,
    ) -> FetchResponse:
        """Return the response of a URL after its redirects; a failure is a response with `failure`.

        `visit` is called with each host before its request and may refuse it. `validator` is a URL and its entity tag;
        a request to that URL is conditional. Raises HostBusyError and the errors of `visit` only. Time in the host
        limiter does not count towards TOTAL_SECONDS.
        """
        fetch = _Fetch([target], policy, validator, TOTAL_SECONDS)
        try:
            while True:
                visit(fetch.here.host)
                async with self._hosts.slot(fetch.here.host):
                    response = await self._fetch_one(fetch)
                if isinstance(response, FetchResponse):
                    return response
                fetch.redirect_chain.append(response)
        except _BlockedError as refused:
            return FetchResponse(final_url=fetch.here.url, failure=refused.failure)
        except tuple(kind for kind, _ in _FAILURES) as error:
            failure = next(failure for kind, failure in _FAILURES if isinstance(error, kind))
            return FetchResponse(final_url=fetch.here.url, failure=failure)

    async def _fetch_one(self, fetch: _Fetch) -> FetchResponse | FetchUrl:
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(fetch.left):
                return await self._request(fetch)
        finally:
            fetch.left -= asyncio.get_running_loop().time() - started

    async def _request(self, fetch: _Fetch) -> FetchResponse | FetchUrl:
        here = fetch.here
        addresses, port = await self._resolve_public(here)
        name = here.host if here.scheme == "https" else None
        async with self._connector.connect(addresses, port, name, CONNECT_SECONDS) as stream:
            client = Http1Client(stream)
            head = await client.head(here.host, here.path, self._headers(fetch))
            if head.status in _REDIRECTS and "location" in head.headers:
                return _redirect(fetch, head.headers["location"])
            if here.scheme == "http":
                raise _BlockedError(Failure.NOT_UPGRADED)
            return await self._read_response(fetch, head, client)

    async def _resolve_public(self, here: FetchUrl) -> tuple[list[Address], int]:
        """Return checked addresses and the port. The name is resolved once: the connection uses these addresses."""
        if self._config.denied.has_host(here.host):
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
        if fetch.validator is not None and fetch.validator[0] == fetch.here.url:
            headers["If-None-Match"] = fetch.validator[1]
        return headers

    async def _read_response(self, fetch: _Fetch, head: Head, client: Http1Client) -> FetchResponse:
        conditional = fetch.validator is not None and fetch.validator[0] == fetch.here.url
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
            not_modified=conditional and head.status == _NOT_MODIFIED,
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
        while (data := await client.chunk()) is not None:
            body.add(data)
        return body.content(), None
    except content_type.BodyTooLargeError:
        return b"", Failure.TOO_LARGE
    except content_type.BrokenEncodingError:
        return b"", Failure.ENCODING_REFUSED


def _etag(value: str) -> str | None:
    # Sent back unchanged in If-None-Match; dropped if it is not printable ASCII.
    return value if value and len(value) <= _MAX_ETAG and value.isascii() and value.isprintable() else None
