"""Page sizes and page tokens."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import PageTokenMismatchError
from servicekit.ids import new_id
from servicekit.pagination import (
    SEARCH_SIZE,
    decode_cursor,
    decode_id,
    decode_token,
    encode_token,
    fingerprint,
    page_size,
    paginate,
)

_LISTING = fingerprint("ListThings", "caller", "filter")
_INT64 = st.integers(-(1 << 63), (1 << 63) - 1)


@pytest.mark.parametrize(("asked", "used"), [(0, 50), (1, 1), (100, 100), (101, 100), ((1 << 31) - 1, 100)])
def test_page_size_is_clamped(asked: int, used: int) -> None:
    assert page_size(asked) == used
    assert page_size(asked, SEARCH_SIZE) == (used if asked else 20)


def test_a_cursor_is_made_of_the_parts_of_its_token() -> None:
    token = encode_token(_LISTING, [7], ["seven"])
    assert decode_cursor(token, _LISTING, lambda numbers, texts: (*numbers, *texts)) == (7, "seven")
    for binding, cursor in ((_LISTING, lambda *_: int("no number")), (_LISTING + 1, lambda *_: None)):
        with pytest.raises(PageTokenMismatchError):
            decode_cursor(token, binding, cursor)


@pytest.mark.parametrize(
    ("found", "page"), [("", ("", "")), ("a", ("a", "")), ("ab", ("ab", "")), ("abc", ("ab", "b!"))]
)
def test_a_page_goes_on_after_its_last_row_where_more_was_found(found: str, page: tuple[str, str]) -> None:
    shown, token = paginate(found, 2, lambda last: f"{last}!")
    assert ("".join(shown), token) == page


@pytest.mark.parametrize("texts", [(), ("no id",), (str(new_id()), str(new_id()))])
def test_only_id_refuses_what_is_not_one_id(texts: tuple[str, ...]) -> None:
    with pytest.raises(PageTokenMismatchError):
        decode_id(texts)


@given(st.lists(_INT64, max_size=5), st.lists(st.text(st.characters(codec="utf-8")), max_size=5))
def test_token_brings_back_its_place(numbers: list[int], texts: list[str]) -> None:
    token = encode_token(_LISTING, numbers, texts)
    assert token.isascii()
    assert not set(token) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    decoded = decode_token(token, _LISTING)
    assert (list(decoded.numbers), list(decoded.texts)) == (numbers, texts)


@pytest.mark.parametrize(
    "other",
    [
        ("ListOthers", "caller", "filter"),
        ("ListThings", "another", "filter"),
        ("ListThings", "caller", "other"),
        ("ListThings", "caller"),
        ("ListThings", "caller", "filter", None),
        ("ListThings", "caller', 'filter"),
    ],
)
def test_token_of_another_listing_is_refused(other: tuple[str, ...]) -> None:
    token = encode_token(fingerprint(*other), [1])
    with pytest.raises(PageTokenMismatchError) as raised:
        decode_token(token, _LISTING)
    assert [violation.field for violation in raised.value.violations] == ["page_token"]


@pytest.mark.parametrize("token", ["", "a", "ab", "!!!!", "é", "a b", "=", "AAAA=AAA", "\ud800", "x" * 5000])
def test_broken_token_is_refused(token: str) -> None:
    with pytest.raises(PageTokenMismatchError):
        decode_token(token, _LISTING)


def test_damaged_tokens_never_get_through_as_another_error() -> None:
    seeded = random.Random(1)
    good = encode_token(_LISTING, [1, -5, 1 << 62], ["a", "é"])
    refused = 0
    for _ in range(3000):
        data = bytearray(base64.urlsafe_b64decode(good + "=" * (-len(good) % 4)))
        data[seeded.randrange(len(data))] ^= 1 << seeded.randrange(8)
        token = base64.urlsafe_b64encode(bytes(data)).decode()
        try:
            decode_token(token, _LISTING)
        except PageTokenMismatchError:
            refused += 1
    assert refused > 1000


def test_fingerprint_is_64_bits_and_always_the_same() -> None:
    assert 0 <= _LISTING < 1 << 64
    assert fingerprint("ListThings", "caller", "filter") == _LISTING
