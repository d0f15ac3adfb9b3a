"""Bodies, charsets, and cache headers."""

from __future__ import annotations

import gzip
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webencodings.labels import LABELS

from servicekit.clock import Micros
from services.tracks.domain.web import content_type, http_caching
from services.tracks.domain.web.charset import decode
from services.tracks.domain.web.content_type import BodyReader, BodyTooLargeError, BrokenEncodingError

NOW = Micros(1_795_000_000_000_000)


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        ("h\u00e9".encode(), "text/html", "h\u00e9"),
        ("h\u00e9".encode("latin-1"), "text/html; charset=ISO-8859-1", "h\u00e9"),
        (b"\x80", "text/html; charset=iso-8859-1", "\u20ac"),
        ("\u97f3\u697d".encode("shift_jis"), 'text/html;charset="Shift_JIS"', "\u97f3\u697d"),
        ("\u97f3\u697d".encode("gb18030"), "text/plain; charset=GB2312", "\u97f3\u697d"),
        ("\u043c\u0438\u0440".encode("koi8-r"), "text/plain; x=y; charset=koi8-r", "\u043c\u0438\u0440"),
        ("\ufeffhi".encode(), "text/html; charset=iso-8859-1", "hi"),
        ("hi".encode("utf-16"), "text/html", "hi"),
        (
            "<meta charset=windows-1251>\u043c".encode("cp1251"),
            "text/html",
            "<meta charset=windows-1251>\u043c",
        ),
        (
            '<meta http-equiv=Content-Type content="a; charset=koi8-r">\u043c'.encode("koi8-r"),
            "text/html; charset=odd",
            None,
        ),
        ("<meta charset=utf-16>h\u00e9".encode(), "text/html", "<meta charset=utf-16>h\u00e9"),
        (b"a\xff", "application/json", "a\ufffd"),
        (b"a", "text/plain; charset=rot13", "a"),
        (b"x\x9c", "text/plain; charset=zip", "x\u0153"),
        (b"x\x9c", "text/html", "x\u0153"),
        (b"\x81", "text/html; charset=latin1", "\x81"),
        (b"\xad\xd1\xa1\xc1", "text/html; charset=euc-jp", "\u339d\uff5e"),
        (b"\x8e\xb1\x8f\xb0\xa1\xff", "text/html; charset=x-euc-jp", "\uff71\u4e02\ufffd"),
        (b"a\x1b$B-!2;\x1b(I1\x1b(Bz", "text/html; charset=iso-2022-jp", "a\u2460\u97f3\uff71z"),
        ("\u043c".encode("cp1251"), "text/html, text/html; charset=cp1251", "\u043c"),
        (
            b'<?xml version="1.0" encoding="koi8-r"?>\xcd',
            "text/html",
            '<?xml version="1.0" encoding="koi8-r"?>\u043c',
        ),
        (b" " * 4000 + b"<meta charset=koi8-r>\xcd", "text/html", None),
        (b"<meta charset=odd><meta charset=koi8-r>\xcd", "text/html", None),
        (b"<!-- <meta charset=utf-8> --><meta charset=koi8-r>\xcd", "text/html", None),
        (b'<meta name=description content="charset=utf-8"><meta charset=koi8-r>\xcd', "text/html", None),
        (b"<meta name='a>b' charset='koi8-r'>\xcd", "text/html", None),
    ],
)
def test_texts_are_decoded(content: bytes, content_type: str, text: str | None) -> None:
    found = decode(content, content_type)
    assert found == text if text is not None else found.endswith("\u043c")


@pytest.mark.parametrize("label", sorted(LABELS))
def test_every_label_of_the_standard_is_known(label: str) -> None:
    """Of the header and of a meta tag; what is no charset of texts is as good as none."""
    name = LABELS[label]
    utf16, no_text = name.startswith("utf-16"), name in {"replacement", "x-user-defined"}
    text = decode(b"\xc3\xa4<p>", f"text/html; charset={label}")
    assert (text == "\u00e4<p>") == (name == "utf-8" or no_text)
    meta = f"<meta charset={label}>".encode()
    assert (decode(meta + b"\xc3\xa4", "text/html").endswith(">\u00e4")) == (
        name == "utf-8" or no_text or utf16
    )


@given(st.binary(max_size=300), st.sampled_from(sorted(LABELS)))
def test_no_body_raises_in_any_charset(content: bytes, label: str) -> None:
    decode(content, f"text/html; charset={label}").encode()


def test_no_start_of_a_page_takes_long() -> None:
    began = time.process_time()
    for piece in (b"<!--", b"<meta ", b"<meta a='", b"<meta a=\"'", b"<?xml encoding=", b"charset=", b" "):
        decode(piece * 1_000, "text/html")
    assert time.process_time() - began < 1


@given(st.binary(max_size=300), st.text(max_size=50))
def test_no_body_and_no_type_raises(content: bytes, content_type: str) -> None:
    text = decode(content, f"text/html; charset={content_type}")
    text.encode()


def test_body_is_limited() -> None:
    exact = BodyReader("")
    for _ in range(16):
        exact.add(b"x" * 65_536)
    assert len(exact.content()) == content_type.MAX_BODY
    with pytest.raises(BodyTooLargeError):
        exact.add(b"x")


def test_decompression_bomb_is_refused() -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))
    body = BodyReader("gzip")
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLargeError):
            body.add(bomb)
        assert tracemalloc.get_traced_memory()[1] < 4 * content_type.MAX_BODY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_gzip_in_any_chunks(pieces: int) -> None:
    text = bytes(range(256)) * 100
    packed = gzip.compress(text)
    body = BodyReader("x-gzip")
    for start in range(0, len(packed), pieces):
        body.add(packed[start : start + pieces])
    assert body.content() == text


@pytest.mark.parametrize("pieces", [1, 7, 1000])
@pytest.mark.parametrize("behind", [b"", b"\0" * 20])
def test_all_members_of_gzip_are_read(pieces: int, behind: bytes) -> None:
    packed = gzip.compress(b"first ") + gzip.compress(b"") + gzip.compress(b"second") + behind
    body = BodyReader("gzip")
    for start in range(0, len(packed), pieces):
        body.add(packed[start : start + pieces])
    assert body.content() == b"first second"


def test_members_of_gzip_are_limited_together() -> None:
    body = BodyReader("gzip")
    half = gzip.compress(b"\0" * (content_type.MAX_BODY // 2))
    body.add(half + half)
    with pytest.raises(BodyTooLargeError):
        body.add(gzip.compress(b"x"))


def test_too_many_members_of_gzip_are_refused() -> None:
    with pytest.raises(BrokenEncodingError):
        BodyReader("gzip").add(gzip.compress(b"") * 65)


@pytest.mark.parametrize("encoding", ["", "identity", "none", "utf-8", "foo"])
def test_a_coding_that_is_none_leaves_the_body_plain(encoding: str) -> None:
    body = BodyReader(encoding)
    body.add(b"plain")
    assert body.content() == b"plain"


def test_an_empty_gzip_body_is_empty() -> None:
    assert BodyReader("gzip").content() == b""
    for encoding in ("br", "deflate", "zstd", "gzip, br"):
        with pytest.raises(BrokenEncodingError):
            BodyReader(encoding)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 7 ", 7),
        ("9" * 50, 9_999_999_999),
        ("Wed, 18 Nov 2026 11:06:50 GMT", 10),
        ("Wed, 18 Nov 2026 11:06:50", 10),
        ("Wed, 18 Nov 2020 11:06:40 GMT", 0),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("Wed, 99 Nov 2026 11:06:50 GMT", None),
        ("\u0661", None),
    ],
)
def test_retry_after_is_read(value: str, seconds: float | None) -> None:
    assert http_caching.retry_after(value, NOW) == (None if seconds is None else pytest.approx(seconds))


@given(st.text(max_size=60))
def test_no_header_raises(value: str) -> None:
    http_caching.retry_after(value, NOW)
    http_caching.max_age(value)
    content_type.storable_type(value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("max-age=60", 60),
        ("public, Max-Age=60", 60),
        ('no-cache,max-age="5"', 5),
        ("s-maxage=9", None),
        ("x-max-age=9", None),
        ("", None),
    ],
)
def test_max_age_is_read(value: str, seconds: float | None) -> None:
    assert http_caching.max_age(value) == seconds


def test_storable_type_is_short_and_printable() -> None:
    assert content_type.storable_type("text/html\x00; x") == "text/html"
    assert len(content_type.storable_type("text/" + "x" * 500)) == 255
