"""Finding the link in a pasted text."""

import re
import sys

import pytest

from services.tracks.domain.errors import InvalidUrlError
from services.tracks.domain.links import extract
from services.tracks.domain.links.extract import _SPACE


def find_link(text: str) -> str:
    """Find the link; youtu.be is the known host."""
    return extract.find_link(text, lambda host: host == "youtu.be")


_LINK = "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW"


@pytest.mark.parametrize(
    "text",
    [
        f"  {_LINK}\n",
        f"Listen to this: {_LINK}.",
        f"({_LINK})",
        f"<{_LINK}>",
        f'"{_LINK}", she said',
        f"[song]({_LINK})",
        f"曲を聴く:{_LINK} ♪",
        f"曲を聴く {_LINK}。",
        f"\u2068{_LINK}\u2069",
        f"\ufeff{_LINK}",
        f"{_LINK} and https://youtu.be/4eUqsUZBluA",
        f"ftp://first.example {_LINK}",
    ],
)
def test_find_link_takes_the_first_web_link(text: str) -> None:
    assert find_link(text) == _LINK


@pytest.mark.parametrize(
    "text", ["youtu.be/4eUqsUZBluA", "spotify:track:2qToAcex0ruZfbEbAy9OhW", "//youtu.be/x"]
)
def test_find_link_takes_a_single_word_as_it_is(text: str) -> None:
    assert find_link(f" {text}, ") == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\u200b",
        "two words",
        "example.org/4eUqsUZBluA please",
        f"ftp://host/?u={_LINK}",
        f"xhttps://{_LINK.removeprefix('https://')}",
    ],
)
def test_find_link_refuses_a_text_without_one(text: str) -> None:
    with pytest.raises(InvalidUrlError):
        find_link(text)


def test_white_space_is_spelled_out_in_full() -> None:
    spelled = re.compile(f"[{_SPACE}]")
    letters = map(chr, range(sys.maxunicode + 1))
    assert [each for each in letters if bool(spelled.match(each)) != bool(re.match(r"\s", each))] == []
