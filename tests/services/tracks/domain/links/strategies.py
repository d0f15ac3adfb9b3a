"""What people, and attackers, paste: texts for hypothesis to draw."""

from hypothesis import strategies as st

from services.tracks.domain.links.table import PROVIDERS

HOSTS = sorted(host for provider in PROVIDERS for host in provider.hosts | provider.short_hosts)

SPOTIFY_ID = "2qToAcex0ruZfbEbAy9OhW"
VIDEO_ID = "4eUqsUZBluA"

# Every path that some provider understands, so that the host alone decides.
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
]

# What makes one host look like another.
_GLUE = ["", ".", "-", "@", ":", "/", "\\", "%2e", "%40", "%00", "。", "．", "＠", "／", "\u00ad", "\u200b", "\u202e", "a", "ß"]  # fmt: skip  # noqa: RUF001 - lookalikes are the point
_STRANGERS = ["", "evil.example", "evil", "com", "www", "user:pass", "443", "80", "8443", "127.0.0.1", "[::1]", "xn--80ak6aa92e.com"]  # fmt: skip

_piece = st.one_of(st.sampled_from(HOSTS), st.sampled_from(_STRANGERS), st.text(max_size=8))


@st.composite
def authorities(draw: st.DrawFn) -> str:
    """Something that stands between `https://` and the path, more or less like a known host."""
    pieces = draw(st.lists(_piece, min_size=1, max_size=3))
    text = pieces[0]
    for piece in pieces[1:]:
        text += draw(st.sampled_from(_GLUE)) + piece
    return draw(st.sampled_from([text, text.upper(), text.title(), text + ".", text + ":443", text + ":0"]))


def links() -> st.SearchStrategy[str]:
    """Links to known and foreign hosts, in all their disguises."""
    scheme = st.sampled_from(
        ["https://", "http://", "HTTPS://", "//", "", "ftp://", "spotify:", "javascript:"]
    )
    tail = st.sampled_from(["", "?si=abc", "&utm_source=x", "/", "#lyrics", "%", ".", ")", "\u3002"])
    path = st.one_of(st.sampled_from(PATHS), st.text(max_size=30))
    return st.tuples(scheme, authorities(), path, tail).map("".join)


def share_texts() -> st.SearchStrategy[str]:
    """A link with words around it, as share sheets give it, and any other text."""
    words = st.sampled_from(
        ["", "Hör dir das an ", "曲を聴く:", "Listen (", "ftp://x?u=", "a://b ", "\u2068", "\n"]
    )
    return st.one_of(st.tuples(words, links(), words).map("".join), st.text(max_size=200))
