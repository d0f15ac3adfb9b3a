"""Folding of text, and queries as LIKE, the trigram index and the text search take them."""

from __future__ import annotations

import sys
import time
import unicodedata

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search_text import (
    _NORMALIZED,
    MAX_INDEX_EXPANSION,
    SearchQuery,
    index_terms,
    normalize_text,
    parse_query,
    query_phrases,
    words,
)
from search_text.unspaced import indexed_words
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
        ("½ \ufdfa ㌀", "½ \ufdfa ㌀"),
        ("Æ Ð Ø Þ Đ Ħ \u0131 ĸ Ł Ŋ Œ Ŧ", "ae d o th d h i q l n oe t"),
        ("Łódź Ǿ Ǽ", "lodz o ae"),
        ("محـمـد", "محمد"),
        ("\u02bbOkina\u02bc \u2018don\u2019t\u2019 \u0149", "'okina' 'don't' 'n"),
        ("", ""),
    ],
)
def test_fold(text: str, folded: str) -> None:
    assert normalize_text(text) == folded


def _size(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def test_fold_of_every_character_is_final_and_at_most_twice_as_long() -> None:
    for number in range(sys.maxunicode + 1):
        character = chr(number)
        if unicodedata.category(character) in {"Cn", "Co"}:
            # Unassigned or of private use: without a decomposition.
            continue
        folded = normalize_text(character)
        assert normalize_text(folded) == folded, hex(number)
        # A Hangul syllable becomes letters; one vowel sign of Kannada has three parts.
        is_syllable = 0xAC00 <= number < 0xD7A4 or number == 0x0CCB
        assert _size(folded) <= (3 if is_syllable else 2) * _size(character), hex(number)
        assert _size(" ".join(words(character))) <= 2 * _size(character), hex(number)
        for text in (character, character * 9):
            assert _size(" ".join(index_terms(text))) <= MAX_INDEX_EXPANSION * _size(text), hex(number)


@given(st.text())
def test_words_are_at_most_twice_as_long_and_the_same_in_every_form(text: str) -> None:
    found = words(text)
    assert _size(" ".join(found)) <= 2 * _size(text)
    assert words(" ".join(found)) == found
    assert words(unicodedata.normalize("NFC", text)) == words(unicodedata.normalize("NFD", text))


@pytest.mark.parametrize(
    "piece", ["上海東", "\ufdfa", "\u2057", "\u0301\u0327", "\u0f73", "\uff9e", "한국", "㌀", "\U0001f3b5"]
)
def test_long_text_is_folded_in_linear_time(piece: str) -> None:
    text = piece * (250_000 // len(piece))
    started = time.process_time()
    index_terms(text)
    query_phrases(text)
    parse_query(text)
    # 12,000 marks alone would take as long in NFKD.
    assert time.process_time() - started < 0.5


def test_character_cache_is_bounded() -> None:
    for first in range(0x10000, 0x30000, 0x1000):
        normalize_text("".join(map(chr, range(first, first + 0x1000))))
        assert len(_NORMALIZED) <= 1 << 16


@given(st.text())
def test_fold_twice_is_fold_once(text: str) -> None:
    assert normalize_text(normalize_text(text)) == normalize_text(text)
    assert normalize_text(text) == normalize_text(text.upper()) or text.upper().lower() != text.lower()


@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)))
def test_fold_of_ascii_does_what_the_long_way_does(text: str) -> None:
    assert normalize_text(text) == normalize_text(f"{text} \u0301")


@given(st.text())
def test_words_are_the_runs_of_letters_digits_and_marks(text: str) -> None:
    folded = unicodedata.normalize("NFC", normalize_text(text))
    spaced = (each if each.isalnum() or unicodedata.category(each)[0] == "M" else " " for each in folded)
    assert words(text) == "".join(spaced).split()


def test_words() -> None:
    assert words("AC/DC\x00: m.i.a\tx_y") == ["ac", "dc", "m", "i", "a", "x", "y"]
    assert words("방탄소년단, ½ \ufdfa") == ["방탄소년단", "½", "\ufdfa"]


def test_index_terms_are_bigrams_and_characters_of_unspaced_scripts() -> None:
    assert index_terms("Go to 上海东 now!") == ["go", "to", "上海", "海东", "东", "now", "上", "海"]
    assert index_terms("iPhone手机2個") == ["iphone", "手机", "机", "2", "個", "手"]
    assert index_terms("海。海海") == ["海", "海海", "海", "海"]
    assert index_terms("방탄") == ["방탄", "탄", "방"]
    assert query_phrases("上海东 x iPhone手 방탄 边。") == ["上海 海东", "x", "iphone", "手", "방탄", "边"]


_TEXTS = st.text(st.sampled_from("上海东ab1 。กิ한글か\u304b\u3099\U00020000é"))


@given(_TEXTS, _TEXTS, _TEXTS)
def test_every_part_of_a_run_of_an_unspaced_script_is_found(before: str, part: str, after: str) -> None:
    text = f"{before}上{part}海{after}"
    indexed = f" {' '.join(index_terms(text))} "
    assert all(f" {phrase} " in indexed for phrase in query_phrases(f"上{part}海"))
    assert _size(indexed) - 2 <= MAX_INDEX_EXPANSION * _size(text)


@given(st.text("上海东", min_size=2, max_size=6), st.text("上海东", max_size=9))
def test_what_is_found_in_a_run_is_in_it(query: str, text: str) -> None:
    (phrase,) = query_phrases(query)
    assert (f" {phrase} " in f" {' '.join(index_terms(text))} ") == (query in text)


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
        ("津 u2 師", "津 u2 師%", "'津':* & 'u2' & '師':*", False),
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


@pytest.mark.parametrize(
    "letter", ["a", "é", "ж", "米", "한", "\u2057", "\ufdfa", "\U0001d400", "\U00020000"]
)
async def test_no_long_query_is_an_error_to_postgres(database: Database, letter: str) -> None:
    async with administrator(database.server, database.name) as connection:
        for length in (199, 1_023, 2_046, 2_047, 10_000):
            for query in (letter * length, f"a{letter * length}", f"b.{letter * length} c"):
                starts, contains, _ = await _matches(connection, query, parse_query(query))
                assert starts, (letter, length)
                assert contains, (letter, length)


async def test_no_query_is_an_error_to_postgres(database: Database) -> None:
    async with administrator(database.server, database.name) as connection:
        for number in range(1, 0x3000):
            for query in (chr(number), f"a{chr(number)}", f"{chr(number)}b"):
                found = parse_query(query)
                starts, contains, _ = await _matches(connection, query, found)
                assert starts, query
                assert contains, query


def test_ascii_texts_have_the_same_terms_by_the_shorter_way() -> None:
    for text in ("", "!", "Play it LOUD, don't stop", "a_b\tc\x1fd\x00e", "".join(map(chr, range(128)))):
        assert index_terms(text) == indexed_words(words(text))
