"""TrackMetadata of a request."""

import pytest

from servicekit.errors import InvalidFieldsError
from services.tracks.domain.metadata import TrackMetadata, metadata_from_values


def test_metadata_from_values() -> None:
    known = metadata_from_values("Flim", "Aphex Twin", "https://img.example/a.jpg", 174)
    assert known == TrackMetadata("Flim", "Aphex Twin", "https://img.example/a.jpg", 174)


def test_empty_values_are_unknown() -> None:
    assert metadata_from_values("", "", "", 0) == TrackMetadata()


@pytest.mark.parametrize(
    "url", ["http://img.example/a.jpg", "data:image/png;base64,AA", "HTTPS://img.example/a"]
)
def test_artwork_is_on_https_or_refused(url: str) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        metadata_from_values("", "", url, 0)
    assert [violation.field for violation in refused.value.violations] == ["artwork_url"]
