"""The sources of a track's metadata: the provider's own API first, the track's page last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote, urlencode

from services.tracks.domain.provider_parsers import apple, bandcamp, deezer, oembed, opengraph
from services.tracks.domain.provider_parsers.provider_metadata import ProviderMetadata


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The providers' metadata endpoints; https URLs without a query."""

    youtube_oembed: str
    spotify_oembed: str
    soundcloud_oembed: str
    deezer_tracks: str
    apple_lookup: str


@dataclass(frozen=True, slots=True)
class Source:
    """A URL to fetch, and the parser of its response. `read` raises ParseError."""

    url: str
    read: Callable[[bytes, str], ProviderMetadata]


def sources(endpoints: Endpoints, provider: str, provider_id: str, url: str) -> tuple[Source, ...]:
    """Return the sources of a track, the best first; `url` is its canonical URL."""
    page = Source(url, partial(opengraph.parse_opengraph, base_url=url))
    found: tuple[Source, ...] = (page,)
    match provider:
        case "youtube":
            found = (_oembed(endpoints.youtube_oembed, url, oembed.parse_youtube), page)
        case "spotify":
            # Spotify's oEmbed does not contain the artist.
            own = _oembed(endpoints.spotify_oembed, url, oembed.parse_spotify)
            found = (own, Source(url, partial(opengraph.parse_spotify_page, base_url=url)))
        case "soundcloud":
            found = (_oembed(endpoints.soundcloud_oembed, url, oembed.parse_soundcloud), page)
        case "deezer":
            found = (Source(f"{endpoints.deezer_tracks}/{quote(provider_id)}", deezer.parse_deezer), page)
        case "apple":
            found = (_apple(endpoints.apple_lookup, provider_id, url), page)
        case "bandcamp":
            found = (Source(url, partial(bandcamp.parse_bandcamp, base_url=url)), page)
        case "tidal":
            found = (Source(url, partial(opengraph.parse_tidal, base_url=url)),)
    return found


def _oembed(endpoint: str, url: str, read: Callable[[bytes, str], ProviderMetadata]) -> Source:
    return Source(f"{endpoint}?{urlencode({'format': 'json', 'url': url})}", read)


def _apple(endpoint: str, provider_id: str, url: str) -> Source:
    # The lookup is per storefront; the canonical URL is https://music.apple.com/{country}/song/{id}.
    country = url.removeprefix("https://").split("/")[1]
    query = urlencode({"country": country, "entity": "song", "id": provider_id})
    return Source(f"{endpoint}?{query}", apple.parse_apple)
