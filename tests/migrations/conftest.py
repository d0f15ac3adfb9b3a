"""Fixtures of the tests of migrations."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.database.init import init_database
from tests.migrations.revision_files import copy_migrations
from tests.postgres import Database


@pytest.fixture
async def ready_database(blank_database: Database) -> Database:
    """An initialised database without any revision."""
    await init_database(blank_database.admin_dsn)
    return blank_database


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the migrations that a test may change."""
    return copy_migrations(tmp_path)
