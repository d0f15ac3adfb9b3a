"""Which backups stay: by days and by number, and only a verified one lets others go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.backup.manifest import DUMP, new_id
from ops.backup.retention import Policy, back_up, expired, prune
from ops.backup.stores import LocalStore
from ops.errors import CliError
from tests.ops.backup.support import QUIET, new_backup
from tests.postgres import Database

_START = datetime(2026, 3, 1, 3, tzinfo=UTC)
_DAY = timedelta(days=1)
_FAILED_DAYS = (3, *range(9, 16), 30, 45)
_NOWHERE = "postgresql://seda@127.0.0.1:1/seda"


class _Clock:
    now = _START

    def __call__(self) -> datetime:
        return self.now


class _BrokenDisk(LocalStore):
    def publish(self, backup_id: str, manifest: bytes) -> None:
        raise CliError("BACKUP_STORE_FAILED", f"no room for {len(manifest)} bytes of {backup_id}")


def _ids(*ages: float) -> list[str]:
    return [new_id(_START - age * _DAY) for age in ages]


@pytest.mark.parametrize(
    ("ages", "policy", "gone"),
    [
        ((0, 1, 2, 3), Policy(1.5, 1), (2, 3)),
        ((0, 1, 2, 3), Policy(1, 1), (2, 3)),
        ((0, 1, 2, 3), Policy(0, 3), (3,)),
        ((0, 1, 2, 3), Policy(0, 4), ()),
        ((40, 50), Policy(7, 1), (50,)),
        ((40,), Policy(0, 0), ()),
        ((), Policy(0, 1), ()),
    ],
)
def test_what_is_older_goes_but_never_the_newest(
    ages: tuple[float, ...], policy: Policy, gone: tuple[float, ...]
) -> None:
    ids = _ids(*ages)
    assert expired(ids, policy, _START) == sorted(ids[ages.index(each)] for each in gone)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_sixty_days_with_ten_failures_keep_exactly_what_the_policy_says(
    fresh_database: Database, tmp_path: Path
) -> None:
    policy = Policy(days=5, minimum=4)
    store, clock = LocalStore(tmp_path), _Clock()
    made: list[tuple[datetime, str]] = []
    for day in range(60):
        clock.now = now = _START + day * _DAY
        if day in _FAILED_DAYS:
            before = store.published()
            broken = _BrokenDisk(tmp_path) if day % 2 else store
            with pytest.raises(CliError):
                await back_up(
                    fresh_database.admin_dsn if day % 2 else _NOWHERE, broken, QUIET, policy, clock=clock
                )
            assert store.published() == before
            assert store.incomplete() == []
            continue
        manifest, _ = await back_up(fresh_database.admin_dsn, store, QUIET, policy, clock=clock)
        made.append((now, manifest.id))
        young = {name for time, name in made if now - time <= 5 * _DAY}
        assert set(store.published()) == young | {name for _, name in made[-4:]}
    assert len(made) == 50


@pytest.fixture
async def three(fresh_database: Database, tmp_path: Path) -> LocalStore:
    for _ in range(3):
        await new_backup(fresh_database, tmp_path)
    return LocalStore(tmp_path)


async def test_nothing_is_deleted_while_the_newest_backup_is_damaged(
    three: LocalStore, tmp_path: Path
) -> None:
    later = datetime.now(UTC) + 30 * _DAY
    published = three.published()
    path = tmp_path / published[-1] / DUMP
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    with pytest.raises(CliError) as refused:
        prune(three, Policy(1, 1), later, QUIET)
    assert (refused.value.code, refused.value.exit_code) == ("BACKUP_DAMAGED", 4)
    assert three.published() == published
    path.write_bytes(good)
    assert prune(three, Policy(1, 1), later, QUIET, dry_run=True).backups == tuple(published[:2])
    assert three.published() == published
    (tmp_path / "other").mkdir()
    assert prune(three, Policy(1, 1), later, QUIET).backups == tuple(published[:2])
    assert three.published() == published[2:]
    assert (tmp_path / "other").exists()
