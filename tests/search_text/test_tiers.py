"""The range of a prefix, and cursors in page tokens."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import pytest

from search_text.tiers import FIRST_ID, MAX_SIMILARITY, START, Cursor, MatchTier, prefix_upper_bound

_ID = "01a204cc-5da6-77ca-be04-fb6c8b4af052"


@pytest.mark.parametrize(("start", "after"), [("u2", "u3"), ("米津", "米流"), ("\U0010fff0", "\U0010fff1")])
def test_prefix_upper_bound(start: str, after: str) -> None:
    end = prefix_upper_bound(start).encode()
    assert all(f"{start}{rest}".encode() < end for rest in ("", " ", "zzz", "\U0010fffd"))
    assert after.encode() > end


@pytest.mark.parametrize("cursor", [START, Cursor(MatchTier.FUZZY, "a text", 700_000, UUID(_ID))])
def test_a_cursor_comes_back_from_its_parts(cursor: Cursor) -> None:
    assert Cursor.from_parts(*cursor.parts) == cursor


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ((), ()),
        ((0,), (_ID, "text")),
        ((0, 0), (_ID,)),
        ((3, 0), (_ID, "text")),
        ((-1, 0), (_ID, "text")),
        ((0, -1), (_ID, "text")),
        ((0, MAX_SIMILARITY + 1), (_ID, "text")),
        ((0, 0), ("no id", "text")),
        ((0, 0), (_ID, "a\0b")),
        ((0, 0), (_ID, "a" * 2601)),
    ],
)
def test_parts_of_no_cursor_are_refused(numbers: Sequence[int], texts: Sequence[str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - decode_cursor maps every ValueError
        Cursor.from_parts(numbers, texts)


def test_every_tier_starts_at_the_first_row() -> None:
    assert (START.text, START.similarity, START.id) == ("", MAX_SIMILARITY, FIRST_ID)
