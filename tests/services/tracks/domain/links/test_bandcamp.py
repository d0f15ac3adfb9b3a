"""Links of Bandcamp."""

import pytest

from services.tracks.domain.errors import (
    InvalidUrlError,
    UnsupportedProviderError,
    UnsupportedResourceError,
)
from services.tracks.domain.links.reference import Kind, TrackReference
from services.tracks.domain.links.registry import custom_domain, parse


@pytest.mark.parametrize(
    "text",
    [
        "https://andrewhuang.bandcamp.com/track/boom-box",
        "http://AndrewHuang.bandcamp.com./track/Boom-Box/?test#lyrics",
        "andrewhuang.bandcamp.com/track/boom-box?from=embed",
    ],
)
def test_bandcamp_reads_tracks(text: str) -> None:
    reference = parse(text)
    assert reference == TrackReference(
        "bandcamp",
        Kind.TRACK,
        "andrewhuang/boom-box",
        "https://andrewhuang.bandcamp.com/track/boom-box",
    )
    assert parse(reference.url) == reference


@pytest.mark.parametrize(
    ("path", "kind", "provider_id", "canonical"),
    [
        ("/album/Something-Owed", Kind.ALBUM, "ada-l/something-owed", "/album/something-owed"),
        ("", Kind.ARTIST, "ada-l", ""),
        ("/music", Kind.ARTIST, "ada-l", ""),
    ],
)
def test_bandcamp_reads_other_kinds(path: str, kind: Kind, provider_id: str, canonical: str) -> None:
    reference = parse(f"https://ada-l.bandcamp.com{path}")
    assert reference == TrackReference(
        "bandcamp", kind, provider_id, f"https://ada-l.bandcamp.com{canonical}"
    )
    assert parse(reference.url) == reference


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("EmbeddedPlayer/track=123/size=large/", "https://bandcamp.com/EmbeddedPlayer/track=123"),
        ("EmbeddedPlayer/v=2/album=9/track%3D123", "https://bandcamp.com/EmbeddedPlayer/track=123"),
        ("EmbeddedPlayer.html/album=9/size=small", "https://bandcamp.com/EmbeddedPlayer/album=9"),
    ],
)
def test_bandcamp_leaves_players_open(path: str, url: str) -> None:
    for host in ("bandcamp.com", "www.bandcamp.com"):
        reference = parse(f"https://{host}/{path}")
        assert reference == TrackReference("bandcamp", None, "", url)
        assert parse(reference.url) == reference


@pytest.mark.parametrize(
    "text",
    [
        "https://bandcamp.com",
        "https://bandcamp.com/track/boom-box",
        "https://www.bandcamp.com/discover",
        "https://bandcamp.com/EmbeddedPlayer/size=large",
        "https://bandcamp.com/EmbeddedPlayer/track=x",
        "https://bandcamp.com/EmbeddedPlayer/track=0",
        "https://daily.bandcamp.com/track/boom-box",
        "https://_dmarc.bandcamp.com/track/boom-box",
        "https://-a.bandcamp.com/track/boom-box",
        "https://ada.bandcamp.com/merch",
        "https://ada.bandcamp.com/track",
        "https://ada.bandcamp.com/track/boom-box/more",
    ],
)
def test_bandcamp_refuses_other_pages(text: str) -> None:
    with pytest.raises(UnsupportedResourceError):
        parse(text)


@pytest.mark.parametrize("slug", ["bo%20om", "böom", "a" * 201, "x%0a", "x%2Fy"])
def test_bandcamp_refuses_broken_names(slug: str) -> None:
    with pytest.raises(InvalidUrlError):
        parse(f"https://ada.bandcamp.com/track/{slug}")


@pytest.mark.parametrize(
    "host",
    [
        "ada.notbandcamp.com",
        "adabandcamp.com",
        "a.ada.bandcamp.com",
        "ada.bandcamp.com.evil.example",
        "ada.bandcamp.co",
        "music.ada.example",
    ],
)
def test_bandcamp_leaves_foreign_hosts_alone(host: str) -> None:
    with pytest.raises(UnsupportedProviderError):
        parse(f"https://{host}/track/boom-box")


def test_custom_domain_returns_the_page_to_resolve() -> None:
    reference = custom_domain("Listen: http://Music.Ada.example/track/Boom-Box?x=1")
    assert reference == TrackReference("bandcamp", None, "", "https://music.ada.example/track/boom-box")
    assert reference.needs_resolution


@pytest.mark.parametrize(
    "text",
    [
        "https://ada.bandcamp.com/track/boom-box",
        "https://on.soundcloud.com/track/x",
        "https://music.ada.example/album/boom-box",
        "https://music.ada.example/track/boom-box/more",
        "https://music.ada.example/track/b%2Fox",
        "https://music.ada.example/",
    ],
)
def test_custom_domain_is_for_tracks_on_unknown_hosts_only(text: str) -> None:
    assert custom_domain(text) is None


@pytest.mark.parametrize("text", ["nothing here", "https://user@music.ada.example/track/x", "localhost"])
def test_custom_domain_refuses_other_texts(text: str) -> None:
    with pytest.raises(InvalidUrlError):
        custom_domain(text)
