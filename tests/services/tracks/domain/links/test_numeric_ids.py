"""Links of Tidal and Deezer: a kind and a numeric id."""

import pytest

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.reference import Kind, TrackReference
from services.tracks.domain.links.registry import parse

_LIST = "36ea71a8-445e-41a4-82ab-6628c581535d"


@pytest.mark.parametrize(
    "text",
    [
        "https://tidal.com/track/73579059",
        "https://www.tidal.com/track/73579059/",
        "https://tidal.com/track/73579059/u?si=x",
        "http://tidal.com/#!/track/73579059",
        "http://listen.tidal.com/album/1#!/track/73579059?play=true",
        "https://tidal.com/browse/track/73579059?play=true",
        "https://listen.tidal.com/album/73579055/track/73579059",
        "https://desktop.tidal.com/track/73579059",
        "https://stage.tidal.com/tracks/73579059",
        "https://embed.tidal.com/tracks/73579059?layout=gridify",
    ],
)
def test_tidal_reads_tracks(text: str) -> None:
    reference = parse(text)
    assert reference == TrackReference("tidal", Kind.TRACK, "73579059", "https://tidal.com/track/73579059")
    assert parse(reference.url) == reference


@pytest.mark.parametrize(
    "text",
    [
        "https://deezer.com/track/3135556",
        "https://www.deezer.com/en/track/3135556?utm_source=deezer",
        "https://www.deezer.com/pt-br/track/3135556",
        "https://widget.deezer.com/widget/dark/track/3135556",
        "https://api.deezer.com/track/3135556",
        "https://www.deezer.com/album/302127/track/3135556#top",
    ],
)
def test_deezer_reads_tracks(text: str) -> None:
    reference = parse(text)
    assert reference == TrackReference(
        "deezer", Kind.TRACK, "3135556", "https://www.deezer.com/track/3135556"
    )
    assert parse(reference.url) == reference


@pytest.mark.parametrize(
    ("text", "kind", "provider_id", "url"),
    [
        ("tidal.com/browse/album/92616871/u", Kind.ALBUM, "92616871", "tidal.com/album/92616871"),
        ("embed.tidal.com/albums/92616871", Kind.ALBUM, "92616871", "tidal.com/album/92616871"),
        ("tidal.com/video/75623239", Kind.VIDEO, "75623239", "tidal.com/video/75623239"),
        ("tidal.com/artist/3746724", Kind.ARTIST, "3746724", "tidal.com/artist/3746724"),
        (f"tidal.com/browse/playlist/{_LIST.upper()}", Kind.PLAYLIST, _LIST, f"tidal.com/playlist/{_LIST}"),
        ("www.deezer.com/us/album/302127", Kind.ALBUM, "302127", "www.deezer.com/album/302127"),
        ("deezer.com/playlist/908622995", Kind.PLAYLIST, "908622995", "www.deezer.com/playlist/908622995"),
        ("deezer.com/de/artist/27/top_track", Kind.ARTIST, "27", "www.deezer.com/artist/27"),
        ("deezer.com/episode/56103542", Kind.EPISODE, "56103542", "www.deezer.com/episode/56103542"),
    ],
)
def test_tidal_and_deezer_read_other_kinds(text: str, kind: Kind, provider_id: str, url: str) -> None:
    reference = parse(f"https://{text}")
    assert reference[1:] == (kind, provider_id, f"https://{url}")
    assert parse(reference.url) == reference


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (
            "https://link.deezer.com/s/31aEpblnSrNBNSHi3nrZZ?x=1",
            "https://link.deezer.com/s/31aEpblnSrNBNSHi3nrZZ",
        ),
        ("http://deezer.page.link/AbC1", "https://deezer.page.link/AbC1"),
    ],
)
def test_deezer_leaves_short_links_open(text: str, url: str) -> None:
    assert parse(text) == TrackReference("deezer", None, "", url)


@pytest.mark.parametrize(
    "text",
    [
        "https://tidal.com",
        "https://tidal.com/browse/mix/0123",
        "https://tidal.com/track",
        "https://tidal.com/Track/1",
        "https://tidal.com/#/track/1",
        "https://www.deezer.com/en/",
        "https://www.deezer.com/show/1",
        "https://www.deezer.com/tracks/1",
        "https://link.deezer.com/",
    ],
)
def test_tidal_and_deezer_refuse_other_pages(text: str) -> None:
    with pytest.raises(UnsupportedResourceError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://tidal.com/track/x",
        "https://tidal.com/track/0123",
        "https://tidal.com/track/12345678901234567890",
        "https://tidal.com/playlist/1",
        f"https://tidal.com/track/{_LIST}",
        "https://tidal.com/track/1/album/u",
        "https://www.deezer.com/track/-12",
        "https://www.deezer.com/track/١٢",
        "https://www.deezer.com/track/12%0a",
        "https://link.deezer.com/s/a/b/c",
        "https://link.deezer.com/s/" + "a" * 65,
    ],
)
def test_tidal_and_deezer_refuse_broken_ids(text: str) -> None:
    with pytest.raises(InvalidUrlError):
        parse(text)
