"""Fixtures of the tests of backups."""

from __future__ import annotations

import secrets

import pytest

from ops.backup import scratch


@pytest.fixture
def scratch_prefix(monkeypatch: pytest.MonkeyPatch) -> str:
    """What the names of this test's scratch databases begin with."""
    prefix = f"seda_restoring_{secrets.token_hex(4)}_"
    monkeypatch.setattr(scratch, "PREFIX", prefix)
    return prefix
