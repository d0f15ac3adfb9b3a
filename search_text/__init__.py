"""Normalized text for search, and the patterns of search queries.

A service writes `normalize_text(name)` to a separate column beside the name, and searches that column with
`parse_query(query)`. Both are normalized in Python, so that neither the database's locale nor its Unicode version
changes the results. The database's LC_CTYPE must classify letters beyond ASCII, for pg_trgm and the text search
parser; `seda db init` checks it.
"""

from __future__ import annotations

import re
import unicodedata
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
# For str.translate: each ASCII character in lower case, dropped, or as a separator.
_ASCII = {
    number: letter.lower() if letter.isalnum() else " " if letter.isprintable() or letter.isspace() else None
    for number, letter in enumerate(map(chr, range(128)))
}


def normalize_text(text: str) -> str:
    """Remove case, accents, width, invisible characters and superfluous white space.

    `normalize_text("  Beyoncé ")` is `"beyonce"`, and the function is idempotent. The result may be up to 18 times
    as long as the text, which matters for an index with a length limit.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        # White space, including control characters such as tabs, stays for split below.
        text = "".join(each for each in text if each.isspace() or not _is_dropped(each))
        text = text.casefold()
        return " ".join(text.split())
    if not text.isprintable():
        text = "".join(each for each in text if each.isprintable() or each.isspace())
    return " ".join(text.lower().split())


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
    found = _words(text)
    return SearchQuery(
        text=text,
        prefix_pattern=f"{literal}%",
        substring_pattern=f"%{literal}%",
        tsquery=_tsquery(text, found),
        has_trigrams=any(len(word) >= _TRIGRAM for word in found),
    )


def words(text: str) -> list[str]:
    """The normalized words of a text: `words("Beyoncé: AC/DC!")` is `["beyonce", "ac", "dc"]`."""
    if text.isascii():
        # A fast path with the same result.
        return text.translate(_ASCII).split()
    return _words(normalize_text(text))


def _is_dropped(character: str) -> bool:
    return (
        unicodedata.combining(character) != 0
        or character in _VARIATION_SELECTORS
        or unicodedata.category(character) in _INVISIBLE
    )


def _words(text: str) -> list[str]:
    """The runs of letters, digits and marks, as pg_trgm splits them."""
    spaced = (each if each.isalnum() or unicodedata.category(each).startswith("M") else " " for each in text)
    return "".join(spaced).split()


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
    return "'" + _LEXEME.sub(r"\1\1", lexeme) + "'"
