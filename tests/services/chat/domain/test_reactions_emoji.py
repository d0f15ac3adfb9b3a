"""What a reaction may be."""

from __future__ import annotations

import unicodedata

import emoji
import pytest

from servicekit.errors import InvalidFieldsError
from services.chat.domain.reactions import check_emoji


@pytest.mark.parametrize(
    "text",
    ["👍", "👍🏽", "❤", "❤️", "1️⃣", "🇩🇪", "👩‍👩‍👧", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏳️‍🌈", ":vinyl:", ":+1:", ":a:", f":{'x' * 62}:"],
)
def test_one_emoji_or_a_name(text: str) -> None:
    check_emoji(text)


@pytest.mark.parametrize(
    "text",
    ["", "a", "1", "👍👍", "👍 ", "👍\n", "\U0001f1e9", "🐶‍🐶", "\u200d", "\ufe0f", "::", ":", ":A:", ":é:", ":a b:", ":a:\n", ":a", "a:",
     f":{'x' * 63}:", ":a::b:", "é"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidFieldsError):
        check_emoji(text)


def test_every_emoji_of_unicode_passes_as_it_is_stored() -> None:
    assert len(emoji.EMOJI_DATA) > 4_000
    for text in emoji.EMOJI_DATA:
        normal = unicodedata.normalize("NFC", text)
        check_emoji(normal)
        assert len(normal.encode()) <= 64
