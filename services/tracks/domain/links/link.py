"""Splits links like browsers do, and refuses those that browsers could read differently."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus

import idna

from services.tracks.domain.errors import InvalidUrlError

_PORTS = {"http": ("", "80"), "https": ("", "443")}
_SCHEMES = {"": "", "http:": "http", "https:": "https"}
_HOST = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_HOST_LENGTH = 253
# Browsers read a backslash as a slash, other parsers do not; the rest is never part of a link.
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f-\x9f\\\ud800-\udfff]")
_STEPS = frozenset({".", ".."})
# All other query parameters (si, utm_source, feature, t, in, ...) are tracking or playback state.
_QUERY = frozenset({"v", "vi", "list", "i", "u", "uri", "url", "secret_token"})
# What a copied link may have at the end of a part, percent-encoded: spaces and invisible marks.
_INVISIBLE = " \xa0\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufe0e\ufe0f\ufeff"


class Link(NamedTuple):
    """A link's parts.

    `host` is ASCII in lower case, without port and trailing dot. `segments` are the path's, percent-decoded
    once, without empty ones. `query` has the allowed names only, each with its first value. `fragment` is
    raw.
    """

    host: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    fragment: str

    def routed(self, marker: str) -> Link:
        """Return the link in a fragment such as `#/watch?v=` or `#!/track/1`; itself without one.

        `marker` is the start of the fragment, with the slash.
        """
        if not self.fragment.startswith(marker):
            return self
        path, _, query = self.fragment.removeprefix(marker).partition("?")
        return Link(self.host, _segments(path), _query(query), "")


def read_link(text: str) -> Link:
    """Split a link; the default scheme is https. Raises InvalidUrlError."""
    if _FORBIDDEN.search(text):
        raise InvalidUrlError("the link contains characters that are not allowed in a link")
    address, _, fragment = text.partition("#")
    address, _, query = address.partition("?")
    start, mark, rest = address.partition("//")
    scheme = _SCHEMES.get(start.lower()) if mark else None
    authority, _, path = (address if scheme is None else rest).partition("/")
    host = _host(authority, scheme or "https")
    if not scheme and "." not in host:
        raise InvalidUrlError("no link in the text")
    return Link(host, _segments(path), _query(query), fragment)


def _host(authority: str, scheme: str) -> str:
    """Return the host of an authority as a DNS name."""
    if "@" in authority:
        raise InvalidUrlError("links with a user name are refused")
    name, _, port = authority.partition(":")
    if port not in _PORTS[scheme]:
        raise InvalidUrlError("links with a port are refused")
    if not name.isascii():
        name = _ascii(name)
    host = name.lower().removesuffix(".")
    if len(host) > _HOST_LENGTH or not _HOST.fullmatch(host):
        raise InvalidUrlError("the link's host is not a host name")
    return host


def _ascii(name: str) -> str:
    """Encode an internationalised name like browsers do (UTS 46, non-transitional)."""
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except UnicodeError:
        # Not chained: the library's message repeats the input.
        raise InvalidUrlError("the link's host is not a host name") from None


def _segments(path: str) -> tuple[str, ...]:
    parts = [part for part in path.split("/") if part]
    # Decoded after the split: an encoded slash is part of a segment.
    segments = [part for part in map(_decoded, parts) if part] if "%" in path else parts
    if not _STEPS.isdisjoint(segments):
        raise InvalidUrlError("links with relative steps are refused")
    return tuple(segments)


def _query(query: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name.startswith("amp;"):
            # From a page's source, where & is written &amp;.
            name = name.removeprefix("amp;")
        # Decoded only when needed: names are rarely encoded, and most values are dropped.
        if "%" in name:
            name = unquote(name)
        if name in _QUERY:
            values.setdefault(name, unquote_plus(value).rstrip(_INVISIBLE))
    return values


def _decoded(part: str) -> str:
    return unquote(part).rstrip(_INVISIBLE)
