"""SSRF guard for URLs: which may be fetched, decided by their text before any network access."""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from urllib.parse import quote, urljoin

import idna
from publicsuffixlist import PublicSuffixList

from services.tracks.domain.web.fetch_response import Failure, Policy

MAX_URL = 2048
"""Bytes of a URL in its ASCII form."""
PORTS = {"https": 443, "http": 80}
_MAX_REDIRECTS = {Policy.ANY_SITE: 5, Policy.SAME_SITE: 3}
_URL = re.compile(r"(https?)://([^/?#\\]*)([^?#\\]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE)
_HOST = re.compile(r"([^:\[\]@%\s]+)(?::([0-9]{0,5}))?")
# Control characters, and lone surrogates, which UTF-8 can't encode.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# The URL standard's rule: a last label of digits, or of 0x and hex digits, makes a host a number.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Top-level names for local use. Most are not on the public suffix list anyway, but the list may change.
_LOCAL = frozenset(
    (
        "alt",
        "arpa",
        "cluster",
        "corp",
        "example",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localdomain",
        "localhost",
        "onion",
        "private",
        "svc",
        "test",
    )
)
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
        return PORTS[self.scheme]

    @property
    def site(self) -> str:
        """The registrable domain, such as `bbc.co.uk` of `www.bbc.co.uk`."""
        return _registrable(self.host) or self.host


def parse_fetch_url(url: str) -> FetchUrl | Failure:
    """Return the URL to fetch, or why it is blocked."""
    parts = _URL.fullmatch(url.strip(" ")) if len(url) <= MAX_URL else None
    if parts is None or _CONTROL.search(url):
        return Failure.BLOCKED_URL
    scheme = parts[1].lower()
    host = _host(parts[2], PORTS[scheme])
    if host is None:
        return Failure.BLOCKED_URL
    path = _quoted(parts[3]) or "/"
    found = FetchUrl(scheme, host, path + _quoted(parts[4] or ""))
    if len(found.url) > MAX_URL:
        return Failure.BLOCKED_URL
    if host.rpartition(".")[2] in _LOCAL or _registrable(host) is None:
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


def _host(authority: str, port: int) -> str | None:
    parts = _HOST.fullmatch(authority)
    # An empty port means the default port.
    if parts is None or (parts[2] and int(parts[2]) != port):
        return None
    try:
        host = idna.encode(parts[1].removesuffix("."), uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None
    # UTS 46 can map other characters to digits, so numeric hosts are detected after it. A second trailing dot leaves an
    # empty label, with which the host would not match any list.
    last = host.rpartition(".")[2]
    return None if not last or _NUMBER.fullmatch(last) else host


def _quoted(part: str) -> str:
    return quote(part, safe=_SAFE)


@functools.cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)


def _registrable(host: str) -> str | None:
    domain: str | None = _suffixes().privatesuffix(host)
    return domain
