"""Links of Spotify."""

import pytest

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.reference import Kind
from services.tracks.domain.links.registry import parse

_ID = "2qToAcex0ruZfbEbAy9OhW"


@pytest.mark.parametrize(
    "text",
    [
        f"https://open.spotify.com/track/{_ID}",
        f"http://open.spotify.com./track/{_ID}/",
        f"open.spotify.com/track/{_ID}?si=abc",
        f"https://play.spotify.com/track/{_ID}",
        f"https://open.spotify.com/intl-pt/track/{_ID}",
        f"https://open.spotify.com/embed/track/{_ID}?utm_source=generator",
        f"https://embed.spotify.com/?uri=spotify:track:{_ID}&uri=spotify:album:{_ID}",
        f"https://embed.spotify.com/?uri=spotify%3Atrack%3A{_ID}",
        f"https://open.spotify.com/%74rack/{_ID}",
        f"spotify:track:{_ID}",
        f"SPOTIFY:track:{_ID}?si=abc",
        f"Listen to this: https://open.spotify.com/track/{_ID}!",
    ],
)
def test_spotify_reads_tracks(text: str) -> None:
    reference = parse(text)
    assert (reference.provider, reference.kind, reference.provider_id) == ("spotify", Kind.TRACK, _ID)
    assert reference.url == f"https://open.spotify.com/track/{_ID}"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"https://open.spotify.com/album/{_ID}?highlight=spotify:track:{_ID}", Kind.ALBUM),
        (f"https://open.spotify.com/user/somebody/playlist/{_ID}", Kind.PLAYLIST),
        (f"spotify:user:somebody:playlist:{_ID}", Kind.PLAYLIST),
        (f"https://open.spotify.com/artist/{_ID}", Kind.ARTIST),
        (f"https://open.spotify.com/embed-podcast/episode/{_ID}", Kind.EPISODE),
    ],
)
def test_spotify_reads_other_kinds(text: str, kind: Kind) -> None:
    reference = parse(text)
    assert reference.kind is kind
    assert parse(reference.url) == reference


@pytest.mark.parametrize("text", ["https://spotify.link/auVCkcbzoyb?x=1", "http://spoti.fi/3xYz_-9/"])
def test_spotify_leaves_short_links_open(text: str) -> None:
    reference = parse(text)
    assert reference.needs_resolution
    assert (reference.provider, reference.kind, reference.provider_id) == ("spotify", None, "")
    assert reference.url == text.replace("http:", "https:").removesuffix("?x=1").removesuffix("/")


@pytest.mark.parametrize(
    "text",
    [
        "https://open.spotify.com",
        f"https://open.spotify.com/show/{_ID}",
        f"https://open.spotify.com/track/{_ID}/more",
        "https://open.spotify.com/user/somebody",
        f"https://open.spotify.com/Track/{_ID}",
        "https://spotify.link/",
        "spotify:x",
        f"spotify:show:{_ID}",
    ],
)
def test_spotify_refuses_other_pages(text: str) -> None:
    with pytest.raises(UnsupportedResourceError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        f"https://open.spotify.com/track/{_ID[:-1]}",
        f"https://open.spotify.com/track/{_ID}a",
        f"https://open.spotify.com/track/{_ID[:-1]}-",
        f"https://open.spotify.com/track/{_ID}%0A",
        f"https://open.spotify.com/track/{_ID[:-1]}٣",
        f"https://embed.spotify.com/?uri=https://open.spotify.com/track/{_ID}",
        f"https://embed.spotify.com/?uri=&uri=spotify:track:{_ID}",
        "spotify:track:x",
        "https://spotify.link/%2e%2e%2fx",
    ],
)
def test_spotify_refuses_broken_ids(text: str) -> None:
    with pytest.raises(InvalidUrlError):
        parse(text)
