"""Verify a backup: every byte against the manifest, and the archive by pg_restore, which unpacks all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ops.backup.archive import feed_archive, run_program
from ops.backup.manifest import Manifest, damaged, load_manifest
from ops.backup.programs import find_pg_restore
from ops.backup.stores import Store

Advance = Callable[[int], None]


def read_backup(store: Store, backup_id: str) -> Manifest:
    """Return the manifest of a published backup. Raises CliError BACKUP_DAMAGED."""
    return load_manifest(store.read_manifest(backup_id), backup_id)


def verify_archive(store: Store, manifest: Manifest, identities: Sequence[object], advance: Advance) -> bool:
    """Read all of a backup. Return whether the archive itself was read, which takes the key of an encrypted one.

    Raises CliError BACKUP_DAMAGED, BACKUP_KEY_WRONG, PG_RESTORE_MISSING or BACKUP_STORE_FAILED.
    """
    if manifest.encrypted and not identities:
        feed_archive(store, manifest, identities, None, advance)
        return False
    with run_program([find_pg_restore(manifest.dump_major), "--file=/dev/null"]) as program:
        feed_archive(store, manifest, identities, program.stdin, advance)
        done = program.finish()
    if done.code != 0:
        raise damaged(manifest.id, f"pg_restore can't read it ({done.stderr})")
    return True
