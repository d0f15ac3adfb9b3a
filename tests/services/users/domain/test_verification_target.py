"""Which pages can be claimed, and their canonical spelling."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import ServiceError
from services.users.domain.errors import InvalidTargetError, NotAProfilePageError, TargetHostRefusedError
from services.users.domain.verification_target import Target, TargetKind, is_at, parse_target

_ARTIST = "0TnOYISbd1XYRBk9myaseg"
_CHANNEL = "UC" + "a" * 22


@pytest.mark.parametrize(
    ("text", "kind", "url"),
    [
        ("https://ada.example.com/", TargetKind.WEBSITE, "https://ada.example.com/"),
        ("https://ada.example.com", TargetKind.WEBSITE, "https://ada.example.com/"),
        (" http://ADA.example.com:80/Me?a=1#b ", TargetKind.WEBSITE, "https://ada.example.com/Me"),
        ("https://ada.example.com.:443/", TargetKind.WEBSITE, "https://ada.example.com/"),
        (
            "https://b\u00fccher.example.com/\u00e4",
            TargetKind.WEBSITE,
            "https://xn--bcher-kva.example.com/%C3%A4",
        ),
        ("https://ada.github.io/", TargetKind.WEBSITE, "https://ada.github.io/"),
        (f"https://open.spotify.com/artist/{_ARTIST}?si=x", TargetKind.SPOTIFY, None),
        (f"https://open.spotify.com/intl-de/artist/{_ARTIST}/", TargetKind.SPOTIFY, None),
        ("https://m.soundcloud.com/Ada_L", TargetKind.SOUNDCLOUD, "https://soundcloud.com/ada_l"),
        ("http://ada.bandcamp.com/music", TargetKind.BANDCAMP, "https://ada.bandcamp.com/"),
        (
            f"https://youtube.com/channel/{_CHANNEL}",
            TargetKind.YOUTUBE,
            f"https://www.youtube.com/channel/{_CHANNEL}",
        ),
        ("https://music.youtube.com/@Ada.L", TargetKind.YOUTUBE, "https://www.youtube.com/@ada.l"),
    ],
)
def test_canonical_spelling(text: str, kind: TargetKind, url: str | None) -> None:
    url = url or f"https://open.spotify.com/artist/{_ARTIST}"
    found = parse_target(text)
    assert found == Target(kind, url, url.split("/")[2])
    assert parse_target(found.url) == found


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("ada.example.com", InvalidTargetError),
        ("ftp://ada.example.com/", InvalidTargetError),
        ("https://ada:pw@ada.example.com/", InvalidTargetError),
        ("https://ada.example.com:8443/", InvalidTargetError),
        ("https://ada.example.com/a b", InvalidTargetError),
        ("https://ada.example.com/a/../b", InvalidTargetError),
        ("https://ada.example.com/a/%2E%2e/b", InvalidTargetError),
        ("https://ada.example.com\\@b.example.org/", InvalidTargetError),
        ("https://-a_.example.com/", InvalidTargetError),
        ("https://ada.example.com/" + "a" * 2048, InvalidTargetError),
        ("https://ada.example.com/" + "\u00e4" * 500, InvalidTargetError),
        ("https://1.2.3.4/", TargetHostRefusedError),
        ("https://0x7f000001/", TargetHostRefusedError),
        ("https://[::1]/", InvalidTargetError),
        ("https://localhost/", TargetHostRefusedError),
        ("https://printer.local/", TargetHostRefusedError),
        ("https://db.svc.cluster.internal/", TargetHostRefusedError),
        ("https://co.uk/", TargetHostRefusedError),
        ("https://github.io/", TargetHostRefusedError),
        ("https://com/", TargetHostRefusedError),
        ("https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC", NotAProfilePageError),
        (f"https://artists.spotify.com/artist/{_ARTIST}", NotAProfilePageError),
        ("https://soundcloud.com/ada/song", NotAProfilePageError),
        ("https://soundcloud.com/discover", NotAProfilePageError),
        ("https://on.soundcloud.com/ada", NotAProfilePageError),
        ("https://bandcamp.com/", NotAProfilePageError),
        ("https://daily.bandcamp.com/", NotAProfilePageError),
        ("https://ada.bandcamp.com/album/one", NotAProfilePageError),
        ("https://www.youtube.com/watch?v=9bZkp7q19f0", NotAProfilePageError),
        ("https://youtu.be/9bZkp7q19f0", NotAProfilePageError),
        ("https://www.facebook.com/ada", NotAProfilePageError),
        ("https://en.wikipedia.org/wiki/Ada", NotAProfilePageError),
    ],
)
def test_refused_targets(text: str, error: type[ServiceError]) -> None:
    with pytest.raises(error) as raised:
        parse_target(text)
    assert [each.field for each in raised.value.violations] == ["target_url"]


@given(
    st.text(max_size=100),
    st.sampled_from(["", "https://", "https://a.example.com/", "https://soundcloud.com/"]),
)
def test_any_text_has_one_canonical_spelling_or_is_refused(text: str, prefix: str) -> None:
    try:
        found = parse_target(prefix + text)
    except (InvalidTargetError, TargetHostRefusedError, NotAProfilePageError):
        return
    assert parse_target(found.url) == found
    assert is_at(found, found.url)


@pytest.mark.parametrize(
    "text", ["https://" + "a." * 1000, "https://a.com/" + "%" * 2000, "https://" + "@" * 2000, "/" * 2048]
)
def test_long_texts_cost_little(text: str) -> None:
    started = time.perf_counter()
    for _ in range(20):
        with pytest.raises(ServiceError):
            parse_target(text * 2)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("target", "url", "same"),
    [
        ("https://ada.example.com/", "https://ada.example.com/de/index.html?a=1", True),
        ("https://ada.example.com/", "https://www.ada.example.com/", False),
        ("https://ada.example.com/", "http://ada.example.com/", False),
        ("https://ada.example.com/", "https://open.spotify.com/track/1", False),
        ("https://ada.example.com/", "", False),
        (
            f"https://open.spotify.com/artist/{_ARTIST}",
            f"https://open.spotify.com/intl-de/artist/{_ARTIST}",
            True,
        ),
        (f"https://open.spotify.com/artist/{_ARTIST}", "https://open.spotify.com/artist/" + "1" * 22, False),
        (f"https://open.spotify.com/artist/{_ARTIST}", "https://open.spotify.com/", False),
        ("https://soundcloud.com/ada", "https://soundcloud.com/ada/song", False),
    ],
)
def test_a_response_counts_at_the_claimed_host_and_profile_alone(target: str, url: str, same: bool) -> None:
    assert is_at(parse_target(target), url) is same
