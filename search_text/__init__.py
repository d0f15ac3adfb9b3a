"""Normalized text for search, and the patterns of search queries.

A service writes `normalize_text(name)` to a separate column beside the name, and searches that column with
`parse_query(query)`. Both are normalized in Python, so that neither the database's locale nor its Unicode version
changes the results. The database's LC_CTYPE must classify letters beyond ASCII, for pg_trgm and the text search
parser; `seda db init` checks it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

_TRIGRAM = 3
_LIKE = re.compile(r"([\\%_])")
_LEXEME = re.compile(r"(['\\])")
# Variation selectors: marks of combining class 0 that change only the shape of a letter. Others of class 0, such as
# Indic vowel signs, are letters and stay.
_VARIATION_SELECTORS = frozenset(
    map(chr, (0x034F, *range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Me"})
# The most bytes that a compatibility decomposition may have, as a multiple of the character's; that of U+FDFA has 11.
_MAX_EXPANSION = 2
_MAX_CACHED = 1 << 16
# The most bytes of a lexeme in a tsquery; to_tsvector leaves longer words out.
_MAX_LEXEME = 2046
_UTF8_BYTES = 4


class _CharacterMap(dict[int, str]):
    """For str.translate: results by code point, with a cache."""

    def __init__(self, function: Callable[[str], str]) -> None:
        self._function = function

    def __missing__(self, number: int) -> str:
        if len(self) >= _MAX_CACHED:
            self.clear()
        result = self[number] = self._function(chr(number))
        return result


def _normalized(character: str) -> str:
    decomposed = unicodedata.normalize("NFKD", character)
    # White space, including control characters such as tabs, stays for split.
    kept = "".join(each for each in decomposed if each.isspace() or not _is_dropped(each)).casefold()
    if len(kept) > _MAX_EXPANSION and len(kept.encode()) > _MAX_EXPANSION * len(character.encode()):
        # A canonical decomposition has no tag.
        return character.casefold() if unicodedata.decomposition(character).startswith("<") else kept
    return kept


def _separated(character: str) -> str:
    """The normalized character with spaces between words: in place of what is no letter, digit or mark."""
    return "".join(
        each if each.isalnum() or unicodedata.category(each).startswith("M") else " "
        for each in _normalized(character)
    )


def _is_dropped(character: str) -> bool:
    return (
        unicodedata.combining(character) != 0
        or character in _VARIATION_SELECTORS
        or unicodedata.category(character) in _INVISIBLE
    )


_NORMALIZED = _CharacterMap(_normalized)
_SEPARATED = _CharacterMap(_separated)


def normalize_text(text: str) -> str:
    """Remove case, accents, width, invisible characters and superfluous white space, in linear time.

    `normalize_text("  Beyoncé ")` is `"beyonce"`, and the function is idempotent. The result has at most twice as many
    bytes as the text: ligatures that would become longer, such as U+FDFA, keep their form. Only Korean becomes up to
    three times as long, because its syllables become letters.
    """
    return " ".join(text.translate(_NORMALIZED).split())


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query for a normalized column, in the forms that its indexes support.

    `text` is the normalized query. `prefix_pattern` and `substring_pattern` are LIKE patterns with backslash escapes.
    `tsquery` is for `to_tsvector('simple', column)`: whole words, the last one as a prefix. It ignores punctuation,
    so a statement that uses it must check `substring_pattern` as well. It is empty for a query without letters and
    digits.

    `has_trigrams`: the trigram index can find `substring_pattern`. Without three letters in a row the whole index
    would be scanned, so such queries use `prefix_pattern` and `tsquery`.
    """

    text: str
    prefix_pattern: str
    substring_pattern: str
    tsquery: str
    has_trigrams: bool


def parse_query(query: str) -> SearchQuery:
    r"""Parse a query; `%`, `_` and `\` are literal. Its text may be empty."""
    text = normalize_text(query)
    literal = _LIKE.sub(r"\\\1", text)
    found = text.translate(_SEPARATED).split()
    return SearchQuery(
        text=text,
        prefix_pattern=f"{literal}%",
        substring_pattern=f"%{literal}%",
        tsquery=_tsquery(text, found),
        has_trigrams=any(len(word) >= _TRIGRAM for word in found),
    )


def words(text: str) -> list[str]:
    """The normalized words of a text: `words("Beyoncé: AC/DC!")` is `["beyonce", "ac", "dc"]`.

    Together they have at most twice as many bytes as the text: Korean letters become syllables again.
    """
    return unicodedata.normalize("NFC", text.translate(_SEPARATED)).split()


def _tsquery(text: str, words: list[str]) -> str:
    if not words:
        return ""
    parts = [_quoted(word) for word in words]
    query = " & ".join(parts) + ":*"
    if words != [text] and " " not in text:
        # The text search parser keeps some words with punctuation whole, such as "m.i.a" and "ac/dc".
        query = f"{_quoted(text)}:* | ({query})"
    return query


def _quoted(lexeme: str) -> str:
    if len(lexeme) > _MAX_LEXEME // _UTF8_BYTES:
        lexeme = lexeme.encode()[:_MAX_LEXEME].decode(errors="ignore")
    return "'" + _LEXEME.sub(r"\1\1", lexeme) + "'"
