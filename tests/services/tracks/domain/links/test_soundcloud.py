"""Links of SoundCloud."""

import pytest

from services.tracks.domain.errors import InvalidUrlError, PrivateLinkError, UnsupportedResourceError
from services.tracks.domain.links.reference import Kind, TrackReference
from services.tracks.domain.links.registry import parse

_PLAYER = "https://w.soundcloud.com/player/"


@pytest.mark.parametrize(
    "text",
    [
        "https://soundcloud.com/forss/flickermood",
        "https://www.soundcloud.com/forss/flickermood/",
        "https://m.soundcloud.com/Forss/FlickerMood?in=forss/sets/soulhack&si=abc",
        "http://soundcloud.com/#!/forss/flickermood",
        "https://soundcloud.com/forss/flickermood#t=1:02",
        f"{_PLAYER}?url=https%3A//soundcloud.com/forss/flickermood&auto_play=false",
        f"{_PLAYER}?visual=true&url=http%3A%2F%2Fm.soundcloud.com%2Fforss%2Fflickermood%3Fsi%3Dx",
        f"{_PLAYER}?url=soundcloud.com/forss/flickermood&url=https://soundcloud.com/x/y",
        "Listen to Flickermood by Forss on #SoundCloud\nhttps://soundcloud.com/forss/flickermood",
    ],
)
def test_soundcloud_reads_tracks(text: str) -> None:
    reference = parse(text)
    assert reference == TrackReference(
        "soundcloud",
        Kind.TRACK,
        "forss/flickermood",
        "https://soundcloud.com/forss/flickermood",
    )
    assert parse(reference.url) == reference


@pytest.mark.parametrize(
    ("path", "kind", "provider_id", "canonical"),
    [
        ("forss/sets/Soulhack?si=x", Kind.PLAYLIST, "forss/soulhack", "forss/sets/soulhack"),
        ("Forss", Kind.ARTIST, "forss", "forss"),
    ],
)
def test_soundcloud_reads_other_kinds(path: str, kind: Kind, provider_id: str, canonical: str) -> None:
    reference = parse(f"https://soundcloud.com/{path}")
    assert reference == TrackReference("soundcloud", kind, provider_id, f"https://soundcloud.com/{canonical}")
    assert parse(reference.url) == reference


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://on.soundcloud.com/AbC12?x=1", "https://on.soundcloud.com/AbC12"),
        ("https://soundcloud.app.goog.gl/AbC12", "https://soundcloud.app.goog.gl/AbC12"),
        ("http://api.soundcloud.com/tracks/293?client_id=x", "https://api.soundcloud.com/tracks/293"),
        ("https://api.soundcloud.com/playlists/1?x", "https://api.soundcloud.com/playlists/1"),
        (f"{_PLAYER}?url=https%3A//api.soundcloud.com/tracks/293", "https://api.soundcloud.com/tracks/293"),
        (
            f"{_PLAYER}?url=https%3A//api.soundcloud.com/tracks/soundcloud%253Atracks%253A293",
            "https://api.soundcloud.com/tracks/293",
        ),
    ],
)
def test_soundcloud_leaves_short_links_and_numbers_open(text: str, url: str) -> None:
    reference = parse(text)
    assert reference == TrackReference("soundcloud", None, "", url)
    assert parse(reference.url) == reference


@pytest.mark.parametrize(
    "text",
    [
        "https://soundcloud.com/forss/flickermood/s-AbCdE",
        "https://soundcloud.com/forss/flickermood/s-AbCdE?si=x&utm_source=clipboard",
        "https://soundcloud.com/forss/sets/soulhack/s-AbCdE",
        f"{_PLAYER}?url=https%3A//soundcloud.com/forss/flickermood/s-AbCdE",
        f"{_PLAYER}?url=https%3A//api.soundcloud.com/tracks/293%3Fsecret_token%3Ds-AbCdE",
    ],
)
def test_soundcloud_refuses_private_links(text: str) -> None:
    with pytest.raises(PrivateLinkError) as refused:
        parse(text)
    assert refused.value.metadata == {"provider": "soundcloud"}
    assert "s-AbCdE" not in refused.value.message


@pytest.mark.parametrize(
    "first",
    [
        "discover",
        "search",
        "tags",
        "you",
        "stream",
        "upload",
        "pages",
        "charts",
        "settings",
        "messages",
        "people",
        "jobs",
    ],
)
def test_soundcloud_takes_no_page_of_its_own_for_a_person(first: str) -> None:
    for path in (first, f"{first}/bug", f"{first.title()}/sets/bug", f"{first}/bug/s-AbCdE"):
        with pytest.raises(UnsupportedResourceError):
            parse(f"https://soundcloud.com/{path}")


@pytest.mark.parametrize(
    "second",
    [
        *("sets", "likes", "reposts", "tracks", "albums", "popular-tracks"),
        *("followers", "following", "comments", "spotlight"),
    ],
)
def test_soundcloud_takes_no_list_of_a_person_for_a_track(second: str) -> None:
    for name in (second, second.title()):
        with pytest.raises(UnsupportedResourceError):
            parse(f"https://soundcloud.com/forss/{name}")


@pytest.mark.parametrize(
    "text",
    [
        "https://soundcloud.com",
        "https://soundcloud.com/forss/flickermood/recommended",
        "https://soundcloud.com/forss/sets/soulhack/more",
        "https://soundcloud.com/a/b/c/d/e",
        "https://api.soundcloud.com/users/1",
        "https://api.soundcloud.com/tracks/x",
        "https://api.soundcloud.com/tracks/0",
        "https://on.soundcloud.com",
        f"{_PLAYER}?auto_play=true",
        _PLAYER,
    ],
)
def test_soundcloud_refuses_other_pages(text: str) -> None:
    with pytest.raises(UnsupportedResourceError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://soundcloud.com/forss/fl%20ickermood",
        "https://soundcloud.com/forss/flickermööd",
        "https://soundcloud.com/for.ss/flickermood",
        "https://soundcloud.com/forss%2Fflickermood/x",
        "https://soundcloud.com/forss/" + "a" * 201,
        "https://soundcloud.com/forss/sets/x%0a",
        f"{_PLAYER}?url=https://evil.example/forss/flickermood",
        f"{_PLAYER}?url=https://soundcloud.com.evil.example/forss/flickermood",
        f"{_PLAYER}?url=https://soundcloud.com%40evil.example/forss/flickermood",
        f"{_PLAYER}?url=https://on.soundcloud.com/x",
        f"{_PLAYER}?url=https://w.soundcloud.com/player/%3Furl=https://soundcloud.com/forss/flickermood",
        f"{_PLAYER}?url=",
        f"{_PLAYER}?url=ftp://soundcloud.com/forss/flickermood",
    ],
)
def test_soundcloud_refuses_broken_names_and_foreign_players(text: str) -> None:
    with pytest.raises(InvalidUrlError):
        parse(text)
