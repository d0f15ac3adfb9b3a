"""Which address a page gives as its own."""

from __future__ import annotations

from collections.abc import Iterator

from services.tracks.domain.answers.answer import UnreadableAnswerError
from services.tracks.domain.answers.documents import member, read_document
from services.tracks.domain.answers.page import Page, read_page

_LINKS = 8
_LENGTH = 2048


def read_links(content: bytes, content_type: str) -> tuple[str, ...]:
    """Up to eight addresses on https that a page calls its own, the most telling first. Never raises.

    Bandcamp's player tells in its data where the track's page is; other pages have a canonical link and
    OpenGraph's.
    """
    found = dict.fromkeys(filter(None, map(_on_https, _addresses(read_page(content, content_type)))))
    return tuple(found)[:_LINKS]


def _addresses(page: Page) -> Iterator[object]:
    if page.player_data:
        yield from _player_addresses(page.player_data)
    yield page.canonical
    yield page.metas.get("og:url")


def _player_addresses(data: str) -> Iterator[object]:
    try:
        player = read_document(data)
    except UnreadableAnswerError:
        return
    tracks = member(player, "tracks")
    yield member(player, "linkback")
    # Of an album no track is the one that is meant.
    if isinstance(tracks, list) and len(tracks) == 1:
        yield member(tracks[0], "title_link")


def _on_https(address: object) -> str:
    """The address, on https; empty for anything else."""
    if not isinstance(address, str) or len(address) > _LENGTH:
        return ""
    scheme, mark, rest = address.strip().partition("://")
    return f"https://{rest}" if mark and rest and scheme.lower() in {"http", "https"} else ""
