"""Folding of text, and queries as LIKE, the trigram index and the text search take them."""

from __future__ import annotations

import sys

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_text import SearchQuery, _words, normalize_text, parse_query, words
from tests.postgres import Database, administrator


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Beyoncé", "beyonce"),
        ("Beyonce\u0301", "beyonce"),
        ("  Sigur \t Rós\u00a0", "sigur ros"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
        ("Σίσυφος", "σισυφοσ"),
        ("Мумий Тролль", "мумии тролль"),
        ("米津玄師", "米津玄師"),
        ("ＡＢＣ①", "abc1"),
        ("ﬁn", "fin"),
        ("ガガ", "カカ"),
        ("हिन्दी", "हिनदी"),
        ("a\u200db\u00adc\ufeff", "abc"),
        ("❤\ufe0f", "❤"),
        ("a\x00b\x02c\x7f", "abc"),
        ("é\x00\ud800", "e"),
        ("100% _\\'", "100% _\\'"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert normalize_text(text) == folded


def test_fold_of_every_character_is_final_and_at_most_18_times_as_long() -> None:
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        folded = normalize_text(character)
        assert normalize_text(folded) == folded, hex(number)
        assert len(folded) <= 18, hex(number)


@given(st.text())
def test_fold_twice_is_fold_once(text: str) -> None:
    assert normalize_text(normalize_text(text)) == normalize_text(text)
    assert normalize_text(text) == normalize_text(text.upper()) or text.upper().lower() != text.lower()


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_fold_of_ascii_does_what_the_long_way_does(text: str) -> None:
    assert normalize_text(text) == normalize_text(f"{text} \u0301")


@given(st.text(st.characters(max_codepoint=127)))
def test_words_of_ascii_are_those_of_the_long_way(text: str) -> None:
    assert words(text) == _words(normalize_text(text))


def test_words_of_every_character_of_ascii() -> None:
    for character in map(chr, range(128)):
        text = f"a{character}B"
        assert words(text) == _words(normalize_text(text)), ascii(character)
    assert words("AC/DC\x00: m.i.a\tx_y") == ["ac", "dc", "m", "i", "a", "x", "y"]


@pytest.mark.parametrize(
    ("query", "starts", "words", "has_trigrams"),
    [
        ("U2", "u2%", "'u2':*", False),
        ("米津", "米津%", "'米津':*", False),
        ("Rós", "ros%", "'ros':*", True),
        ("100%", "100\\%%", "'100%':* | ('100':*)", True),
        ("a_b\\", "a\\_b\\\\%", "'a_b\\\\':* | ('a' & 'b':*)", False),
        ("it's", "it's%", "'it''s':* | ('it' & 's':*)", False),
        ("u 2", "u 2%", "'u' & '2':*", False),
        ("!!!", "!!!%", "", False),
        (" ", "%", "", False),
        ("हिन्दी", "हिनदी%", "'हिनदी':*", True),
    ],
)
def test_needle(query: str, starts: str, words: str, has_trigrams: bool) -> None:
    found = parse_query(query)
    assert found == SearchQuery(found.text, starts, f"%{starts}", words, has_trigrams)


async def _matches(connection: asyncpg.Connection, text: str, found: SearchQuery) -> tuple[bool, bool, bool]:
    """Whether a folded text starts with the query, contains it, contains it from the start of a word on."""
    row = await connection.fetchrow(
        """
        SELECT $1::text LIKE $2, $1 LIKE $3,
               CASE WHEN $4 <> '' THEN $1 LIKE $3 AND to_tsvector('simple', $1) @@ $4::text::tsquery ELSE false END
        """,
        normalize_text(text),
        found.prefix_pattern,
        found.substring_pattern,
        found.tsquery,
    )
    assert row is not None
    return row[0], row[1], row[2]


@pytest.mark.parametrize(
    ("text", "query", "matches"),
    [
        ("U2", "u2", (True, True, True)),
        ("Best of U2", "U2", (False, True, True)),
        ("Best of UB40", "U2", (False, False, False)),
        ("米津玄師", "米津", (True, True, True)),
        ("Lemon 米津玄師", "米津", (False, True, True)),
        ("방탄소년단", "방탄", (True, True, True)),
        ("100% pure", "0%", (False, True, False)),
        ("100 pure", "0%", (False, False, False)),
        ("a_b", "a_", (True, True, True)),
        ("axb", "a_", (False, False, False)),
        ("back\\slash", "k\\s", (False, True, False)),
        ("m.i.a live", "M.I", (True, True, True)),
        ("it's", "T'S", (False, True, False)),
    ],
)
async def test_needles_find_what_they_mean(
    database: Database, text: str, query: str, matches: tuple[bool, bool, bool]
) -> None:
    async with administrator(database.server, database.name) as connection:
        assert await _matches(connection, text, parse_query(query)) == matches


async def test_no_query_is_an_error_to_postgres(database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        for number in range(1, 0x3000):
            for query in (chr(number), f"a{chr(number)}", f"{chr(number)}b"):
                found = parse_query(query)
                starts, contains, _ = await _matches(connection, query, found)
                assert starts, query
                assert contains, query
