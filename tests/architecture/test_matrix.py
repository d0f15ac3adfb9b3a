"""What a pass leaves out or takes in by name is there: a renamed test must not change sides unseen."""

import pytest

from tests import matrix
from tests.architecture.project import ROOT, defines

LISTS = (
    matrix.OWN_SERVERS,
    matrix.SAME_ON_ANY_VERSION,
    matrix.ONCE,
    matrix.CALLING_SERVICES,
    matrix.PAST_THE_POOLER,
)


@pytest.mark.parametrize("place", sorted({place for each in LISTS for place in each}))
def test_every_place_that_a_pass_names_is_there(place: str) -> None:
    path, _, name = place.partition("::")
    assert (ROOT / "tests" / path).exists()
    assert not name or defines(ROOT / "tests" / path, name)
