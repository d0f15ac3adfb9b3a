"""OpenGraph, as any page may have it, and what Spotify and Tidal put into it."""

from __future__ import annotations

from collections.abc import Mapping

from services.tracks.domain.answers.answer import Answer, UnreadableAnswerError
from services.tracks.domain.answers.cleaning import cleaned
from services.tracks.domain.answers.page import read_page

_DOT = " · "
_SONG = "Song"


def read_opengraph(content: bytes, content_type: str) -> Answer:
    """What any page says of a track."""
    metas = _metas(content, content_type)
    return _answer(metas, _title(metas), metas.get("music:musician_description"))


def read_spotify_page(content: bytes, content_type: str) -> Answer:
    """Spotify's page of a track, which names the artist where its oEmbed does not."""
    metas = _metas(content, content_type)
    artist = metas.get("music:musician_description") or _described(metas.get("og:description", ""))
    return _answer(metas, _title(metas), artist)


def read_tidal(content: bytes, content_type: str) -> Answer:
    """Tidal's page of a track, whose title holds the artist: `Artist - Title` or `Title by Artist`."""
    metas = _metas(content, content_type)
    title = _title(metas).removesuffix(" on TIDAL")
    artist, dash, name = title.partition(" - ")
    if not dash:
        name, by, artist = title.rpartition(" by ")
        if not by:
            name, artist = title, ""
    return _answer(metas, name, artist)


def _metas(content: bytes, content_type: str) -> Mapping[str, str]:
    page = read_page(content, content_type)
    if page.silent:
        raise UnreadableAnswerError("this is no page")
    return page.metas


def _title(metas: Mapping[str, str]) -> str:
    """The title; empty when the page gives every visitor the name of the site."""
    title = metas.get("og:title", "").strip()
    return "" if title.casefold() == metas.get("og:site_name", "").strip().casefold() else title


def _described(description: str) -> str:
    """The artist of `Artist · Song · 2001`, with the album or a sentence in between or before."""
    parts = description.rpartition("on Spotify. ")[2].split(_DOT)
    return parts[0] if _SONG in parts[1:] else ""


def _answer(metas: Mapping[str, str], title: str, artist: str | None) -> Answer:
    image = metas.get("og:image:secure_url") or metas.get("og:image", "")
    return Answer(cleaned(title, artist, image.strip(), metas.get("music:duration", "").strip()))
