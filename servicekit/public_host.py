"""The SSRF guard's rules about host names, as far as their text decides: how a host is spelled, and which are public."""

from __future__ import annotations

import functools
import re

import idna
from publicsuffixlist import PublicSuffixList

DEFAULT_PORTS = {"https": 443, "http": 80}
_AUTHORITY = re.compile(r"([^:\[\]@%\s]+)(?::([0-9]{0,5}))?")
# The URL standard's rule: a last label of digits, or of 0x and hex digits, makes a host a number.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
# Top-level names for local use. Most are not on the public suffix list anyway, but the list may change.
_LOCAL = frozenset(
    [
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
    ]
)


def parse_host(authority: str, port: int) -> str | None:
    """Return the host of a URL's authority in ASCII and lower case; None with user information or another port."""
    parts = _AUTHORITY.fullmatch(authority)
    # An empty port means the default port.
    if parts is None or (parts[2] and int(parts[2]) != port):
        return None
    try:
        return idna.encode(parts[1].removesuffix("."), uts46=True, std3_rules=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


def is_numeric_host(host: str) -> bool:
    """Return whether a parsed host is a number, or ends in an empty label, with which it would match no list.

    UTS 46 maps other characters to digits, so this is asked after parse_host.
    """
    last = host.rpartition(".")[2]
    return not last or _NUMBER.fullmatch(last) is not None


def registrable_domain(host: str) -> str | None:
    """Return the registrable domain, such as `bbc.co.uk` of `www.bbc.co.uk`; None for a host that is not public."""
    if host.rpartition(".")[2] in _LOCAL:
        return None
    domain: str | None = _suffixes().privatesuffix(host)
    return domain


@functools.cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList(accept_unknown=False)
