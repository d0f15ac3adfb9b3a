"""A backup whose bytes are not those that were written is refused before any database is touched."""

from __future__ import annotations

import random
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from ops.backup.manifest import DUMP, MANIFEST, Contents, Manifest, dump_manifest
from ops.backup.restore import Source, restore_replacing
from ops.backup.stores import LocalStore, find_backup
from ops.errors import CliError
from tests.ops.backup.support import QUIET, databases, fill, new_backup
from tests.postgres import Database, administrator

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Pair:
    """Two backups of a database, the second with more rows, and what they were made of."""

    database: Database
    folder: Path
    older: Manifest
    newer: Manifest


@pytest.fixture(scope="module")
async def pair(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    folder = tmp_path_factory.mktemp("backups")
    _, older = await new_backup(database, folder)
    await fill(database)
    _, newer = await new_backup(database, folder)
    return Pair(database, folder, older, newer)


@pytest.fixture
async def untouched(pair: Pair, scratch_prefix: str) -> AsyncIterator[None]:
    """The database is the same one after a test, and no other was left."""
    before = await _state(pair.database, scratch_prefix)
    yield
    assert await _state(pair.database, scratch_prefix) == before


async def _state(database: Database, scratch_prefix: str) -> tuple[list[str], int]:
    async with administrator(database.server) as admin:
        oid = await admin.fetchval("SELECT oid::bigint FROM pg_database WHERE datname = $1", database.name)
    return await databases(database.server, scratch_prefix, f"{database.name}_"), oid


async def _refusal(pair: Pair, manifest: Manifest) -> str:
    """Try to restore over the database, and return the code of the refusal."""
    with pytest.raises(CliError) as refused:
        await restore_replacing(
            pair.database.admin_dsn, Source(LocalStore(pair.folder), manifest.id), pair.database.name, QUIET
        )
    return refused.value.code


@pytest.fixture
def intact(pair: Pair, tmp_path: Path) -> Iterator[None]:
    """Both backups have their files back after a test."""
    shutil.copytree(pair.folder, tmp_path / "kept")
    yield
    shutil.rmtree(pair.folder)
    shutil.copytree(tmp_path / "kept", pair.folder)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("intact", "untouched")
async def test_200_bit_flips_and_50_truncations_are_refused(pair: Pair) -> None:
    draw = random.Random(1)
    for number in range(250):
        # The manifest is small, so chance alone would hardly meet it.
        path = pair.folder / pair.newer.id / (MANIFEST if number % 4 == 0 else DUMP)
        good = path.read_bytes()
        bad = bytearray(good)
        at = draw.randrange(len(good))
        if number < 200:
            bad[at] ^= 1 << draw.randrange(8)
        else:
            del bad[at:]
        path.write_bytes(bad)
        assert await _refusal(pair, pair.newer) == "BACKUP_DAMAGED", (path.name, at)
        path.write_bytes(good)


@pytest.mark.usefixtures("intact", "untouched")
@pytest.mark.parametrize("name", [DUMP, MANIFEST])
@pytest.mark.parametrize("at", [0, 1000, -1])
async def test_a_changed_byte_is_refused(pair: Pair, name: str, at: int) -> None:
    path = pair.folder / pair.newer.id / name
    changed = bytearray(path.read_bytes())
    changed[at] ^= 4
    path.write_bytes(changed)
    assert await _refusal(pair, pair.newer) == "BACKUP_DAMAGED"


@pytest.mark.usefixtures("intact", "untouched")
async def test_a_missing_file_is_refused(pair: Pair) -> None:
    (pair.folder / pair.newer.id / DUMP).unlink()
    assert await _refusal(pair, pair.newer) == "BACKUP_STORE_FAILED"
    (pair.folder / pair.older.id / MANIFEST).unlink()
    with pytest.raises(CliError) as refused:
        find_backup(pair.older.id, str(pair.folder))
    assert refused.value.code == "BACKUP_UNKNOWN"


@pytest.mark.usefixtures("intact", "untouched")
@pytest.mark.parametrize("name", [DUMP, MANIFEST])
async def test_files_of_two_backups_that_were_swapped_are_refused(pair: Pair, name: str) -> None:
    older, newer = (pair.folder / each.id / name for each in (pair.older, pair.newer))
    files = older.read_bytes(), newer.read_bytes()
    newer.write_bytes(files[0])
    older.write_bytes(files[1])
    for each in (pair.older, pair.newer):
        assert await _refusal(pair, each) == "BACKUP_DAMAGED"


@pytest.mark.usefixtures("intact", "untouched")
async def test_a_manifest_of_another_dump_is_refused_even_under_the_right_id(pair: Pair) -> None:
    stale = replace(pair.older, id=pair.newer.id)
    (pair.folder / pair.newer.id / MANIFEST).write_bytes(dump_manifest(stale))
    assert await _refusal(pair, pair.newer) == "BACKUP_DAMAGED"


def _other(contents: Contents, part: str) -> Contents:
    """Return contents that differ in one part."""
    if part == "rows":
        first, *rest = contents.tables
        return replace(contents, tables=(*rest, replace(first, checksum="1")))
    if part == "sequences":
        return replace(contents, sequences={"chat.test_numbers": 42})
    if part == "structure":
        return replace(contents, structure={**contents.structure, "index chat.lost_idx": "0"})
    if part == "grants":
        return replace(contents, grants=contents.grants[:-1])
    return replace(contents, heads={**contents.heads, "chat": "20260101_0000"})


@pytest.mark.usefixtures("intact", "untouched")
@pytest.mark.parametrize("part", ["rows", "sequences", "structure", "grants", "heads"])
async def test_a_restored_database_that_differs_from_the_manifest_is_not_used(pair: Pair, part: str) -> None:
    # Bytes and checksums fit, so that only the comparison of the restored database can tell.
    other = replace(pair.newer, contents=_other(pair.newer.contents, part))
    (pair.folder / pair.newer.id / MANIFEST).write_bytes(dump_manifest(other))
    assert await _refusal(pair, pair.newer) == "RESTORE_DIFFERS"


@pytest.mark.usefixtures("intact", "untouched")
async def test_an_archive_that_pg_restore_can_not_read_is_damaged_although_its_checksum_fits(
    pair: Pair,
) -> None:
    path = pair.folder / pair.newer.id / DUMP
    half = path.read_bytes()[:-2000]
    path.write_bytes(half)
    other = replace(pair.newer, size=len(half), sha256=sha256(half).hexdigest())
    (pair.folder / pair.newer.id / MANIFEST).write_bytes(dump_manifest(other))
    assert await _refusal(pair, pair.newer) == "BACKUP_DAMAGED"
