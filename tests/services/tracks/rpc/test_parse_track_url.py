"""ParseTrackUrl over a real channel: every line of the table of real links, and each reason."""

from pathlib import Path
from typing import NamedTuple

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

_TABLE = Path(__file__).parents[3] / "data/track_urls.tsv"
_REASONS: dict[str, type[ServiceError]] = {
    error.reason: error for error in (InvalidUrlError, UnsupportedProviderError, UnsupportedResourceError)
}
_ID = "2qToAcex0ruZfbEbAy9OhW"


class Line(NamedTuple):
    """A real link and what is known of it; `outcome` is ResolveTrack's canonical url or its reason."""

    text: str
    provider: str
    kind: str
    provider_id: str
    outcome: str


_LINES = [Line(*row.split("\t")) for row in _TABLE.read_text(encoding="utf-8").splitlines() if row[:1] != "#"]


@pytest.fixture(scope="module")
def stub(tracks: Running) -> TrackServiceStub:
    return TrackServiceStub(tracks.channel)


async def parse(stub: TrackServiceStub, text: str) -> ParseTrackUrlResponse:
    return await call(stub.ParseTrackUrl, ParseTrackUrlRequest(input=text), user("ada@example.com"))


@pytest.mark.parametrize("line", [line for line in _LINES if line.outcome not in _REASONS])
async def test_parse_track_url_reads_real_links(stub: TrackServiceStub, line: Line) -> None:
    found = await parse(stub, line.text)
    open_ = line.outcome == "NEEDS_RESOLUTION"
    kind = LINK_KIND_UNSPECIFIED if open_ else LinkKind.Value(f"LINK_KIND_{line.kind}")
    assert (found.provider, found.kind, found.provider_id) == (line.provider, kind, line.provider_id)
    assert found.needs_resolution is open_
    if line.kind == "TRACK":
        assert found.url == line.outcome
    assert await parse(stub, found.url) == found


@pytest.mark.parametrize("line", [line for line in _LINES if line.outcome in _REASONS])
async def test_parse_track_url_refuses_other_links(stub: TrackServiceStub, line: Line) -> None:
    error = await refused(parse(stub, line.text), _REASONS[line.outcome], "tracks.seda.fm")
    assert [violation.field for violation in error.violations] == ["input"]


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
async def test_parse_track_url_tells_every_kind(
    stub: TrackServiceStub, text: str, kind: LinkKind.ValueType
) -> None:
    assert (await parse(stub, text)).kind == kind
