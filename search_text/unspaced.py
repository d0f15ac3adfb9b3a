"""Words of scripts that are written without spaces, for search by words: overlapping bigrams.

Nothing in `我家在上海东边` says where a word begins, so the text is indexed by each two characters in a row, and so is
the query; a query of one character finds the character. Korean has spaces, but its particles are joined to the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Blocks of scripts whose lines may break between any two letters or only by a dictionary: the line-breaking classes
# ID, CJ and SA, and of Hangul (UAX #14). Of the signs of CJK only those that are letters stand in words.
_BLOCKS = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1100, 0x11FF),  # Hangul letters
    (0x1780, 0x17FF),  # Khmer
    (0x1950, 0x19DF),  # Tai Le, New Tai Lue
    (0x1A20, 0x1AAF),  # Tai Tham
    (0x2E80, 0x2FDF),  # radicals
    (0x3005, 0x30FF),  # iteration marks, Hiragana, Katakana
    (0x3100, 0x31FF),  # Bopomofo, compatible Hangul letters, small Katakana
    (0x3400, 0x4DBF),  # Han
    (0x4E00, 0xA4CF),  # Han, Yi
    (0xA960, 0xA97F),  # Hangul letters
    (0xA9E0, 0xA9FF),  # Myanmar
    (0xAA60, 0xAADF),  # Myanmar, Tai Viet
    (0xAC00, 0xD7FF),  # Hangul
    (0xF900, 0xFAFF),  # Han
    (0x1AFF0, 0x1B16F),  # historic Kana
    (0x20000, 0x3FFFF),  # Han
)
_RANGES = "".join(f"{chr(first)}-{chr(last)}" for first, last in _BLOCKS)
_UNSPACED = re.compile(f"[{_RANGES}]")
_SEGMENTS = re.compile(f"[{_RANGES}]+|[^{_RANGES}]+")


def indexed_words(words: Sequence[str]) -> list[str]:
    """Return words to index: of each run its bigrams and its last character, at the end all other characters.

    The last character keeps a phrase from reaching into the next run.
    """
    terms: list[str] = []
    characters: dict[str, None] = {}
    for segment in _segments(words):
        if _UNSPACED.match(segment):
            terms += _bigrams(segment)
            terms.append(segment[-1])
            characters |= dict.fromkeys(segment[:-1])
        else:
            terms.append(segment)
    return [*terms, *characters]


def phrases(words: Sequence[str]) -> list[str]:
    """Return words to look for: the bigrams of each run as a phrase, or its one character."""
    return [
        " ".join(_bigrams(segment)) if len(segment) > 1 and _UNSPACED.match(segment) else segment
        for segment in _segments(words)
    ]


def starts_anywhere(word: str) -> bool:
    """Whether a word begins within a run, so that only its bigrams tell where."""
    return _UNSPACED.match(word) is not None


def _segments(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        yield from _SEGMENTS.findall(word)


def _bigrams(run: str) -> list[str]:
    return [run[place : place + 2] for place in range(len(run) - 1)]
