"""Every path and test that tests/matrix.py lists exists: a renamed test must not silently leave its run."""

import pytest

from tests import matrix
from tests.architecture.project import ROOT, defines

LISTS = (
    matrix.OWN_SERVERS,
    matrix.VERSION_INDEPENDENT,
    matrix.EMBEDDED_ONLY,
    matrix.POOLED_PATHS,
    matrix.BYPASS_POOLER,
    matrix.NATIVE_PATHS,
    matrix.NOT_ABOUT_CALLS,
)


@pytest.mark.parametrize("place", sorted({place for each in LISTS for place in each}))
def test_listed_path_exists(place: str) -> None:
    path, _, name = place.partition("::")
    assert (ROOT / "tests" / path).exists()
    assert not name or defines(ROOT / "tests" / path, name)
