"""Normalization of untrusted text: its assumptions about Unicode, and runs of combining marks."""

from __future__ import annotations

import itertools
import sys
import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.text import (
    _FORBIDDEN,
    _NON_STARTERS,
    MAX_DECOMPOSITION,
    MAX_RUN,
    TextError,
    clean_text,
    has_long_run,
)


def characters() -> Iterator[str]:
    """All characters but surrogates."""
    return (chr(number) for number in range(sys.maxunicode + 1) if not 0xD800 <= number < 0xE000)


def test_non_starters_are_those_of_unicode() -> None:
    found = {
        character
        for character in characters()
        if unicodedata.combining(unicodedata.normalize("NFD", character)[0])
    }
    assert found == _NON_STARTERS


def test_no_character_decomposes_to_more() -> None:
    assert (
        max(len(unicodedata.normalize("NFD", character)) for character in characters()) == MAX_DECOMPOSITION
    )


@given(
    st.lists(st.integers(0, 2 * MAX_RUN + 3), max_size=6), st.sampled_from(["\u0301", "\u0f73", "\U0001d165"])
)
def test_long_run_is_found_at_every_position(lengths: list[int], mark: str) -> None:
    text = "".join(mark * length + "é" for length in lengths)
    assert has_long_run(text) == (max(lengths, default=0) > MAX_RUN)


@given(st.text(st.sampled_from(["a", "\u0301", "\u0327", "\u0f75"]), max_size=200))
def test_long_run_is_found_in_any_text(text: str) -> None:
    runs = [len(list(run)) for is_mark, run in itertools.groupby(text, _NON_STARTERS.__contains__) if is_mark]
    assert has_long_run(text) == (max(runs, default=0) > MAX_RUN)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Ada", "Ada"),
        ("  Ada\r\n\tLovelace\u2003", "Ada Lovelace"),
        ("\u00a0Jose\u0301 ", "José"),
        # Blank text stays, for the rule that refuses it.
        (" \n", " \n"),
        ("", ""),
        # An emoji sequence joined by zero-width joiners.
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_single_line(text: str, clean: str) -> None:
    assert clean_text(text, single_line=True) == clean


def test_forbidden_characters_are_not_printable() -> None:
    assert not any(character.isprintable() for character in characters() if _FORBIDDEN.match(character))


def test_error_does_not_repeat_the_text() -> None:
    with pytest.raises(TextError) as raised:
        clean_text("secret" + "\u0301" * 31)
    assert "secret" not in str(raised.value)
