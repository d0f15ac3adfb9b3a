"""Bodies, charsets, and cache headers."""

from __future__ import annotations

import gzip
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
            '<meta http-equiv=x content="a; charset=koi8-r">\u043c'.encode("koi8-r"),
            "text/html; charset=odd",
            None,
        ),
        ("<meta charset=utf-16>h\u00e9".encode(), "text/html", "<meta charset=utf-16>h\u00e9"),
        (b"a\xff", "application/json", "a\ufffd"),
        (b"a", "text/plain; charset=rot13", "a"),
        (b"x\x9c", "text/plain; charset=zip", "x\ufffd"),
    ],
)
def test_texts_are_decoded(content: bytes, content_type: str, text: str | None) -> None:
    found = decode(content, content_type)
    assert found == text if text is not None else found.endswith("\u043c")


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
        assert not body.complete
        body.add(packed[start : start + pieces])
    assert body.complete
    assert body.content() == text


def test_an_empty_gzip_body_is_empty() -> None:
    assert BodyReader("gzip").content() == b""
    with pytest.raises(BrokenEncodingError):
        BodyReader("br")


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
