"""Backups in S3 or what speaks its protocol; credentials, region and endpoint come from the AWS_ variables."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from ops.backup.encryption import extra_missing
from ops.backup.manifest import DUMP, MANIFEST, is_id
from ops.backup.stores import CHUNK_BYTES, Writer, store_failed

if TYPE_CHECKING:
    from obstore.store import S3Store as ObjectStore

# S3 takes 10,000 parts: an archive may have 160 GB. Memory holds one part more than are under way.
_PART_BYTES = 16 * CHUNK_BYTES
_PARTS_AT_A_TIME = 4
_RETRIES = 5
_RETRY_SECONDS = 60.0


def open_s3(location: str, *, retries: int = _RETRIES) -> S3Store:
    """Return the store of an s3:// URL. Raises CliError BACKUP_EXTRA_MISSING or BACKUP_STORE_FAILED."""
    try:
        from obstore.exceptions import BaseError
        from obstore.store import S3Store as ObjectStore
    except ImportError as error:
        raise extra_missing("S3") from error
    try:
        store = ObjectStore.from_url(
            location,
            client_options={"allow_http": os.environ.get("AWS_ENDPOINT_URL", "").startswith("http://")},
            retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
        )
    except (BaseError, ValueError) as error:
        raise store_failed(location, _first_line(error)) from error
    return S3Store(location, store)


class S3Store:
    """A prefix of a bucket. Objects appear as a whole, the manifest last."""

    def __init__(self, location: str, store: ObjectStore) -> None:
        self.location = location
        self._store = store

    def published(self) -> list[str]:
        """Return the ids with a manifest."""
        return sorted(name for name, files in self._listed().items() if MANIFEST in files)

    def incomplete(self) -> list[str]:
        """Return the ids without one."""
        return sorted(name for name, files in self._listed().items() if MANIFEST not in files)

    def prepare(self, backup_id: str) -> None:
        """Do nothing: S3 has no folders."""

    @contextlib.contextmanager
    def writer(self, backup_id: str) -> Iterator[Writer]:
        """Upload in parts. Without a close, the object never appears."""
        import obstore

        with self._guarded():
            file = obstore.open_writer(
                self._store,
                f"{backup_id}/{DUMP}",
                buffer_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_A_TIME,
            )
            yield file
            file.close()

    def chunks(self, backup_id: str) -> Iterator[bytes]:
        """Download as a stream."""
        import obstore

        with self._guarded():
            for chunk in obstore.get(self._store, f"{backup_id}/{DUMP}").stream(CHUNK_BYTES):
                yield bytes(chunk)

    def publish(self, backup_id: str, manifest: bytes) -> None:
        """Put the manifest."""
        import obstore

        with self._guarded():
            obstore.put(self._store, f"{backup_id}/{MANIFEST}", manifest)

    def read_manifest(self, backup_id: str) -> bytes:
        """Get the manifest."""
        import obstore

        with self._guarded():
            return bytes(obstore.get(self._store, f"{backup_id}/{MANIFEST}").bytes())

    def delete(self, backup_id: str) -> None:
        """Delete the manifest, then the dump; what is not there is no error."""
        import obstore

        with self._guarded():
            obstore.delete(self._store, f"{backup_id}/{MANIFEST}")
            obstore.delete(self._store, f"{backup_id}/{DUMP}")

    def _listed(self) -> dict[str, set[str]]:
        import obstore

        found: dict[str, set[str]] = {}
        with self._guarded():
            for page in obstore.list(self._store):
                for each in page:
                    folder, _, name = each["path"].partition("/")
                    if is_id(folder):
                        found.setdefault(folder, set()).add(name)
        return found

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            raise store_failed(self.location, _first_line(error)) from error


def _first_line(error: BaseException) -> str:
    """Return what happened, without the debugging output that follows."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
