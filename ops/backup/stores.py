"""Where backups are kept: the interface, and the local folder.

<location>/<id>/database.dump     the archive of pg_dump, encrypted with age if so asked
<location>/<id>/manifest.json     written last: without it there is no backup
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from ops.backup.manifest import DUMP, MANIFEST, is_id
from ops.data_dir import find_data_dir
from ops.errors import CliError

CHUNK_BYTES = 1024 * 1024
_PARTIAL = ".partial"


class Writer(Protocol):
    """An open file of a store."""

    def write(self, data: bytes, /) -> object:
        """Append bytes."""

    def flush(self) -> None:
        """Do nothing in particular; age wants to call it."""


class Store(Protocol):
    """A place for backups. Every method raises CliError BACKUP_STORE_FAILED when the place fails.

    `prepare`, `writer` and `publish` are called in this order.
    """

    location: str

    def published(self) -> list[str]:
        """Return the ids of backups with a manifest, oldest first."""

    def incomplete(self) -> list[str]:
        """Return the ids of backups that were begun and never published."""

    def prepare(self, backup_id: str) -> None:
        """Make room for a new backup."""

    def writer(self, backup_id: str) -> contextlib.AbstractContextManager[Writer]:
        """Write the dump; it is durable when the block ends without an exception."""

    def chunks(self, backup_id: str) -> Iterator[bytes]:
        """Read the dump of a published or of a new backup."""

    def publish(self, backup_id: str, manifest: bytes) -> None:
        """Add the manifest, which makes the backup one."""

    def read_manifest(self, backup_id: str) -> bytes:
        """Return the manifest's text."""

    def delete(self, backup_id: str) -> None:
        """Remove what there is of a backup, published or not, the manifest first."""


class LocalStore:
    """A folder. A new backup is written to `<id>.partial` and renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.location = str(folder)

    def published(self) -> list[str]:
        """Return the folders with a manifest."""
        with self._guarded():
            return sorted(
                each.parent.name for each in self._folder.glob(f"*/{MANIFEST}") if is_id(each.parent.name)
            )

    def incomplete(self) -> list[str]:
        """Return the folders with the suffix, and those that lost their manifest."""
        done = self.published()
        with self._guarded():
            names = {each.name.removesuffix(_PARTIAL) for each in self._folder.glob("*")}
        return sorted(each for each in names if is_id(each) and each not in done)

    def prepare(self, backup_id: str) -> None:
        """Make the folder, closed to other users."""
        with self._guarded():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._partial(backup_id).mkdir(mode=0o700)

    @contextlib.contextmanager
    def writer(self, backup_id: str) -> Iterator[Writer]:
        """Write the file and flush it to the disk."""
        with self._guarded(), (self._partial(backup_id) / DUMP).open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())

    def chunks(self, backup_id: str) -> Iterator[bytes]:
        """Read the file."""
        with self._guarded(), (self._existing(backup_id) / DUMP).open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

    def publish(self, backup_id: str, manifest: bytes) -> None:
        """Write the manifest and rename the folder."""
        with self._guarded():
            with (self._partial(backup_id) / MANIFEST).open("xb") as file:
                file.write(manifest)
                file.flush()
                os.fsync(file.fileno())
            _sync(self._partial(backup_id))
            self._partial(backup_id).rename(self._folder / backup_id)
            _sync(self._folder)

    def read_manifest(self, backup_id: str) -> bytes:
        """Read the file."""
        with self._guarded():
            return (self._folder / backup_id / MANIFEST).read_bytes()

    def delete(self, backup_id: str) -> None:
        """Rename the folder, so that it is no backup from then on, and remove it."""
        with self._guarded():
            partial = self._partial(backup_id)
            if not partial.exists():
                (self._folder / backup_id).rename(partial)
            shutil.rmtree(partial)

    def _partial(self, backup_id: str) -> Path:
        return self._folder / f"{backup_id}{_PARTIAL}"

    def _existing(self, backup_id: str) -> Path:
        partial = self._partial(backup_id)
        return partial if partial.exists() else self._folder / backup_id

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise store_failed(self.location, error.strerror or str(error)) from error


def store_failed(location: str, why: str) -> CliError:
    """Return the failure of a place for backups."""
    return CliError(
        "BACKUP_STORE_FAILED",
        f"Can't use {location} for backups.",
        why=f"{why}.",
        fix="Check its space, its permissions and, for S3, the AWS_ variables. No backup was published or changed.",
        retry=True,
    )


def open_store(location: str | None, environ: Mapping[str, str] = os.environ) -> Store:
    """Return the store at `location`, at SEDA_BACKUP_LOCATION, or in the data folder.

    Raises CliError BACKUP_LOCATION_INVALID or BACKUP_EXTRA_MISSING.
    """
    location = location or environ.get("SEDA_BACKUP_LOCATION")
    if not location:
        return LocalStore(find_data_dir(environ).path / "backups")
    if "://" not in location:
        return LocalStore(Path(location).expanduser())
    if not location.startswith("s3://"):
        raise CliError(
            "BACKUP_LOCATION_INVALID",
            f"{location.partition('://')[0]}:// is no place for backups.",
            fix="Name a folder, or s3://bucket/prefix",
        )
    from ops.backup.s3 import open_s3

    return open_s3(location)


def find_backup(name: str, location: str | None) -> tuple[Store, str]:
    """Return the store and the id of a backup, named by its id, by its folder or URL, or as `latest`.

    Raises CliError BACKUP_UNKNOWN.
    """
    if "/" in name and location is None:
        location, _, name = name.rstrip("/").rpartition("/")
        location = location or "/"
    store = open_store(location)
    published = store.published()
    found = published[-1] if name == "latest" and published else name
    if found not in published:
        raise CliError(
            "BACKUP_UNKNOWN",
            f"There is no backup {name} in {store.location}.",
            why="It has no manifest, so that it was never published, or was deleted."
            if found in store.incomplete()
            else "",
            fix=f"See them: seda backup list --at {store.location}",
        )
    return store, found


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
