"""Which references are stored, and where followed links lead."""

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


def test_pasted_reference_is_a_track_or_has_to_be_followed() -> None:
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
def test_pasted_reference_refuses_the_rest(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse_pasted_link(text)


def test_ended_at_a_track_or_nowhere() -> None:
    assert track_from_final_url(f"{_TRACK}?si=1&utm_source=x") == parse(_TRACK)
    for address in (_SHORT, "https://evil.example/track/1", "https://open.spotify.com/", "no address", _OWN):
        assert track_from_final_url(address) is None
    with pytest.raises(NotATrackError):
        track_from_final_url("https://open.spotify.com/album/2qToAcex0ruZfbEbAy9OhW")


def test_stated_by_counts_for_the_link_s_own_provider_alone() -> None:
    player = parse("https://bandcamp.com/EmbeddedPlayer/track=2592000001")
    page = "https://harbourchoir.bandcamp.com/track/low-tide"
    assert track_from_canonical_url(
        player, ["https://harbourchoir.bandcamp.com/album/x", "nothing", page]
    ) == parse(page)
    assert track_from_canonical_url(player, [_TRACK, _SHORT]) is None
    assert track_from_canonical_url(player, []) is None
