"""Encrypted backups: written with a public key, read with the secret one, and of no use without."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyrage import x25519

from ops.backup.create import create_backup
from ops.backup.encryption import read_identities, read_recipients
from ops.backup.restore import Source, restore_into
from ops.backup.stores import LocalStore
from ops.backup.verify import read_backup, verify_archive
from ops.errors import CliError
from tests.ops.backup.support import QUIET, all_rows, connection, dropped_after, dump_file, fill, unused_name
from tests.postgres import Database


def _keys() -> tuple[list[object], list[object]]:
    """Return a secret key and its public one, as age-keygen writes them."""
    identity = x25519.Identity.generate()
    text = f"# created: now\n# public key: {identity.to_public()}\n{identity}\n"
    return read_identities(text, "key"), read_recipients(f"{identity.to_public()}\n", "pub")


async def test_an_encrypted_backup_restores_with_its_key_alone(
    fresh_database: Database, tmp_path: Path
) -> None:
    await fill(fresh_database)
    secret, public = _keys()
    store, name = LocalStore(tmp_path / "backups"), unused_name()
    made = await create_backup(fresh_database.admin_dsn, store, QUIET, recipients=public)
    stored = dump_file(tmp_path / "backups", made).read_bytes()
    assert stored.startswith(b"age-encryption.org/v1")
    assert b"PGDMP" not in stored
    assert not verify_archive(store, read_backup(store, made.id), (), lambda _: None)
    assert verify_archive(store, made, secret, lambda _: None)
    other, _ = _keys()
    for identities, code in ((), "BACKUP_KEY_MISSING"), (other, "BACKUP_KEY_WRONG"):
        with pytest.raises(CliError) as refused:
            await restore_into(fresh_database.admin_dsn, Source(store, made.id, identities), name, QUIET)
        assert refused.value.code == code


async def test_an_encrypted_backup_restores(fresh_database: Database, tmp_path: Path) -> None:
    await fill(fresh_database)
    secret, public = _keys()
    store, name = LocalStore(tmp_path / "backups"), unused_name()
    made = await create_backup(fresh_database.admin_dsn, store, QUIET, recipients=public)
    async with dropped_after(fresh_database.server, name):
        source = Source(store, made.id, secret)
        await restore_into(fresh_database.admin_dsn, source, name, QUIET)
        async with (
            connection(fresh_database.admin_dsn) as origin,
            connection(fresh_database.server.dsn(name)) as restored,
        ):
            assert (await all_rows(restored))["chat.messages"] == (await all_rows(origin))["chat.messages"]
    path = dump_file(tmp_path / "backups", made)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CliError) as refused:
        verify_archive(store, made, secret, lambda _: None)
    assert refused.value.code == "BACKUP_DAMAGED"


@pytest.mark.parametrize("text", ["", "# only words\n", "AGE-SECRET-KEY-1NONSENSE\n", "\xff"])
def test_a_text_without_a_key_is_refused_and_not_shown(text: str) -> None:
    for read in (read_identities, read_recipients):
        with pytest.raises(CliError) as refused:
            read(text, "backup.key")
        assert refused.value.code == "BACKUP_KEY_INVALID"
        assert "NONSENSE" not in str(refused.value.as_json())
