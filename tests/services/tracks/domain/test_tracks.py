"""Pasted links, final URLs and canonical URLs."""

import pytest

from services.tracks.domain.errors import (
    InvalidUrlError,
    NotATrackError,
    PrivateLinkError,
    UnsupportedProviderError,
    UnsupportedResourceError,
)
from services.tracks.domain.links.reference import TrackReference
from services.tracks.domain.links.registry import parse
from services.tracks.domain.tracks import parse_pasted_link, track_from_canonical_url, track_from_final_url

_SHORT = "https://spotify.link/auVCkcbzoyb"
_TRACK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"
_OWN = "https://music.harbourchoir.example/track/low-tide"


def test_parse_pasted_link_returns_a_track_or_a_link_to_resolve() -> None:
    assert parse_pasted_link(f"Listen: {_TRACK}?si=1").url == _TRACK
    assert parse_pasted_link(_SHORT) == TrackReference("spotify", None, "", _SHORT)
    assert parse_pasted_link(_OWN) == TrackReference("bandcamp", None, "", _OWN)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("nothing", InvalidUrlError),
        ("https://evil.example/", UnsupportedProviderError),
        ("https://evil.example/album/x", UnsupportedProviderError),
        ("https://soundcloud.com/tags/bug", UnsupportedResourceError),
        ("https://soundcloud.com/forss/flickermood/s-AbCdE", PrivateLinkError),
        ("https://harbourchoir.bandcamp.com/album/the-estuary", NotATrackError),
    ],
)
def test_parse_pasted_link_refuses_other_links(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_pasted_link(text)


def test_track_from_final_url() -> None:
    assert track_from_final_url(f"{_TRACK}?si=1&utm_source=x") == parse(_TRACK)
    for address in (_SHORT, "https://evil.example/track/1", "https://open.spotify.com/", "no address", _OWN):
        assert track_from_final_url(address) is None
    with pytest.raises(NotATrackError):
        track_from_final_url("https://open.spotify.com/album/2qToAcex0ruZfbEbAy9OhW")


def test_track_from_canonical_url_of_the_same_provider_only() -> None:
    player = parse("https://bandcamp.com/EmbeddedPlayer/track=2592000001")
    page = "https://harbourchoir.bandcamp.com/track/low-tide"
    assert track_from_canonical_url(
        player, ["https://harbourchoir.bandcamp.com/album/x", "nothing", page]
    ) == parse(page)
    assert track_from_canonical_url(player, [_TRACK, _SHORT]) is None
    assert track_from_canonical_url(player, []) is None
