"""Stages of a search and places in it."""

from uuid import UUID

import pytest

from search_text import parse_query
from services.tracks.domain.search import START, Place, Stage, end_of, page_size, stages

_ID = UUID("01a204cc-5da6-77ca-be04-fb6c8b4af052")


@pytest.mark.parametrize(
    ("query", "possible"),
    [
        ("flim", [Stage.STARTING, Stage.CONTAINING, Stage.LIKE]),
        ("u2", [Stage.STARTING, Stage.CONTAINING]),
        ("米津", [Stage.STARTING, Stage.CONTAINING]),
        ("!!!", [Stage.STARTING]),
    ],
)
def test_stages_are_those_that_can_find_anything(query: str, possible: list[Stage]) -> None:
    assert [place.stage for place in stages(parse_query(query), START)] == possible


def test_stages_go_on_where_a_page_ended() -> None:
    starting = Place(Stage.STARTING, "a text", 0, _ID)
    assert stages(parse_query("flim"), starting) == [starting, Place(Stage.CONTAINING)]
    containing = Place(Stage.CONTAINING, "a text", 0, _ID)
    assert stages(parse_query("flim"), containing) == [containing]
    assert stages(parse_query("!!!"), containing) == []
    like = Place(Stage.LIKE, "a text", 700_000, _ID)
    assert stages(parse_query("flim"), like) == [like]
    assert stages(parse_query("u2"), like) == []


@pytest.mark.parametrize(("start", "after"), [("u2", "u3"), ("米津", "米流"), ("\U0010fff0", "\U0010fff1")])
def test_end_lies_between_what_begins_so_and_the_next(start: str, after: str) -> None:
    end = end_of(start).encode()
    assert all(f"{start}{rest}".encode() < end for rest in ("", " ", "zzz", "\U0010fffd"))
    assert after.encode() > end


@pytest.mark.parametrize(("asked", "size"), [(0, 20), (1, 1), (100, 100), (101, 100), (2**31 - 1, 100)])
def test_page_size(asked: int, size: int) -> None:
    assert page_size(asked) == size
