"""Each service says which revision of its schema it needs: the newest one that there is."""

import importlib

import pytest

from migrations import heads


@pytest.mark.parametrize("slice_", ["users", "chat", "tracks"])
def test_a_service_needs_the_newest_revision_of_its_schema(slice_: str) -> None:
    app = importlib.import_module(f"services.{slice_}.app")
    assert heads.head(slice_) == app.SCHEMA_HEAD
