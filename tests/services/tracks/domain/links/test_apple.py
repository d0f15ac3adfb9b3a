"""Links of Apple Music and iTunes."""

import pytest

from services.tracks.domain.errors import InvalidUrlError, UnsupportedResourceError
from services.tracks.domain.links.reference import Kind, TrackReference
from services.tracks.domain.links.registry import parse

_ID = "1435928320"


@pytest.mark.parametrize(
    ("text", "country"),
    [
        (f"https://music.apple.com/us/album/low-frequency/1435928305?i={_ID}", "us"),
        (f"https://music.apple.com/DE/album/low-frequency/1435928305?i={_ID}&uo=4", "de"),
        (f"https://music.apple.com/jp/album/1435928305?i={_ID}", "jp"),
        (f"https://geo.music.apple.com/gb/album/x/1435928305?i={_ID}&i=1", "gb"),
        (f"https://embed.music.apple.com/us/album/x/1435928305?i={_ID}&app=music", "us"),
        (f"https://classical.music.apple.com/us/album/1435928305?i={_ID}", "us"),
        (f"https://itunes.apple.com/us/album/skyfall/id1435928305?i={_ID}", "us"),
        (f"https://geo.itunes.apple.com/fr/album/x/id1435928305?mt=1&i={_ID}", "fr"),
        (f"https://music.apple.com/song/{_ID}", "us"),
        (f"https://beta.music.apple.com/song/low-frequency/{_ID}", "us"),
        (f"https://music.apple.com/ee/song/%D0%BF%D0%B5%D1%81%D0%BD%D1%8F/{_ID}", "ee"),
        (f"https://music.apple.com/ee/song/id{_ID}", "ee"),
    ],
)
def test_apple_reads_tracks(text: str, country: str) -> None:
    reference = parse(text)
    assert (reference.provider, reference.kind, reference.provider_id) == ("apple", Kind.TRACK, _ID)
    assert reference.url == f"https://music.apple.com/{country}/song/{_ID}"
    assert parse(reference.url) == reference


@pytest.mark.parametrize(
    ("text", "kind", "provider_id", "url"),
    [
        ("itunes.apple.com/gb/album/id566322358", Kind.ALBUM, "566322358", "gb/album/566322358"),
        ("music.apple.com/album/x/566322358", Kind.ALBUM, "566322358", "us/album/566322358"),
        ("music.apple.com/us/artist/adele/262836961", Kind.ARTIST, "262836961", "us/artist/262836961"),
        ("music.apple.com/us/music-video/x/539886832", Kind.VIDEO, "539886832", "us/music-video/539886832"),
        ("music.apple.com/us/playlist/hits/pl.u-Ab1c", Kind.PLAYLIST, "pl.u-Ab1c", "us/playlist/pl.u-Ab1c"),
    ],
)
def test_apple_reads_other_kinds(text: str, kind: Kind, provider_id: str, url: str) -> None:
    reference = parse(f"https://{text}")
    assert (reference.provider, reference.kind, reference.provider_id) == ("apple", kind, provider_id)
    assert reference.url == f"https://music.apple.com/{url}"
    assert parse(reference.url) == reference


def test_apple_leaves_short_links_open() -> None:
    reference = parse("http://apple.co/3AbC-d?mt=1")
    assert reference == TrackReference("apple", None, "", "https://apple.co/3AbC-d")


@pytest.mark.parametrize(
    "text",
    [
        "https://music.apple.com",
        "https://music.apple.com/us",
        "https://music.apple.com/us/browse",
        "https://music.apple.com/us/station/x/ra.1",
        "https://music.apple.com/us/album/a/b/1",
        f"https://music.apple.com/usa/song/{_ID}",
        f"https://music.apple.com/us/Song/{_ID}",
        "https://itunes.apple.com/us/podcast/x/id1?i=2",
    ],
)
def test_apple_refuses_other_pages(text: str) -> None:
    with pytest.raises(UnsupportedResourceError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://music.apple.com/us/song/low-frequency",
        "https://music.apple.com/us/song/x/idid1",
        "https://music.apple.com/us/song/x/0123",
        "https://music.apple.com/us/song/x/12345678901234567890",
        "https://music.apple.com/us/song/x/١٢٣",
        f"https://music.apple.com/us/song/x/{_ID}%0a",
        "https://music.apple.com/us/album/x/1435928305?i=",
        f"https://music.apple.com/us/album/x/1435928305?i=&i={_ID}",
        "https://music.apple.com/us/playlist/x/1",
        "https://music.apple.com/us/playlist/pl.",
    ],
)
def test_apple_refuses_broken_ids(text: str) -> None:
    with pytest.raises(InvalidUrlError):
        parse(text)
