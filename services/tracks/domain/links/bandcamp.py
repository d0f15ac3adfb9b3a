"""Bandcamp: pages on the artist's subdomain of bandcamp.com, and the embedded player, which has numeric ids."""

from __future__ import annotations

import re

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.link import Link
from services.tracks.domain.links.provider import Provider
from services.tracks.domain.links.reference import Kind, TrackReference

_NAME = "bandcamp"
_PARENT = "bandcamp.com"
_HOSTS = frozenset({_PARENT, f"www.{_PARENT}"})
# Subdomains that are not an artist's.
_NO_ARTISTS = frozenset({"daily"})
_KINDS = {"track": Kind.TRACK, "album": Kind.ALBUM}
_ARTIST = re.compile(r"[0-9a-z][0-9a-z-]{0,62}")
_SLUG = re.compile(r"[0-9A-Za-z_-]{1,200}")
_PLAYERS = ("EmbeddedPlayer", "EmbeddedPlayer.html")
_PLAYED = re.compile(r"(track|album)=([1-9][0-9]{0,18})")


def _read(link: Link) -> TrackReference:
    if link.host in _HOSTS:
        return _player(link)
    artist = link.host.removesuffix(f".{_PARENT}")
    if artist in _NO_ARTISTS or not _ARTIST.fullmatch(artist):
        raise UnsupportedResourceError(_NAME)
    match link.segments:
        case [] | ["music"]:
            return TrackReference(_NAME, Kind.ARTIST, artist, f"https://{link.host}")
        case [name, slug] if name in _KINDS:
            slug = _slug(slug)
            return TrackReference(
                _NAME, _KINDS[name], f"{artist}/{slug}", f"https://{link.host}/{name}/{slug}"
            )
        case _:
            raise UnsupportedResourceError(_NAME)


def _slug(text: str) -> str:
    if not _SLUG.fullmatch(text):
        raise InvalidUrlError("names at Bandcamp have letters, digits, dashes and underscores")
    return text.lower()


def _player(link: Link) -> TrackReference:
    """Return the link of an embedded player, which must be resolved: a track if there is one, else the album."""
    if not link.segments or link.segments[0] not in _PLAYERS:
        raise UnsupportedResourceError(_NAME)
    played = {found[1]: found[2] for segment in link.segments if (found := _PLAYED.fullmatch(segment))}
    name = "track" if "track" in played else "album"
    if name not in played:
        raise UnsupportedResourceError(_NAME)
    return TrackReference(_NAME, None, "", f"https://{_PARENT}/{_PLAYERS[0]}/{name}={played[name]}")


def read_custom_domain(link: Link) -> TrackReference | None:
    """Return the page of a track on another host as if that were an artist's custom domain; None for other pages.

    Bandcamp's pages have the same paths there; only Bandcamp can confirm the host.
    """
    match link.segments:
        case ["track", slug] if _SLUG.fullmatch(slug):
            return TrackReference(_NAME, None, "", f"https://{link.host}/track/{slug.lower()}")
        case _:
            return None


PROVIDER = Provider(name=_NAME, hosts=_HOSTS, read=_read, parent_host=_PARENT)
