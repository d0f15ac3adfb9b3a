"""What somebody else knows of a track."""

import pytest

from servicekit.errors import InvalidFieldsError
from services.tracks.domain.facts import Facts, facts


def test_facts_of_plain_values() -> None:
    known = facts(" Flim\n", "Aphex Twin", "https://img.example/a.jpg", 174)
    assert known == Facts("Flim", "Aphex Twin", "https://img.example/a.jpg", 174)


def test_empty_values_are_not_known() -> None:
    assert facts("", " \t", "", 0) == Facts()


@pytest.mark.parametrize(
    "url", ["http://img.example/a.jpg", "data:image/png;base64,AA", "HTTPS://img.example/a"]
)
def test_artwork_is_on_https_or_refused(url: str) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        facts("", "", url, 0)
    assert [violation.field for violation in refused.value.violations] == ["artwork_url"]
