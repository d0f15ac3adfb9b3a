"""Hypothesis strategies for pasted texts, adversarial ones included."""

import re

from hypothesis import strategies as st

from services.tracks.domain.links.registry import PROVIDERS

HOSTS = sorted(host for provider in PROVIDERS for host in provider.hosts | provider.short_hosts)
_ARTIST_HOST = re.compile(r"[0-9a-z][0-9a-z-]*\.bandcamp\.com")

SPOTIFY_ID = "2qToAcex0ruZfbEbAy9OhW"
VIDEO_ID = "4eUqsUZBluA"

# Paths of every provider, so that the host alone decides.
PATHS = [
    f"/track/{SPOTIFY_ID}",
    f"/embed/track/{SPOTIFY_ID}",
    f"/intl-de/album/{SPOTIFY_ID}",
    f"/?uri=spotify:track:{SPOTIFY_ID}",
    f"/watch?v={VIDEO_ID}",
    f"/#/watch?v={VIDEO_ID}",
    f"/shorts/{VIDEO_ID}",
    f"/{VIDEO_ID}",
    "/playlist?list=PLkHWBeudCLJCjB41Yt1iiain82Lp1zQOB",
    "/us/album/x/1435928305?i=1435928320",
    "/us/song/id1435928320",
    "/music-video/1435928320",
    "/forss/flickermood",
    "/forss/sets/soulhack",
    "/forss/flickermood/s-AbCdE",
    "/tracks/293",
    "/player/?url=https%3A//soundcloud.com/forss/flickermood",
    "/player/?url=https://evil.example/forss/flickermood",
    "/track/Boom-Box",
    "/album/boom-box",
    "/EmbeddedPlayer/album=1/track=2/",
    "/browse/album/1/track/73579059/u",
    "/#!/track/73579059",
    "/en/track/3135556",
    "/AbC1",
]


def is_known(host: str) -> bool:
    """Return True if a host, in lower case without a trailing dot, is a provider's."""
    return host in HOSTS or _ARTIST_HOST.fullmatch(host) is not None


# Parts that make one host resemble another.
_GLUE = ["", ".", "-", "@", ":", "/", "\\", "%2e", "%40", "%00", "。", "．", "＠", "／", "\u00ad", "\u200b", "\u202e", "a", "ß"]  # fmt: skip  # noqa: RUF001 - lookalikes are the point
_STRANGERS = ["", "evil.example", "evil", "com", "www", "user:pass", "443", "80", "8443", "127.0.0.1", "[::1]", "xn--80ak6aa92e.com"]  # fmt: skip

_ENCODINGS = ["%{:02x}", "%{:02X}", "%25{:02x}", "%%{:02x}", "%u{:04x}", "%c0%{:02x}"]

_piece = st.one_of(
    st.sampled_from([*HOSTS, "ada.bandcamp.com"]), st.sampled_from(_STRANGERS), st.text(max_size=8)
)


@st.composite
def authorities(draw: st.DrawFn) -> str:
    """An authority that resembles a known host."""
    pieces = draw(st.lists(_piece, min_size=1, max_size=3))
    text = pieces[0]
    for piece in pieces[1:]:
        text += draw(st.sampled_from(_GLUE)) + piece
    return draw(st.sampled_from([text, text.upper(), text.title(), text + ".", text + ":443", text + ":0"]))


@st.composite
def encoded(draw: st.DrawFn, path: str) -> str:
    """A path with some of its characters percent-encoded: once, twice, or wrongly."""
    pieces = list(path)
    for place in draw(st.lists(st.integers(0, len(path) - 1), max_size=4)):
        pieces[place] = draw(st.sampled_from(_ENCODINGS)).format(ord(path[place]))
    return "".join(pieces)


def links() -> st.SearchStrategy[str]:
    """Links to known and unknown hosts, in many spellings."""
    scheme = st.sampled_from(
        ["https://", "http://", "HTTPS://", "//", "", "ftp://", "spotify:", "javascript:"]
    )
    tail = st.sampled_from(["", "?si=abc", "&utm_source=x", "/", "#lyrics", "%", ".", ")", "\u3002"])
    path = st.one_of(st.sampled_from(PATHS), st.sampled_from(PATHS).flatmap(encoded), st.text(max_size=30))
    return st.tuples(scheme, authorities(), path, tail).map("".join)


def share_texts() -> st.SearchStrategy[str]:
    """A link with surrounding words, or any other text."""
    words = st.sampled_from(
        ["", "Hör dir das an ", "曲を聴く:", "Listen (", "ftp://x?u=", "a://b ", "\u2068", "\n"]
    )
    return st.one_of(st.tuples(words, links(), words).map("".join), st.text(max_size=200))
