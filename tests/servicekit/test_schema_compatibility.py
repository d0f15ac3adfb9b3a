"""Whether a build can work on the migrations that are applied."""

from __future__ import annotations

import pytest

from servicekit.readiness import schema_incompatibility

_APPLIED = [("r1", "r1"), ("r2", "r1"), ("r3", "r2")]


@pytest.mark.parametrize(
    ("wanted", "applied", "fits"),
    [
        ("r3", _APPLIED, True),
        # A newer database is fine as long as it still takes this build.
        ("r2", _APPLIED, True),
        ("r1", _APPLIED, False),
        ("r4", _APPLIED, False),
        ("r1", [], False),
        ("r1", _APPLIED[:2], True),
        # What a list does not know it still knows to be older or newer.
        ("r1", [("r1", "r0")], True),
        ("r1", [("r1", "r2")], False),
    ],
)
def test_migrations_fit(wanted: str, applied: list[tuple[str, str]], fits: bool) -> None:
    why = schema_incompatibility(wanted, applied)
    assert (why == "") == fits
    assert fits or wanted in why
