"""Parsers on arbitrary bytes: a result or ParseError, in linear time."""

import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.tracks.domain.provider_parsers import apple, bandcamp, canonical, deezer, oembed, opengraph
from services.tracks.domain.provider_parsers.provider_metadata import ParseError
from tests.effort import tries
from tests.services.tracks.domain.provider_parsers.recorded import HTML, recorded

_LENGTH = 1 << 18
_READERS: list[Callable[[bytes, str], object]] = [
    apple.parse_apple,
    bandcamp.parse_bandcamp,
    canonical.read_links,
    deezer.parse_deezer,
    oembed.parse_soundcloud,
    oembed.parse_spotify,
    oembed.parse_youtube,
    opengraph.parse_opengraph,
    opengraph.parse_spotify_page,
    opengraph.parse_tidal,
]
_NAMES = [
    *("youtube.json", "spotify.json", "soundcloud.json", "deezer.json", "apple.json"),
    *("spotify_page.html", "bandcamp.html", "bandcamp_player.html", "tidal.html", "page.html"),
]


def test_pages_are_read_in_the_charset_that_they_name() -> None:
    page = '<meta charset="windows-1251"><meta property="og:title" content="Прилив">'.encode("cp1251")
    assert opengraph.parse_opengraph(page, "text/html").metadata.title == "Прилив"


@pytest.mark.parametrize(
    ("image", "url"),
    [
        ("https://i.example/a.jpg", "https://i.example/a.jpg"),
        ("HTTPS://i.example/a.jpg", "https://i.example/a.jpg"),
        ("//i.example/a.jpg", "https://i.example/a.jpg"),
        ("/a.jpg", "https://music.example/a.jpg"),
        ("a.jpg?w=1", "https://music.example/t/a.jpg?w=1"),
        (" https://i.example/a b\u00e9%20.jpg ", "https://i.example/a%20b%C3%A9%20.jpg"),
        ("http://i.example/a.jpg", None),
        ("javascript:alert(1)", None),
        ("https://[/", None),
    ],
)
def test_images_are_resolved_and_escaped(image: str, url: str | None) -> None:
    page = (
        f'<meta property="og:image" content=""><meta property="og:image" content="{image}"><title>t</title>'
    )
    found = opengraph.parse_opengraph(page.encode(), "text/html", base_url="https://music.example/t/1")
    assert found.metadata.artwork_url == url


@pytest.mark.parametrize(
    ("page", "title"),
    [
        ('<meta property="og:title" content=""><meta property="og:title" content="b">', "b"),
        ('<title>c</title><meta name="twitter:title" content="b">', "b"),
        ("<title> c </title>", "c"),
    ],
)
def test_titles_are_taken_from_the_first_that_has_one(page: str, title: str) -> None:
    assert opengraph.parse_opengraph(page.encode(), "text/html").metadata.title == title


_RECORDING = '{"@type":"MusicRecording","name":"a","byArtist":{"name":"b"},"image":"https://i.example/c.jpg"}'


@pytest.mark.parametrize(
    "script",
    [
        _RECORDING,
        _RECORDING + ";",
        f"<!--\n{_RECORDING}\n-->",
        f"//<![CDATA[\n{_RECORDING}\n//]]>",
        f"/*<![CDATA[*/{_RECORDING}/*]]>*/",
        f"<![CDATA[{_RECORDING}]]>;",
        _RECORDING.replace('"name":"a"', '"description":"x\n\ty","name":"a"'),
        _RECORDING.replace('{"name":"b"}', '"b"'),
        _RECORDING.replace('{"name":"b"}', '[{"name":"b"},{"name":"z"}]'),
        _RECORDING.replace(
            '"https://i.example/c.jpg"', '{"@type":"ImageObject","url":"https://i.example/c.jpg"}'
        ),
        _RECORDING.replace('"https://i.example/c.jpg"', '[{"contentUrl":"//i.example/c.jpg"}]'),
        _RECORDING.replace('"MusicRecording"', '"http://schema.org/MusicRecording"'),
        _RECORDING.replace('"MusicRecording"', '["Product","https://schema.org/MusicRecording"]'),
    ],
)
def test_json_ld_is_read_as_pages_write_it(script: str) -> None:
    page = f'<script type="application/ld+json">{script}</script>'.encode()
    metadata = bandcamp.parse_bandcamp(page, "text/html", base_url="https://b.example/track/a").metadata
    assert (metadata.title, metadata.artist, metadata.artwork_url) == ("a", "b", "https://i.example/c.jpg")


def test_comments_and_scripts_are_ignored() -> None:
    hidden = b'<meta property="og:title" content="hidden">'
    page = b"<!--" + hidden + b"--><script>'" + hidden + b"'</script>" + hidden.replace(b"hidden", b"shown")
    assert opengraph.parse_opengraph(page, HTML).metadata.title == "shown"


def test_a_reference_of_thousands_of_digits_is_a_text() -> None:
    long = "&#" + "9" * 5000 + ";"
    frame = f"<iframe src='https://w.soundcloud.com/{long[:1900]}'></iframe>"
    for page in (f'<meta property="og:title" content="{long}">', f"<script data-player-data='{long}'>"):
        canonical.read_links(page.encode(), HTML)
    assert oembed.parse_soundcloud(f'{{"title":"A","html":"{frame}"}}'.encode(), HTML).aliases == ()
    block = f'<script type="application/ld+json">{{"@type":"MusicRecording","name":"{long}"}}</script>'
    assert bandcamp.parse_bandcamp(block.encode(), HTML).metadata.title == long[:500]


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
def test_read_links_returns_the_canonical_url(name: str, links: tuple[str, ...]) -> None:
    assert canonical.read_links(recorded(name), HTML) == links


def test_read_links_takes_no_track_of_an_album() -> None:
    data = b'{"linkback":"https://a.bandcamp.com/album/x","tracks":[{"title_link":"https://a.bandcamp.com/track/1"},{}]}'
    page = b"<script data-player-data='" + data + b"'></script>"
    assert canonical.read_links(page, HTML) == ("https://a.bandcamp.com/album/x",)


@pytest.mark.parametrize("address", ["ftp://a.example/x", "javascript:alert(1)", "/x", "//a.example/x", "https://"])  # fmt: skip
def test_read_links_takes_web_addresses_alone(address: str) -> None:
    page = f'<link rel="canonical" href="{address}"><script data-player-data="{{&quot;linkback&quot;:7}}">'
    assert canonical.read_links(page.encode(), HTML) == ()


def test_read_links_takes_no_address_that_is_too_long() -> None:
    for length, count in ((2048, 1), (2049, 0)):
        page = f"""<script data-player-data='{{"linkback":"{"https://a.example/".ljust(length, "x")}"}}'>"""
        assert len(canonical.read_links(page.encode(), HTML)) == count


@settings(max_examples=tries(100, 300), deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.tuples(st.sampled_from(_NAMES), st.lists(st.tuples(st.integers(0, 3000), st.binary(max_size=4)))).map(
            lambda drawn: _damaged(recorded(drawn[0]), drawn[1])
        ),
    ),
    st.sampled_from(["", HTML, "application/json", "text/html; charset=utf-16", "text/html; charset=zip"]),
)  # fmt: skip
def test_parsers_return_metadata_or_raise_parse_error(content: bytes, content_type: str) -> None:
    for read in _READERS:
        try:
            read(content, content_type)
        except ParseError:
            assert read is not canonical.read_links


def _damaged(content: bytes, changes: list[tuple[int, bytes]]) -> bytes:
    """The content, truncated or with some bytes replaced."""
    for place, piece in changes:
        content = content[: place % len(content)] + piece + content[place % len(content) + 1 :] or b" "
    return content


@pytest.mark.serial
@pytest.mark.parametrize(
    "piece",
    [
        *(b"<p>", b"<", b"<meta>", b"<meta a ", b'<meta a="', b"<meta a='", b"<!---->", b"<!--", b"<title>"),
        *(b"<script>", b"<script></script>", b'<script type="application/ld+json">[[[[</script>', b"&amp;", b"&#"),
        *(b"[", b"[]", b'{"a":', b'"', b'\\"', b"9", b"<iframe src='"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "start",
    [
        b"<script data-player-data='",
        b"",
        b"<meta ",
        b'<meta name="a" content="',
        b'{"title":"a","html":',
        b'{"title":"',
    ],
)
def test_parsers_take_linear_time(start: bytes, piece: bytes) -> None:
    content = start + piece * (_LENGTH // len(piece))
    for read in _READERS:
        began = time.process_time()
        with suppress(ParseError):
            read(content, HTML)
        # A quadratic scan would take a minute.
        assert time.process_time() - began < 0.25, read
