"""The parsers of the providers' responses."""

from collections.abc import Callable

import pytest

from services.tracks.domain.links.registry import parse
from services.tracks.domain.metadata import TrackMetadata
from services.tracks.domain.provider_parsers.apple import parse_apple
from services.tracks.domain.provider_parsers.bandcamp import parse_bandcamp
from services.tracks.domain.provider_parsers.deezer import parse_deezer
from services.tracks.domain.provider_parsers.oembed import parse_soundcloud, parse_spotify, parse_youtube
from services.tracks.domain.provider_parsers.opengraph import parse_opengraph, parse_spotify_page, parse_tidal
from services.tracks.domain.provider_parsers.provider_metadata import ParseError, ProviderMetadata
from tests.services.tracks.domain.provider_parsers.recorded import HTML, JSON, recorded

Reader = Callable[[bytes, str], ProviderMetadata]

_ARTIST = "Harbour Choir"
_READ: list[tuple[Reader, str, TrackMetadata]] = [
    (
        parse_youtube,
        "youtube.json",
        TrackMetadata(
            "Low Tide (Official Video)", _ARTIST, "https://i.ytimg.com/vi/4eUqsUZBluA/hqdefault.jpg"
        ),
    ),
    (
        parse_youtube,
        "youtube_topic.json",
        TrackMetadata("Low Tide", _ARTIST, "https://i.ytimg.com/vi/UmHdefsaL6I/hqdefault.jpg"),
    ),
    (
        parse_spotify,
        "spotify.json",
        TrackMetadata(
            "Low Tide", None, "https://image-cdn-ak.spotifycdn.com/image/ab67616d00001e02" + "a" * 24
        ),
    ),
    (
        parse_spotify_page,
        "spotify_page.html",
        TrackMetadata(
            *("Low Tide", "Harbour Choir, Nils Ås"),
            *("https://i.scdn.co/image/ab67616d0000b273" + "a" * 24, 225),
        ),
    ),
    (
        parse_soundcloud,
        "soundcloud.json",
        TrackMetadata(
            "Low Tide (Demo)", _ARTIST, "https://i1.sndcdn.com/artworks-000000000000-aaaaaa-t500x500.jpg"
        ),
    ),
    (
        parse_deezer,
        "deezer.json",
        TrackMetadata(
            *("Low Tide", _ARTIST),
            *("https://cdn-images.dzcdn.net/images/cover/aa/1000x1000-000000-80-0-0.jpg", 225),
            "DEZ650500123",
        ),
    ),
    (parse_deezer, "deezer_unknown.json", TrackMetadata()),
    (
        parse_apple,
        "apple.json",
        TrackMetadata(
            *("Low Tide", _ARTIST),
            *("https://is1-ssl.mzstatic.com/image/thumb/Music/v4/aa/cover.jpg/600x600bb.jpg", 225),
        ),
    ),
    (parse_apple, "apple_unknown.json", TrackMetadata()),
    (
        parse_bandcamp,
        "bandcamp.html",
        TrackMetadata(
            "Low Tide & Fog", _ARTIST, "https://f4.bcbits.com/img/a3289000001_10.jpg", 205, "DEZ650500123"
        ),
    ),
    (
        parse_tidal,
        "tidal.html",
        TrackMetadata(
            *("Low Tide", _ARTIST),
            "https://resources.tidal.com/images/aaaaaaaa/bbbb/cccc/dddd/eeeeeeeeeeee/640x640.jpg",
        ),
    ),
    (
        parse_opengraph,
        "page.html",
        TrackMetadata("Low Tide", None, "https://img.example/cover.jpg?w=600&h=600", 225),
    ),
]
_JSON_READERS = [parse_youtube, parse_spotify, parse_soundcloud, parse_deezer, parse_apple]
_PAGE_READERS = [parse_spotify_page, parse_tidal, parse_opengraph, parse_bandcamp]


@pytest.mark.parametrize(("read", "name", "metadata"), _READ)
def test_recorded_responses_are_parsed(read: Reader, name: str, metadata: TrackMetadata) -> None:
    assert read(recorded(name), HTML if name.endswith(".html") else JSON).metadata == metadata


def test_soundcloud_and_bandcamp_return_the_numeric_alias() -> None:
    sound = parse_soundcloud(recorded("soundcloud.json"), JSON).aliases
    band = parse_bandcamp(recorded("bandcamp.html"), HTML).aliases
    assert sound == ("https://api.soundcloud.com/tracks/293000001",)
    assert band == ("https://bandcamp.com/EmbeddedPlayer/track=2592000001",)
    for (alias,) in (sound, band):
        reference = parse(alias)
        assert reference.needs_resolution
        assert reference.url == alias


@pytest.mark.parametrize("read", _JSON_READERS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"   ",
        b"<!DOCTYPE html><html><title>Sign in</title></html>",
        b'{"title":"Low Ti',
        b'{"title":"Low Tide"',
        b"[]",
        b'"Low Tide"',
        b"{}",
        b'{"title":7,"results":"none"}',
        '{"title":"Fl\u00fcgel","results":[]}'.encode("latin-1"),
        b'{"title":"x","results":[],"a":' + b"[" * 70 + b"]" * 70 + b"}",
        b'{"title":"x","results":[],"a":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        b'{"title":"x","results":[],"a":' + b"9" * 5000 + b"}",
    ],
    ids=[
        *(
            "empty",
            "blank",
            "page",
            "in a string",
            "in an object",
            "list",
            "text",
            "no members",
            "other types",
        ),
        *("charset", "deep", "deeper", "number"),
    ],
)
def test_json_of_another_kind_is_unreadable(read: Reader, content: bytes) -> None:
    with pytest.raises(ParseError) as refused:
        read(content, JSON)
    assert "Low" not in str(refused.value)


@pytest.mark.parametrize("read", _PAGE_READERS)
@pytest.mark.parametrize(
    "content", [b"", b'{"title":"Low Tide"}', b"<p>no head</p>", b"<meta", b"\xff" * 100]
)
def test_other_documents_are_unreadable(read: Reader, content: bytes) -> None:
    with pytest.raises(ParseError):
        read(content, HTML)


def test_deezer_errors_of_the_client_are_parse_errors() -> None:
    with pytest.raises(ParseError, match="error"):
        parse_deezer(recorded("deezer_quota.json"), JSON)
    for error in (b"[]", b'"x"', b'{"code":"800"}', b"{}"):
        with pytest.raises(ParseError):
            parse_deezer(b'{"error":' + error + b"}", JSON)


@pytest.mark.parametrize(
    ("content", "metadata"),
    [
        (b'{"title":"A","artist":[],"album":{"cover_big":"https://i.example/b"}}', TrackMetadata("A", None, "https://i.example/b")),
        (b'{"title":"A","artist":{"name":5},"album":null,"duration":"x","isrc":[]}', TrackMetadata("A")),
        (b'{"title":"\\ud800\\u0000"}', TrackMetadata()),
    ],
)  # fmt: skip
def test_deezer_keeps_valid_values(content: bytes, metadata: TrackMetadata) -> None:
    assert parse_deezer(content, JSON).metadata == metadata


@pytest.mark.parametrize("first", ["7", "null", '{"trackTimeMillis":true,"artworkUrl100":[]}', '{"trackTimeMillis":1e999}'])  # fmt: skip
def test_apple_ignores_unexpected_shapes(first: str) -> None:
    assert parse_apple(f'{{"results":[{first}]}}'.encode(), JSON) == ProviderMetadata(TrackMetadata())


@pytest.mark.parametrize(
    ("title", "author", "read"),
    [
        ("Side by Side by Ada", "Ada", "Side by Side"),
        ("Ada", "Ada", "Ada"),
        ("Side by Side", "", "Side by Side"),
        ("Low Tide by Ada", "ada", "Low Tide by Ada"),
    ],
)
def test_soundcloud_cuts_its_author_off_the_title(title: str, author: str, read: str) -> None:
    content = f'{{"title":"{title}","author_name":"{author}"}}'.encode()
    assert parse_soundcloud(content, JSON) == ProviderMetadata(TrackMetadata(read, author or None))


@pytest.mark.parametrize(
    "source",
    [
        "https://evil.example/player/?url=https%3A//api.soundcloud.com/tracks/1",
        "https://w.soundcloud.com/player/?url=https%3A//soundcloud.com/forss/flickermood",
        "https://w.soundcloud.com/player/?url=https%3A//api.soundcloud.com/tracks/1%3Fsecret_token%3Ds-1",
        "https://spotify.link/x",
        "x",
    ],
)
def test_soundcloud_takes_no_alias_from_elsewhere(source: str) -> None:
    content = f"""{{"title":"A","html":"<iframe src='{source}'></iframe>"}}""".encode()
    assert parse_soundcloud(content, JSON).aliases == ()


@pytest.mark.parametrize(
    ("metas", "artist"),
    [
        ({"og:description": "Ada · Song · 2001"}, "Ada"),
        ({"og:description": "Ada, Bo · Album · Song · 2001"}, "Ada, Bo"),
        ({"og:description": "Listen to Tide on Spotify. Ada · Song · 2001."}, "Ada"),
        ({"og:description": "Ada · Song · 2001", "music:musician_description": "Bo"}, "Bo"),
        ({"og:description": "Song · 2001"}, None),
        ({"og:description": "Preview of Spotify. Sign up."}, None),
        ({}, None),
    ],
)
def test_spotify_page_names_the_artist(metas: dict[str, str], artist: str | None) -> None:
    tags = "".join(f'<meta property="{name}" content="{value}">' for name, value in metas.items())
    page = f'<meta property="og:title" content="Tide">{tags}'.encode()
    assert parse_spotify_page(page, HTML).metadata == TrackMetadata("Tide", artist)


@pytest.mark.parametrize(
    ("title", "metadata"),
    [
        ("Ada - Low Tide", TrackMetadata("Low Tide", "Ada")),
        ("Ada - Low - Tide", TrackMetadata("Low - Tide", "Ada")),
        ("Side by Side by Ada", TrackMetadata("Side by Side", "Ada")),
        ("Low Tide by Ada on TIDAL", TrackMetadata("Low Tide", "Ada")),
        ("Low Tide", TrackMetadata("Low Tide")),
        ("TIDAL", TrackMetadata()),
    ],
)
def test_tidal_splits_its_title(title: str, metadata: TrackMetadata) -> None:
    page = f'<meta property="og:site_name" content="TIDAL"><meta property="og:title" content="{title}">'
    assert parse_tidal(page.encode(), HTML).metadata == metadata


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("P00H03M25S", 205), ("P01H00M00S", 3600), ("PT3M25S", 205), ("P00H03M25.6S", 206), ("3:25", None), ("P", None)],
)  # fmt: skip
def test_bandcamp_reads_its_own_durations(duration: str, seconds: int | None) -> None:
    page = recorded("bandcamp.html").replace(b"P00H03M25S", duration.encode())
    assert parse_bandcamp(page, HTML).metadata.duration_seconds == seconds


def test_bandcamp_reads_all_ways_to_write_json_ld() -> None:
    block = '<script type="application/ld+json">{}</script>'
    recording = (
        '{"@type":["MusicRecording","Product"],"name":"A","image":["https://i.example/a"],"byArtist":[]}'
    )
    for json in (recording, f"[7,{recording}]", f'{{"@graph":[{{"@type":"WebSite"}},{recording}]}}'):
        page = block.format("{broken") + block.format("[" * 100) + block.format(json)
        assert parse_bandcamp(page.encode(), HTML) == ProviderMetadata(
            TrackMetadata("A", None, "https://i.example/a")
        )
    with pytest.raises(ParseError):
        parse_bandcamp(block.format('{"@type":"MusicAlbum","name":"A"}').encode(), HTML)


def test_bandcamp_takes_no_alias_of_another_form() -> None:
    for value in (b'"2592000001"', b"-1", b"1.5", b"[]", b"99999999999999999999"):
        page = recorded("bandcamp.html").replace(b'"value":2592000001', b'"value":' + value)
        assert parse_bandcamp(page, HTML).aliases == ()
