"""Parser of the canonical URLs of a page."""

from __future__ import annotations

import re
from collections.abc import Iterator

from services.tracks.domain.provider_parsers.json_document import member, parse_document
from services.tracks.domain.provider_parsers.provider_metadata import ParseError
from services.tracks.domain.provider_parsers.sanitize import unescape
from services.tracks.domain.web.charset import decode
from services.tracks.domain.web.html_metadata import read_page

_LINKS = 8
_LENGTH = 2048
_PLAYER = re.compile(r"""\bdata-player-data\s*+=\s*+(?:"([^"]*+)"|'([^']*+)')""")


def read_links(content: bytes, content_type: str) -> tuple[str, ...]:
    """Return up to eight https URLs that a page gives as its own, the most specific first. Never raises.

    Bandcamp's player has the URL of the track's page in its data; other pages have a canonical link and OpenGraph's.
    """
    source = decode(content, content_type)
    page = read_page(source)
    addresses = [*_player_addresses(source), page.canonical_url, page.meta("og:url")]
    return tuple(dict.fromkeys(filter(None, map(_on_https, addresses))))[:_LINKS]


def _player_addresses(source: str) -> Iterator[object]:
    found = _PLAYER.search(source)
    if found is None:
        return
    try:
        player = parse_document(unescape(found[1] or found[2]) or "")
    except ParseError:
        return
    tracks = member(player, "tracks")
    yield member(player, "linkback")
    # Of an album, no single track is meant.
    if isinstance(tracks, list) and len(tracks) == 1:
        yield member(tracks[0], "title_link")


def _on_https(address: object) -> str:
    """Return the URL on https; empty for anything else."""
    if not isinstance(address, str) or len(address) > _LENGTH:
        return ""
    scheme, mark, rest = address.strip().partition("://")
    return f"https://{rest}" if mark and rest and scheme.lower() in {"http", "https"} else ""
