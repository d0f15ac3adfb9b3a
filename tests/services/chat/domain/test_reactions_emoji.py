"""What a reaction may be."""

from __future__ import annotations

import unicodedata

import emoji
import pytest

from servicekit.errors import InvalidFieldsError
from services.chat.domain.reactions import canonical_emoji, require_emoji


@pytest.mark.parametrize(
    "text",
    ["👍", "👍🏽", "❤", "❤️", "1️⃣", "🇩🇪", "👩‍👩‍👧", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🏳️‍🌈", ":vinyl:", ":+1:", ":a:", f":{'x' * 62}:"],
)
def test_one_emoji_or_a_name(text: str) -> None:
    require_emoji(text)


@pytest.mark.parametrize(
    "text",
    ["", "a", "1", "👍👍", "👍 ", "👍\n", "\U0001f1e9", "🐶‍🐶", "\u200d", "\ufe0f", "::", ":", ":A:", ":é:", ":a b:", ":a:\n", ":a", "a:",
     f":{'x' * 63}:", ":a::b:", "é"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidFieldsError):
        require_emoji(text)


def test_every_emoji_of_unicode_has_one_spelling() -> None:
    """With, without and with another variation selector behind it; it fits the column and is in NFC."""
    assert len(emoji.EMOJI_DATA) > 4_000
    for text in emoji.EMOJI_DATA:
        canonical = require_emoji(unicodedata.normalize("NFC", text))
        assert emoji.EMOJI_DATA[canonical]["status"] <= emoji.STATUS["fully_qualified"]
        assert unicodedata.is_normalized("NFC", canonical)
        assert len(canonical.encode()) <= 64
        for spelled in (text.replace("\ufe0f", ""), f"{text}\ufe0f", f"{text}\ufe0e"):
            assert require_emoji(spelled) == canonical, ascii(spelled)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("\u26a1\ufe0f", "\u26a1"),
        ("\u2764", "\u2764\ufe0f"),
        (":vinyl:", ":vinyl:"),
        ("\ufe0f", "\ufe0f"),
        ("a", "a"),
    ],
)
def test_canonical_emoji(text: str, canonical: str) -> None:
    assert canonical_emoji(text) == canonical
