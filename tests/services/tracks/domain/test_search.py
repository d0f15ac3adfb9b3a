"""Match tiers and cursors of a search."""

from uuid import UUID

import pytest

from search_text import parse_query
from search_text.tiers import MatchTier, prefix_upper_bound
from services.tracks.domain.search import START, Cursor, page_size, tiers

_ID = UUID("01a204cc-5da6-77ca-be04-fb6c8b4af052")


@pytest.mark.parametrize(
    ("query", "possible"),
    [
        ("flim", [MatchTier.PREFIX, MatchTier.SUBSTRING, MatchTier.FUZZY]),
        ("u2", [MatchTier.PREFIX, MatchTier.SUBSTRING]),
        ("米津", [MatchTier.PREFIX, MatchTier.SUBSTRING]),
        ("!!!", [MatchTier.PREFIX]),
    ],
)
def test_tiers_of_a_query(query: str, possible: list[MatchTier]) -> None:
    assert [cursor.tier for cursor in tiers(parse_query(query), START)] == possible


def test_tiers_continue_at_the_cursor() -> None:
    starting = Cursor(MatchTier.PREFIX, "a text", 0, _ID)
    assert tiers(parse_query("flim"), starting) == [starting, Cursor(MatchTier.SUBSTRING)]
    containing = Cursor(MatchTier.SUBSTRING, "a text", 0, _ID)
    assert tiers(parse_query("flim"), containing) == [containing]
    assert tiers(parse_query("!!!"), containing) == []
    like = Cursor(MatchTier.FUZZY, "a text", 700_000, _ID)
    assert tiers(parse_query("flim"), like) == [like]
    assert tiers(parse_query("u2"), like) == []


@pytest.mark.parametrize(("start", "after"), [("u2", "u3"), ("米津", "米流"), ("\U0010fff0", "\U0010fff1")])
def test_prefix_upper_bound(start: str, after: str) -> None:
    end = prefix_upper_bound(start).encode()
    assert all(f"{start}{rest}".encode() < end for rest in ("", " ", "zzz", "\U0010fffd"))
    assert after.encode() > end


@pytest.mark.parametrize(("asked", "size"), [(0, 20), (1, 1), (100, 100), (101, 100), (2**31 - 1, 100)])
def test_page_size(asked: int, size: int) -> None:
    assert page_size(asked) == size
