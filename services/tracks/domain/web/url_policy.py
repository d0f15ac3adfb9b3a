"""SSRF guard for URLs: which may be fetched, decided by their text before any network access."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin

from servicekit.public_host import DEFAULT_PORTS, is_numeric_host, parse_host, registrable_domain
from services.tracks.domain.web.fetch_response import Failure, Policy

MAX_URL = 2048
"""Bytes of a URL in its ASCII form."""
_MAX_REDIRECTS = {Policy.ANY_SITE: 5, Policy.SAME_SITE: 3}
_URL = re.compile(r"(https?)://([^/?#\\]*)([^?#\\]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE)
# Control characters, and lone surrogates, which UTF-8 can't encode.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SAFE = "%/:=&;,+$!*'()~@?[]|"


@dataclass(frozen=True, slots=True)
class FetchUrl:
    """A URL that may be fetched: `host` in ASCII and lower case, `path` with its query, no fragment."""

    scheme: str
    host: str
    path: str

    @property
    def url(self) -> str:
        """The canonical spelling of the URL."""
        return f"{self.scheme}://{self.host}{self.path}"

    @property
    def port(self) -> int:
        """The default port of the scheme; no other is allowed."""
        return DEFAULT_PORTS[self.scheme]

    @property
    def site(self) -> str:
        """The registrable domain, such as `bbc.co.uk` of `www.bbc.co.uk`."""
        return registrable_domain(self.host) or self.host


def parse_fetch_url(url: str) -> FetchUrl | Failure:
    """Return the URL to fetch, or why it is blocked."""
    parts = _URL.fullmatch(url.strip(" ")) if len(url) <= MAX_URL else None
    if parts is None or _CONTROL.search(url):
        return Failure.BLOCKED_URL
    scheme = parts[1].lower()
    host = parse_host(parts[2], DEFAULT_PORTS[scheme])
    if host is None or is_numeric_host(host):
        return Failure.BLOCKED_URL
    path = _quoted(parts[3]) or "/"
    found = FetchUrl(scheme, host, path + _quoted(parts[4] or ""))
    if len(found.url) > MAX_URL:
        return Failure.BLOCKED_URL
    if registrable_domain(host) is None:
        return Failure.BLOCKED_HOST
    return found


def resolve_redirect(redirect_chain: list[FetchUrl], location: str, policy: Policy) -> FetchUrl | Failure:
    """Return the URL of a redirect, or why it is not followed. `redirect_chain` ends with the current URL."""
    found = _joined(redirect_chain[-1], location)
    if isinstance(found, Failure):
        return found
    if found.scheme == "http":
        return Failure.NOT_UPGRADED if redirect_chain[-1].scheme == "http" else Failure.REDIRECT_REFUSED
    if policy is Policy.SAME_SITE and found.site != redirect_chain[0].site:
        return Failure.REDIRECT_REFUSED
    if found in redirect_chain:
        return Failure.REDIRECT_LOOP
    return found if len(redirect_chain) <= _MAX_REDIRECTS[policy] else Failure.TOO_MANY_REDIRECTS


def cache_key(url: FetchUrl, policy: Policy) -> bytes:
    """Return the cache key of a URL, 32 bytes; the redirect policy is part of it, as the response depends on it."""
    return hashlib.sha256(f"{policy} {url.url}".encode()).digest()


def _joined(here: FetchUrl, location: str) -> FetchUrl | Failure:
    # urljoin would drop control characters silently.
    if len(location) > MAX_URL or _CONTROL.search(location):
        return Failure.BLOCKED_URL
    try:
        return parse_fetch_url(urljoin(here.url, location.strip(" ")))
    except ValueError:
        return Failure.BLOCKED_URL


def _quoted(part: str) -> str:
    return quote(part, safe=_SAFE)
