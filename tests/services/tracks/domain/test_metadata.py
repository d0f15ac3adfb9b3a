"""search_text of a track."""

import pytest

from search_text import normalize_text
from services.tracks.domain.metadata import search_text


@pytest.mark.parametrize(
    ("title", "artist", "text"),
    [
        ("Flim", "Aphex Twin", "flim aphex twin"),
        ("  Hyperballad ", "Björk", "hyperballad bjork"),
        (None, "U2", "u2"),
        ("Lemon", None, "lemon"),
        ("Lemon", "米津玄師", "lemon 米津玄師"),
        (None, None, None),
        ("\u200b", None, " "),
        ("\u200b", "\u0301", " "),
    ],
)
def test_search_text(title: str | None, artist: str | None, text: str | None) -> None:
    assert search_text(title, artist) == text


@pytest.mark.parametrize("character", ["a", "é", "字", "\U0001f3b5", "\ufdfa"])
def test_search_text_of_the_longest_fits_into_an_index_and_keeps_the_artist(character: str) -> None:
    text = search_text(character * 500, "Somebody")
    assert text is not None
    assert len(text.encode()) <= 2600
    assert text.endswith(" somebody")
    longest = search_text(character * 500, character * 500)
    assert longest is not None
    assert len(longest.encode()) <= 2600
    # Normalizing is idempotent.
    assert normalize_text(longest) == longest
