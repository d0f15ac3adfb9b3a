"""ParseTrackUrl over a real channel: each kind and each reason. domain/links/test_registry.py has the link table."""

import pytest

from seda.tracks.v1.track_pb2 import (
    LINK_KIND_ALBUM,
    LINK_KIND_ARTIST,
    LINK_KIND_EPISODE,
    LINK_KIND_PLAYLIST,
    LINK_KIND_TRACK,
    LINK_KIND_UNSPECIFIED,
    LINK_KIND_VIDEO,
    LinkKind,
)
from seda.tracks.v1.track_service_pb2 import ParseTrackUrlRequest, ParseTrackUrlResponse
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.errors import ServiceError
from services.tracks.domain.errors import (
    InvalidUrlError,
    PrivateLinkError,
    UnsupportedProviderError,
    UnsupportedResourceError,
)
from tests.services.running import Running, call, refused, user

_ID = "2qToAcex0ruZfbEbAy9OhW"


@pytest.fixture(scope="module")
def stub(tracks: Running) -> TrackServiceStub:
    return TrackServiceStub(tracks.channel)


async def parse(stub: TrackServiceStub, text: str) -> ParseTrackUrlResponse:
    return await call(stub.ParseTrackUrl, ParseTrackUrlRequest(input=text), user("ada@example.com"))


async def test_parse_track_url_returns_the_canonical_link(stub: TrackServiceStub) -> None:
    found = await parse(stub, f"spotify:track:{_ID}")
    url = f"https://open.spotify.com/track/{_ID}"
    assert (found.provider, found.kind, found.provider_id, found.url) == (
        "spotify",
        LINK_KIND_TRACK,
        _ID,
        url,
    )
    assert not found.needs_resolution
    assert await parse(stub, found.url) == found


async def test_parse_track_url_marks_short_links_for_resolution(stub: TrackServiceStub) -> None:
    found = await parse(stub, "https://spotify.link/AbCdEfGhIjK")
    assert (found.provider, found.kind, found.provider_id) == ("spotify", LINK_KIND_UNSPECIFIED, "")
    assert found.needs_resolution


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("no link at all", InvalidUrlError),
        ("https://example.org/music/1", UnsupportedProviderError),
        ("https://www.youtube.com/@MetaBrainz", UnsupportedResourceError),
    ],
)
async def test_parse_track_url_refuses_other_links(
    stub: TrackServiceStub, text: str, error: type[ServiceError]
) -> None:
    found = await refused(parse(stub, text), error, "tracks.seda.fm")
    assert [violation.field for violation in found.violations] == ["input"]


async def test_parse_track_url_refuses_private_links(stub: TrackServiceStub) -> None:
    text = "https://soundcloud.com/forss/flickermood/s-AbCdE?si=x"
    error = await refused(parse(stub, text), PrivateLinkError, "tracks.seda.fm")
    assert error.metadata == {"provider": "soundcloud"}
    assert [violation.field for violation in error.violations] == ["input"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"https://open.spotify.com/track/{_ID}", LINK_KIND_TRACK),
        ("https://harbourchoir.bandcamp.com/album/the-estuary", LINK_KIND_ALBUM),
        (f"https://open.spotify.com/playlist/{_ID}", LINK_KIND_PLAYLIST),
        ("https://tidal.com/artist/3746724", LINK_KIND_ARTIST),
        ("https://music.apple.com/ee/music-video/539886832", LINK_KIND_VIDEO),
        ("https://www.deezer.com/episode/56103542", LINK_KIND_EPISODE),
    ],
)
async def test_parse_track_url_returns_every_kind(
    stub: TrackServiceStub, text: str, kind: LinkKind.ValueType
) -> None:
    assert (await parse(stub, text)).kind == kind
