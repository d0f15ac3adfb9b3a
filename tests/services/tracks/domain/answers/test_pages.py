"""Scanning pages: what is found, what is not, and that no page takes long."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tracks.domain.answers import apple, bandcamp, canonical, deezer, oembed, opengraph
from services.tracks.domain.answers.answer import UnreadableAnswerError
from services.tracks.domain.answers.page import read_page
from tests.services.tracks.domain.answers.recorded import HTML, recorded

_MEBI = 1 << 20
_READERS: list[Callable[[bytes, str], object]] = [
    apple.read_apple,
    bandcamp.read_bandcamp,
    canonical.read_links,
    deezer.read_deezer,
    oembed.read_soundcloud,
    oembed.read_spotify,
    oembed.read_youtube,
    opengraph.read_opengraph,
    opengraph.read_spotify_page,
    opengraph.read_tidal,
]
_NAMES = [
    *("youtube.json", "spotify.json", "soundcloud.json", "deezer.json", "apple.json"),
    *("spotify_page.html", "bandcamp.html", "bandcamp_player.html", "tidal.html", "page.html"),
]


def test_read_page_finds_what_describes_it() -> None:
    page = read_page(recorded("bandcamp.html"), HTML)
    assert page.title == "Low Tide | Harbour Choir"
    assert page.metas["og:title"] == "Low Tide & Fog, by Harbour Choir"
    assert page.metas["description"].strip() == "Low Tide by Harbour Choir, released 07 May 2021"
    assert page.canonical == "https://harbourchoir.bandcamp.com/track/low-tide"
    assert len(page.linked_data) == 1
    assert not page.silent


def test_read_page_takes_the_first_of_each_and_none_from_comments_and_scripts() -> None:
    page = read_page(
        b"<!-- <meta name=a content=comment> --><script>'<meta name=a content=script>'</SCRIPT >"
        b"<metadata name=a content=other><META\nNAME='A'\tCONTENT=\"x > y &amp;amp;\"/><meta name=a content=second>"
        b"<link rel='alternate canonical' href=/here><meta name=b content><meta content=nameless>",
        HTML,
    )
    assert page.metas == {"a": "x > y &amp;", "b": ""}
    assert page.canonical == "/here"


def test_read_page_uses_the_charset_that_the_page_names() -> None:
    page = '<meta charset="windows-1251"><meta property="og:title" content="Прилив">'.encode("cp1251")
    assert read_page(page, "text/html").metas["og:title"] == "Прилив"


@pytest.mark.parametrize(
    ("name", "links"),
    [
        (
            "bandcamp_player.html",
            (
                "https://harbourchoir.bandcamp.com/track/low-tide",
                "https://harbourchoir.bandcamp.com/track/low-tide?action=buy",
            ),
        ),
        ("bandcamp.html", ("https://harbourchoir.bandcamp.com/track/low-tide",)),
        ("page.html", ("https://music.example/low-tide",)),
        ("deezer.json", ()),
    ],
)
def test_read_links_gives_a_pages_own_address(name: str, links: tuple[str, ...]) -> None:
    assert canonical.read_links(recorded(name), HTML) == links


def test_read_links_takes_no_track_of_an_album() -> None:
    data = b'{"linkback":"https://a.bandcamp.com/album/x","tracks":[{"title_link":"https://a.bandcamp.com/track/1"},{}]}'
    page = b"<script data-player-data='" + data + b"'></script>"
    assert canonical.read_links(page, HTML) == ("https://a.bandcamp.com/album/x",)


@pytest.mark.parametrize("address", ["ftp://a.example/x", "javascript:alert(1)", "/x", "//a.example/x", "https://", "https://a/" + "x" * 2048])  # fmt: skip
def test_read_links_takes_web_addresses_alone(address: str) -> None:
    page = f'<link rel="canonical" href="{address}"><script data-player-data="{{&quot;linkback&quot;:7}}">'
    assert canonical.read_links(page.encode(), HTML) == ()


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.tuples(st.sampled_from(_NAMES), st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=4)))).map(
            lambda drawn: _damaged(recorded(drawn[0]), drawn[1])
        ),
    ),
    st.sampled_from(["", HTML, "application/json", "text/html; charset=utf-16", "text/html; charset=zip"]),
)  # fmt: skip
def test_readers_end_in_an_answer_or_the_typed_error(content: bytes, content_type: str) -> None:
    for read in _READERS:
        try:
            read(content, content_type)
        except UnreadableAnswerError:
            assert read is not canonical.read_links


def _damaged(content: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    """The content, cut off or with some bytes replaced."""
    for place, piece in changes:
        content = content[: place % len(content)] + piece + content[place % len(content) + 1 :] or b" "
    return content


@pytest.mark.alone
@pytest.mark.parametrize(
    "piece",
    [
        *(b"<p>", b"<", b"<meta>", b"<meta a ", b'<meta a="', b"<meta a='", b"<!---->", b"<!--", b"<title>"),
        *(b"<script>", b"<script></script>", b'<script type="application/ld+json">[[[[</script>', b"&amp;", b"&#"),
        *(b"[", b"[]", b'{"a":', b'"', b'\\"', b"9", b"<iframe src='"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "start", [b"", b"<meta ", b'<meta name="a" content="', b'{"title":"a","html":', b'{"title":"']
)
def test_no_megabyte_takes_long(start: bytes, piece: bytes) -> None:
    content = start + piece * (_MEBI // len(piece))
    for read in _READERS:
        began = time.process_time()
        with suppress(UnreadableAnswerError):
            read(content, HTML)
        # A scan that is quadratic takes minutes.
        assert time.process_time() - began < 0.5, read
