"""Text as search compares it, and queries as statements take them.

A slice stores `normalize_text(name)` in a column of its own when it writes the name, and looks for `parse_query(query)`
there. Both sides are folded here, in one process' version of Unicode, so that no locale of the database and
no version of its libraries ever decides what is found. The database's LC_CTYPE has to know letters beyond
ASCII, which `seda db init` checks: pg_trgm and the text search parser ask it what a letter is.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_TRIGRAM = 3
_LIKE = re.compile(r"([\\%_])")
_LEXEME = re.compile(r"(['\\])")
# Marks without a combining class say how the letter before them is drawn, never which one it is. Others of
# class 0 are the vowels of Indic scripts, which are letters to those who read them, and stay.
_VARIANTS = frozenset(
    map(chr, (0x034F, *range(0x180B, 0x180E), 0x180F, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Me"})
# What each character of ASCII is within a word: itself in small, nothing, or the end of the word.
_ASCII = {
    number: letter.lower() if letter.isalnum() else " " if letter.isprintable() or letter.isspace() else None
    for number, letter in enumerate(map(chr, range(128)))
}


def normalize_text(text: str) -> str:
    """The text without case, accents, width, invisible characters and superfluous white space.

    `normalize_text("  Beyoncé ")` is `"beyonce"`, and folding again changes nothing. The result may be up to 18 times
    as long as the text, which matters where an index bounds its length.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
        # What is white space is left to split below, control characters such as tabs among it.
        text = "".join(each for each in text if each.isspace() or not _is_dropped(each))
        text = text.casefold()
        return " ".join(text.split())
    if not text.isprintable():
        text = "".join(each for each in text if each.isprintable() or each.isspace())
    return " ".join(text.lower().split())


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What to look for in a folded column, in the forms that the indexes know.

    `text` is the folded query. `prefix_pattern` and `substring_pattern` are patterns for LIKE with its usual backslash.
    `tsquery` is a tsquery for `to_tsvector('simple', column)`: the start of a word, and whole words before it.
    It knows no punctuation, so that a statement that goes by it asks for `substring_pattern` as well. It is empty
    when the query has neither letter nor digit; then there are no words to be found.

    `has_trigrams` tells whether the trigram index can find `substring_pattern`. Without three letters in a row it
    would read all of itself, so such queries go by the start of the column and by `tsquery`.
    """

    text: str
    prefix_pattern: str
    substring_pattern: str
    tsquery: str
    has_trigrams: bool


def parse_query(query: str) -> SearchQuery:
    r"""The search query of a text; `%`, `_` and `\` stand for themselves. Its text may be empty."""
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
    """The words of a text, folded: `words("Beyoncé: AC/DC!")` is `["beyonce", "ac", "dc"]`."""
    if text.isascii():
        # The same in one pass, a tenth of the time.
        return text.translate(_ASCII).split()
    return _words(normalize_text(text))


def _is_dropped(character: str) -> bool:
    return (
        unicodedata.combining(character) != 0
        or character in _VARIANTS
        or unicodedata.category(character) in _UNSEEN
    )


def _words(text: str) -> list[str]:
    """The runs of letters, digits and marks, as pg_trgm cuts them."""
    spaced = (each if each.isalnum() or unicodedata.category(each).startswith("M") else " " for each in text)
    return "".join(spaced).split()


def _tsquery(text: str, words: list[str]) -> str:
    if not words:
        return ""
    parts = [_quoted(word) for word in words]
    query = " & ".join(parts) + ":*"
    if words != [text] and " " not in text:
        # The parser keeps some words with punctuation whole, such as "m.i.a" and "ac/dc".
        query = f"{_quoted(text)}:* | ({query})"
    return query


def _quoted(lexeme: str) -> str:
    return "'" + _LEXEME.sub(r"\1\1", lexeme) + "'"
