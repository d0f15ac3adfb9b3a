"""Parsers of OpenGraph metadata: of any page, of Spotify and of Tidal. `base_url` is the page's own URL."""

from __future__ import annotations

from services.tracks.domain.provider_parsers.provider_metadata import ParseError, ProviderMetadata
from services.tracks.domain.provider_parsers.sanitize import resolve_image, sanitize_metadata
from services.tracks.domain.web.charset import decode
from services.tracks.domain.web.html_metadata import Page, read_page

_DOT = " · "
_SONG = "Song"


def parse_opengraph(content: bytes, content_type: str, *, base_url: str = "") -> ProviderMetadata:
    """Parse the track of any page."""
    page = _page(content, content_type)
    return _metadata(page, base_url, _title(page), page.meta("music:musician_description"))


def parse_spotify_page(content: bytes, content_type: str, *, base_url: str = "") -> ProviderMetadata:
    """Parse Spotify's page of a track, which has the artist that its oEmbed lacks."""
    page = _page(content, content_type)
    artist = page.meta("music:musician_description") or _described(page.meta("og:description"))
    return _metadata(page, base_url, _title(page), artist)


def parse_tidal(content: bytes, content_type: str, *, base_url: str = "") -> ProviderMetadata:
    """Parse Tidal's page of a track; its title is `Artist - Title` or `Title by Artist`."""
    page = _page(content, content_type)
    title = _title(page).removesuffix(" on TIDAL")
    artist, dash, name = title.partition(" - ")
    if not dash:
        name, by, artist = title.rpartition(" by ")
        if not by:
            name, artist = title, ""
    return _metadata(page, base_url, name, artist)


def _page(content: bytes, content_type: str) -> Page:
    page = read_page(decode(content, content_type))
    if not (page.metas or page.title or page.json_ld):
        raise ParseError("not an HTML page with metadata")
    return page


def _title(page: Page) -> str:
    """Return the title; empty if it is the name of the site."""
    title = page.meta("og:title") or page.meta("twitter:title") or page.title
    return "" if title.casefold() == page.meta("og:site_name").casefold() else title


def _described(description: str) -> str:
    """Return the artist of a description such as `Artist · Song · 2001`."""
    parts = description.rpartition("on Spotify. ")[2].split(_DOT)
    return parts[0] if _SONG in parts[1:] else ""


def _metadata(page: Page, base_url: str, title: str, artist: str) -> ProviderMetadata:
    image = page.meta("og:image:secure_url") or page.meta("og:image")
    image_url = resolve_image(base_url, image)
    return ProviderMetadata(sanitize_metadata(title, artist, image_url, page.meta("music:duration")))
