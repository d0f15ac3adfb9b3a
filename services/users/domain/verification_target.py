"""Pages that can be claimed: an artist's own site, or a profile page at a provider, in one canonical spelling.

Decided by the URL's text alone, in linear time. What may be connected to is decided again by the tracks service, by address.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from urllib.parse import quote

from servicekit.public_host import DEFAULT_PORTS, is_numeric_host, parse_host, registrable_domain
from services.users.domain.errors import InvalidTargetError, NotAProfilePageError, TargetHostRefusedError

MAX_URL = 2048
"""Characters of a URL, as given and in its canonical spelling."""
_URL = re.compile(r"(https?)://([^/?#\\]*)([^?#\\]*)(?:\?[^#]*)?(?:#.*)?", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\ud800-\udfff]")
# Sites whose pages many people write on, by registrable domain: text on a page there proves nothing about its owner.
_SHARED_SITES = frozenset(
    [
        "amazon.com",
        "apple.com",
        "archive.org",
        "audiomack.com",
        "bandsintown.com",
        "beatport.com",
        "bsky.app",
        "deezer.com",
        "discogs.com",
        "discord.com",
        "facebook.com",
        "fandom.com",
        "genius.com",
        "github.com",
        "gitlab.com",
        "google.com",
        "instagram.com",
        "last.fm",
        "linkedin.com",
        "linktr.ee",
        "mastodon.social",
        "medium.com",
        "mixcloud.com",
        "musicbrainz.org",
        "pastebin.com",
        "patreon.com",
        "pinterest.com",
        "reddit.com",
        "snd.sc",
        "songkick.com",
        "spotify.link",
        "substack.com",
        "t.me",
        "telegram.org",
        "threads.com",
        "threads.net",
        "tidal.com",
        "tiktok.com",
        "tumblr.com",
        "twitch.tv",
        "twitter.com",
        "vimeo.com",
        "vk.com",
        "wikidata.org",
        "wikimedia.org",
        "wikipedia.org",
        "x.com",
        "youtu.be",
    ]
)
_SAFE = "%/:=&;,+$!*'()~@[]|"


class TargetKind(enum.StrEnum):
    """What kind of page is claimed, which decides where a proof counts."""

    WEBSITE = "WEBSITE"
    SPOTIFY = "SPOTIFY"
    SOUNDCLOUD = "SOUNDCLOUD"
    BANDCAMP = "BANDCAMP"
    YOUTUBE = "YOUTUBE"


@dataclass(frozen=True, slots=True)
class Target:
    """A page that can be claimed. `url` is its canonical spelling, `host` its host in ASCII."""

    kind: TargetKind
    url: str
    host: str


def parse_target(text: str) -> Target:
    """Return the page that a URL names; http is upgraded, query and fragment are dropped.

    Raises InvalidTargetError, TargetHostRefusedError or NotAProfilePageError.
    """
    text = text.strip(" ")
    parts = _URL.fullmatch(text) if len(text) <= MAX_URL else None
    if parts is None or _CONTROL.search(text):
        raise InvalidTargetError
    host = _host(parts[2], DEFAULT_PORTS[parts[1].lower()])
    path = quote(parts[3], safe=_SAFE) or "/"
    site = _site(host)
    for domain, kind, canonical in _PROVIDERS:
        if site == domain:
            found = canonical(host, [segment for segment in path.split("/") if segment])
            if found is None:
                raise NotAProfilePageError(domain)
            return Target(kind, found, found.split("/")[2])
    if site in _SHARED_SITES:
        raise NotAProfilePageError(site)
    url = f"https://{host}{path}"
    if len(url) > MAX_URL or _has_dot_segment(path):
        raise InvalidTargetError
    return Target(TargetKind.WEBSITE, url, host)


def is_at(target: Target, url: str) -> bool:
    """Return whether a response from `url` counts for the target: same host, and at a provider the same profile."""
    try:
        found = parse_target(url)
    except (InvalidTargetError, TargetHostRefusedError, NotAProfilePageError):
        return False
    if not url.startswith("https://"):
        return False
    return found.host == target.host if target.kind is TargetKind.WEBSITE else found == target


def _host(authority: str, port: int) -> str:
    host = parse_host(authority, port)
    if host is None:
        raise InvalidTargetError
    if is_numeric_host(host):
        raise TargetHostRefusedError
    return host


def _site(host: str) -> str:
    domain = registrable_domain(host)
    if domain is None:
        raise TargetHostRefusedError
    return domain


def _has_dot_segment(path: str) -> bool:
    """Return whether a path has a segment that servers resolve, so that it has another spelling."""
    return any(segment.lower().replace("%2e", ".") in {".", ".."} for segment in path.split("/"))


def _spotify(host: str, segments: list[str]) -> str | None:
    if segments and re.fullmatch(r"intl-[A-Za-z0-9-]{2,10}", segments[0]):
        segments = segments[1:]
    match segments:
        case ["artist", key] if host == "open.spotify.com" and re.fullmatch(r"[0-9A-Za-z]{22}", key):
            return f"https://{host}/artist/{key}"
        case _:
            return None


_SOUNDCLOUD_HOSTS = frozenset({"soundcloud.com", "www.soundcloud.com", "m.soundcloud.com"})
# First segments that are not users.
_SOUNDCLOUD_PAGES = frozenset(
    [
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
    ]
)


def _soundcloud(host: str, segments: list[str]) -> str | None:
    match [segment.lower() for segment in segments]:
        case [user] if (
            host in _SOUNDCLOUD_HOSTS
            and user not in _SOUNDCLOUD_PAGES
            and re.fullmatch(r"[0-9a-z_-]{1,200}", user)
        ):
            return f"https://soundcloud.com/{user}"
        case _:
            return None


# Subdomains that are Bandcamp's own.
_BANDCAMP_PAGES = frozenset(["blog", "daily", "get", "help", "m", "support", "www"])


def _bandcamp(host: str, segments: list[str]) -> str | None:
    artist = host.removesuffix(".bandcamp.com")
    if artist in _BANDCAMP_PAGES or not re.fullmatch(r"[0-9a-z][0-9a-z-]{0,62}", artist):
        return None
    return f"https://{host}/" if segments in ([], ["music"]) else None


_YOUTUBE_HOSTS = frozenset({"youtube.com", "www.youtube.com", "m.youtube.com", "music.youtube.com"})


def _youtube(host: str, segments: list[str]) -> str | None:
    if host not in _YOUTUBE_HOSTS:
        return None
    match segments:
        case ["channel", key] if re.fullmatch(r"UC[0-9A-Za-z_-]{22}", key):
            return f"https://www.youtube.com/channel/{key}"
        case [handle] if re.fullmatch(r"@[0-9A-Za-z_.-]{3,30}", handle):
            return f"https://www.youtube.com/{handle.lower()}"
        case _:
            return None


# By registrable domain.
_PROVIDERS = (
    ("spotify.com", TargetKind.SPOTIFY, _spotify),
    ("soundcloud.com", TargetKind.SOUNDCLOUD, _soundcloud),
    ("bandcamp.com", TargetKind.BANDCAMP, _bandcamp),
    ("youtube.com", TargetKind.YOUTUBE, _youtube),
)
