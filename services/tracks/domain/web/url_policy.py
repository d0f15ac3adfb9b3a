"""What may be asked for at all, judged by the address's text before anything touches the network."""

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
"""Bytes of an address in its ASCII form."""
PORTS = {"https": 443, "http": 80}
_MAX_REDIRECTS = {Policy.ANY_SITE: 5, Policy.SAME_SITE: 3}
_URL = re.compile(r"(https?)://([^/?#\\]*)([^?#\\]*)(\?[^#]*)?(?:#.*)?", re.IGNORECASE)
_HOST = re.compile(r"([^:\[\]@%\s]+)(?::([0-9]{0,5}))?")
# Half a character of UTF-16 is none in UTF-8.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# The URL standard's rule: a last label of digits, or of 0x and hex digits, makes a host a number.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Names that mean something local or nothing at all. Some have public suffixes; most of the rest would be refused
# for having none, but a rule that is written down does not change with somebody else's list.
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
    """An address that may be asked for: `host` in ASCII and lower case, `path` with its query, no fragment."""

    scheme: str
    host: str
    path: str

    @property
    def url(self) -> str:
        """The one spelling of the address."""
        return f"{self.scheme}://{self.host}{self.path}"

    @property
    def port(self) -> int:
        """The scheme's own; no other is ever asked."""
        return PORTS[self.scheme]

    @property
    def site(self) -> str:
        """The registrable domain, such as `bbc.co.uk` of `www.bbc.co.uk`."""
        return _registrable(self.host) or self.host


def parse_fetch_url(url: str) -> FetchUrl | Failure:
    """The address as it will be asked for, or why it won't."""
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
    """Where a redirect leads, or why it is not followed. `redirect_chain` is the way so far, the present address last."""
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


def cache_key(asked: FetchUrl, policy: Policy) -> bytes:
    """What an address is kept under, 32 bytes: where redirects may lead decides what it gives."""
    return hashlib.sha256(f"{policy} {asked.url}".encode()).digest()


def _joined(here: FetchUrl, location: str) -> FetchUrl | Failure:
    # The standard library drops control characters silently; here they are a reason to refuse.
    if len(location) > MAX_URL or _CONTROL.search(location):
        return Failure.BLOCKED_URL
    try:
        return parse_fetch_url(urljoin(here.url, location.strip(" ")))
    except ValueError:
        return Failure.BLOCKED_URL


def _host(authority: str, port: int) -> str | None:
    parts = _HOST.fullmatch(authority)
    # An empty port is the scheme's own, as everywhere on the web.
    if parts is None or (parts[2] and int(parts[2]) != port):
        return None
    try:
        host = idna.encode(parts[1].removesuffix("."), uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None
    # Mapping can turn what looked like letters into digits, so numbers are looked for in the result. One dot may
    # end a host; a second one is an empty label, with which the host would be on no list.
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
