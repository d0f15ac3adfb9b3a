"""Match tiers of a search."""

from uuid import UUID

import pytest

from search_text import parse_query
from search_text.tiers import START, Cursor, MatchTier
from services.tracks.domain.search import tiers

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
