"""The metadata sources of each provider."""

from urllib.parse import quote

import pytest

from services.tracks.domain.links.registry import PROVIDERS, parse
from services.tracks.domain.provider_parsers import apple, bandcamp, deezer, oembed, opengraph
from services.tracks.domain.sources import Endpoints, sources

_ENDPOINTS = Endpoints(
    youtube_oembed="https://yt.example/oembed",
    spotify_oembed="https://sp.example/oembed",
    soundcloud_oembed="https://sc.example/oembed",
    deezer_tracks="https://dz.example/track",
    apple_lookup="https://ap.example/lookup",
)
_SPOTIFY = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"
_CASES = {
    "https://youtu.be/4eUqsUZBluA": [
        (
            "https://yt.example/oembed?format=json&url=https%3A%2F%2Fwww.youtube.com%2Fwatch%3Fv%3D4eUqsUZBluA",
            oembed.parse_youtube,
        ),
        ("https://www.youtube.com/watch?v=4eUqsUZBluA", opengraph.parse_opengraph),
    ],
    "spotify:track:2qToAcex0ruZfbEbAy9OhW": [
        (
            f"https://sp.example/oembed?format=json&url={quote(_SPOTIFY, safe='')}",
            oembed.parse_spotify,
        ),
        (_SPOTIFY, opengraph.parse_spotify_page),
    ],
    "https://soundcloud.com/forss/flickermood": [
        (
            "https://sc.example/oembed?format=json&url=https%3A%2F%2Fsoundcloud.com%2Fforss%2Fflickermood",
            oembed.parse_soundcloud,
        ),
        ("https://soundcloud.com/forss/flickermood", opengraph.parse_opengraph),
    ],
    "https://www.deezer.com/de/track/3135556": [
        ("https://dz.example/track/3135556", deezer.parse_deezer),
        ("https://www.deezer.com/track/3135556", opengraph.parse_opengraph),
    ],
    "https://music.apple.com/de/album/x/1?i=1435928320": [
        ("https://ap.example/lookup?country=de&entity=song&id=1435928320", apple.parse_apple),
        ("https://music.apple.com/de/song/1435928320", opengraph.parse_opengraph),
    ],
    "https://harbourchoir.bandcamp.com/track/low-tide": [
        ("https://harbourchoir.bandcamp.com/track/low-tide", bandcamp.parse_bandcamp),
        ("https://harbourchoir.bandcamp.com/track/low-tide", opengraph.parse_opengraph),
    ],
    "https://tidal.com/browse/track/73579059": [
        ("https://tidal.com/track/73579059", opengraph.parse_tidal),
    ],
}


@pytest.mark.parametrize("link", _CASES)
def test_sources(link: str) -> None:
    reference = parse(link)
    found = sources(_ENDPOINTS, reference.provider, reference.provider_id, reference.url)
    assert [(source.url, getattr(source.read, "func", source.read)) for source in found] == _CASES[link]


def test_every_provider_has_its_own_sources() -> None:
    assert {parse(link).provider for link in _CASES} == {provider.name for provider in PROVIDERS}
    # An unknown provider, stored by a newer build, must not fail.
    (page,) = sources(_ENDPOINTS, "newcomer", "1", "https://newcomer.example/1")
    assert (page.url, getattr(page.read, "func", None)) == (
        "https://newcomer.example/1",
        opengraph.parse_opengraph,
    )
