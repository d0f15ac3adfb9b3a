"""SoundCloud: pages by user and slug, the player, numeric ids, and two short hosts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.tracks.domain.errors import InvalidUrlError, PrivateLinkError, UnsupportedResourceError
from services.tracks.domain.links.link import Link, read_link
from services.tracks.domain.links.provider import Provider
from services.tracks.domain.links.reference import Kind, TrackReference

_NAME = "soundcloud"
_PAGES = frozenset({"soundcloud.com", "www.soundcloud.com", "m.soundcloud.com"})
_PLAYER = "w.soundcloud.com"
_API = "api.soundcloud.com"
_APIS = frozenset({_API, "api-v2.soundcloud.com"})
# Reserved first segments, which are not users.
_NO_USERS = frozenset(
    {
        "charts",
        "creators",
        "discover",
        "download",
        "feed",
        "go",
        "home",
        "imprint",
        "jobs",
        "library",
        "login",
        "logout",
        "messages",
        "mobile",
        "notifications",
        "pages",
        "people",
        "pro",
        "search",
        "settings",
        "signin",
        "stations",
        "stream",
        "tags",
        "terms-of-use",
        "upload",
        "you",
    }
)
# Reserved second segments, which are not tracks.
_NO_TRACKS = frozenset(
    {
        "albums",
        "comments",
        "followers",
        "following",
        "likes",
        "popular-tracks",
        "reposts",
        "sets",
        "spotlight",
        "tracks",
    }
)
_SLUG = re.compile(r"[0-9A-Za-z_-]{1,200}")
_SECRET = re.compile(r"s-[0-9A-Za-z]{1,64}")
_NUMBERED = ("tracks", "playlists")
# Newer players write an id as soundcloud:tracks:1.
_NUMBER = re.compile(r"(?:soundcloud:[a-z]+:)?([1-9][0-9]{0,18})")


def _read(link: Link) -> TrackReference:
    if link.host == _PLAYER:
        _check_public(link)
        link = _embedded_link(link)
    _check_public(link)
    link = link.routed("!/")
    if link.host in _APIS:
        return _numeric_id_link(link)
    return _page(link.segments)


def _embedded_link(link: Link) -> Link:
    """Return the link in the embedded player's query, which must be SoundCloud's."""
    if "url" not in link.query:
        raise UnsupportedResourceError(_NAME)
    played = read_link(link.query["url"])
    if played.host not in _PAGES | _APIS:
        raise InvalidUrlError("the player is given a link that is not SoundCloud's")
    return played


def _check_public(link: Link) -> None:
    if "secret_token" in link.query:
        raise PrivateLinkError(_NAME)


def _numeric_id_link(link: Link) -> TrackReference:
    """Return the reference of a numeric id, which must be resolved: the pages' URLs do not contain it."""
    match link.segments:
        case [name, key] if name in _NUMBERED and (found := _NUMBER.fullmatch(key)):
            pass
        case _:
            raise UnsupportedResourceError(_NAME)
    return TrackReference(_NAME, None, "", f"https://{_API}/{name}/{found[1]}")


def _page(segments: Sequence[str]) -> TrackReference:
    if not segments or segments[0].lower() in _NO_USERS:
        raise UnsupportedResourceError(_NAME)
    match segments:
        case [user]:
            return _reference(Kind.ARTIST, user)
        case [user, "sets", slug]:
            return _reference(Kind.PLAYLIST, user, slug)
        case [_, "sets", _, secret] | [_, _, secret] if _SECRET.fullmatch(secret):
            raise PrivateLinkError(_NAME)
        case [user, slug] if slug.lower() not in _NO_TRACKS:
            return _reference(Kind.TRACK, user, slug)
        case _:
            raise UnsupportedResourceError(_NAME)


def _reference(kind: Kind, *names: str) -> TrackReference:
    if not all(_SLUG.fullmatch(name) for name in names):
        raise InvalidUrlError("names at SoundCloud have letters, digits, dashes and underscores")
    key = "/".join(names).lower()
    path = key.replace("/", "/sets/") if kind is Kind.PLAYLIST else key
    return TrackReference(_NAME, kind, key, f"https://soundcloud.com/{path}")


PROVIDER = Provider(
    name=_NAME,
    hosts=_PAGES | _APIS | {_PLAYER},
    read=_read,
    short_hosts=frozenset({"on.soundcloud.com", "soundcloud.app.goog.gl", "snd.sc"}),
)
