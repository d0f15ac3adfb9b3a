"""OpenGraph, as any page may have it, and what Spotify and Tidal put into it."""

from __future__ import annotations

from services.tracks.domain.provider_parsers.provider_metadata import ParseError, ProviderMetadata
from services.tracks.domain.provider_parsers.sanitize import sanitize_metadata
from services.tracks.domain.web.charset import decoded
from services.tracks.domain.web.html_metadata import Page, read_page

_DOT = " · "
_SONG = "Song"


def parse_opengraph(content: bytes, content_type: str) -> ProviderMetadata:
    """What any page says of a track."""
    page = _page(content, content_type)
    return _answer(page, _title(page), page.meta("music:musician_description"))


def parse_spotify_page(content: bytes, content_type: str) -> ProviderMetadata:
    """Spotify's page of a track, which names the artist where its oEmbed does not."""
    page = _page(content, content_type)
    artist = page.meta("music:musician_description") or _described(page.meta("og:description"))
    return _answer(page, _title(page), artist)


def parse_tidal(content: bytes, content_type: str) -> ProviderMetadata:
    """Tidal's page of a track, whose title holds the artist: `Artist - Title` or `Title by Artist`."""
    page = _page(content, content_type)
    title = _title(page).removesuffix(" on TIDAL")
    artist, dash, name = title.partition(" - ")
    if not dash:
        name, by, artist = title.rpartition(" by ")
        if not by:
            name, artist = title, ""
    return _answer(page, name, artist)


def _page(content: bytes, content_type: str) -> Page:
    page = read_page(decoded(content, content_type))
    if not (page.metas or page.title or page.json_ld):
        raise ParseError("this is no page")
    return page


def _title(page: Page) -> str:
    """The title; empty when the page gives every visitor the name of the site."""
    title = page.meta("og:title")
    return "" if title.casefold() == page.meta("og:site_name").casefold() else title


def _described(description: str) -> str:
    """The artist of `Artist · Song · 2001`, with the album or a sentence in between or before."""
    parts = description.rpartition("on Spotify. ")[2].split(_DOT)
    return parts[0] if _SONG in parts[1:] else ""


def _answer(page: Page, title: str, artist: str) -> ProviderMetadata:
    image = page.meta("og:image:secure_url") or page.meta("og:image")
    return ProviderMetadata(sanitize_metadata(title, artist, image, page.meta("music:duration")))
