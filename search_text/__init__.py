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

from search_text.unspaced import indexed_words, phrases, starts_anywhere

__all__ = ["SearchQuery", "index_terms", "normalize_text", "parse_query", "query_phrases", "words"]

VERSION = 2
"""The form of the results. Raise it with every change of them: backfills then visit what earlier builds stored."""
_TRIGRAM = 3
_LIKE = re.compile(r"([\\%_])")
_LEXEME = re.compile(r"(['\\])")
# The tatweel, which stretches an Arabic word, and variation selectors: marks of combining class 0 that change only the
# shape of a letter. Others of class 0, such as Indic vowel signs, are letters and stay.
_SHAPES = frozenset(
    map(
        chr,
        (0x034F, 0x0640, *range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)),
    )
)
# The letters of Latin-1 and Latin Extended-A that no decomposition leads to ASCII, and the apostrophes of keyboards and
# names, each as in the transform Latin-ASCII of Unicode's CLDR.
_LETTERS = str.maketrans(
    {
        "æ": "ae",
        "ð": "d",
        "ø": "o",
        "þ": "th",
        "đ": "d",
        "ħ": "h",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
        "ĸ": "q",
        "ł": "l",
        "ŋ": "n",
        "œ": "oe",
        "ŧ": "t",
        "\N{MODIFIER LETTER TURNED COMMA}": "'",
        "\N{MODIFIER LETTER APOSTROPHE}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    }
)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Me"})
# The most bytes that a compatibility decomposition may have, as a multiple of the character's; that of U+FDFA has 11.
_MAX_EXPANSION = 2
_MAX_CACHED = 1 << 16
# The most bytes of a lexeme in a tsquery; to_tsvector leaves longer words out.
_MAX_LEXEME = 2046
_UTF8_BYTES = 4
MAX_INDEX_EXPANSION = 8
"""The bytes of the index terms of a text, as a multiple of its own: eleven thirds of its words'."""


class CharacterMap(dict[int, str]):
    """For str.translate: the results of a function of one character, cached by code point."""

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
    kept = "".join(each for each in decomposed if each.isspace() or not _is_dropped(each))
    kept = kept.casefold().translate(_LETTERS)
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
        or character in _SHAPES
        or unicodedata.category(character) in _INVISIBLE
    )


_NORMALIZED = CharacterMap(_normalized)
_SEPARATED = CharacterMap(_separated)


def normalize_text(text: str) -> str:
    """Remove case, accents, width, invisible characters and superfluous white space, in linear time.

    `normalize_text("  Beyoncé ")` is `"beyonce"`, and the function is idempotent. Letters that users type as others
    become these (`docs/decisions/0025-search-letters.md`): `ł` is `l`, `æ` is `ae`. The result has at most twice as many
    bytes as the text: ligatures that would become longer, such as U+FDFA, keep their form. Only Korean becomes up to
    three times as long, because its syllables become letters.
    """
    return " ".join(text.translate(_NORMALIZED).split())


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query for a normalized column, in the forms that its indexes support.

    `text` is the normalized query. `prefix_pattern` and `substring_pattern` are LIKE patterns with backslash escapes.
    `tsquery` is for `to_tsvector('simple', column)`, where the column's runs of unspaced scripts are also split into
    bigrams: whole words, as a prefix the last one and those in which such a script begins. It ignores punctuation, so a
    statement that uses it must check `substring_pattern` as well. It is empty for a query without letters and digits.

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


def index_terms(text: str) -> list[str]:
    """The words of a text, and in place of runs of unspaced scripts their bigrams and characters; see query_phrases.

    Separated by spaces they have at most `MAX_INDEX_EXPANSION` times as many bytes as the text.
    """
    found = words(text)
    # The scripts of most messages have no such runs.
    return found if text.isascii() else indexed_words(found)


def query_phrases(query: str) -> list[str]:
    """The phrases of a query, each of one or more terms separated by spaces.

    A text contains a phrase when its `index_terms` do, side by side: `"上海 海东"` stands for `上海东`.
    """
    return phrases(words(query))


def _tsquery(text: str, words: list[str]) -> str:
    if not words:
        return ""
    parts = [_quoted(word) + (":*" if starts_anywhere(word) else "") for word in words[:-1]]
    query = " & ".join([*parts, f"{_quoted(words[-1])}:*"])
    if words != [text] and " " not in text:
        # The text search parser keeps some words with punctuation whole, such as "m.i.a" and "ac/dc".
        query = f"{_quoted(text)}:* | ({query})"
    return query


def _quoted(lexeme: str) -> str:
    if len(lexeme) > _MAX_LEXEME // _UTF8_BYTES:
        lexeme = lexeme.encode()[:_MAX_LEXEME].decode(errors="ignore")
    return "'" + _LEXEME.sub(r"\1\1", lexeme) + "'"
