"""Move the archive: from pg_dump into a store, and from a store, checked byte for byte, into pg_restore."""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO

from ops.backup.encryption import Reader, copy, copy_decrypted, copy_encrypted
from ops.backup.manifest import Manifest, damaged
from ops.backup.stores import Store, Writer
from ops.errors import CliError

_LAST_WORDS = 2_000


class HashingWriter:
    """Counts and hashes what goes through to another writer."""

    def __init__(self, target: Writer, advance: Callable[[int], None]) -> None:
        self.size = 0
        self.sha256 = hashlib.sha256()
        self._target = target
        self._advance = advance

    def write(self, data: bytes, /) -> int:
        """Write all of it."""
        self._target.write(data)
        self.sha256.update(data)
        self.size += len(data)
        self._advance(len(data))
        return len(data)

    def flush(self) -> None:
        """Flush the other writer."""
        self._target.flush()


class HashingReader:
    """Counts and hashes what is read of chunks."""

    def __init__(self, chunks: Iterator[bytes], advance: Callable[[int], None]) -> None:
        self.size = 0
        self.sha256 = hashlib.sha256()
        self._chunks = chunks
        self._advance = advance
        self._left = b""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        if not self._left:
            self._left = next(self._chunks, b"")
            self.sha256.update(self._left)
            self.size += len(self._left)
            self._advance(len(self._left))
        data, self._left = (self._left, b"") if size < 0 else (self._left[:size], self._left[size:])
        return data

    def drain(self) -> None:
        """Read to the end."""
        while self.read():
            pass


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of a program: its exit code and its last words."""

    code: int
    stderr: str


class Program:
    """A running program of PostgreSQL. It is killed when the block is left by an exception."""

    def __init__(self, process: subprocess.Popen[bytes], stderr: IO[bytes]) -> None:
        self._process = process
        self._stderr = stderr

    @property
    def stdin(self) -> IO[bytes]:
        """Where it reads from."""
        assert self._process.stdin is not None  # noqa: S101 - opened as a pipe
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """What it writes."""
        assert self._process.stdout is not None  # noqa: S101 - opened as a pipe
        return self._process.stdout

    def finish(self) -> Outcome:
        """Close its input and wait for its end."""
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        code = self._process.wait()
        self._stderr.seek(0)
        return Outcome(code, self._stderr.read()[-_LAST_WORDS:].decode(errors="replace").strip())

    def kill(self) -> None:
        """End it at once, from any thread."""
        self._process.kill()


@contextmanager
def run_program(
    command: Sequence[str],
    *,
    environ: Mapping[str, str] | None = None,
    writes: bool = False,
    output: IO[bytes] | None = None,
) -> Iterator[Program]:
    """Run a program that reads its input from us and writes to `output`, or that `writes` to us."""
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(  # noqa: S603 - a program of PostgreSQL
            command,
            env=environ,
            stdin=subprocess.DEVNULL if writes else subprocess.PIPE,
            stdout=subprocess.PIPE if writes else output or subprocess.DEVNULL,
            stderr=stderr,
        )
        program = Program(process, stderr)
        try:
            yield program
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            for each in (process.stdin, process.stdout):
                if each is not None:
                    with suppress(BrokenPipeError):
                        each.close()


def write_archive(
    program: Program,
    store: Store,
    backup_id: str,
    recipients: Sequence[object],
    advance: Callable[[int], None],
) -> tuple[int, str]:
    """Store what pg_dump writes; return size and SHA-256 of the stored file. Raises CliError BACKUP_FAILED."""
    with store.writer(backup_id) as file:
        target = HashingWriter(file, advance)
        copy_encrypted(program.stdout, target, recipients)
        # Before the file is closed: an upload of half a dump must not be completed.
        done = program.finish()
        if done.code != 0:
            raise CliError(
                "BACKUP_FAILED",
                f"pg_dump ended with exit code {done.code}. No backup was published, none was deleted.",
                why=done.stderr,
                retry=True,
            )
    return target.size, target.sha256.hexdigest()


def feed_archive(
    store: Store,
    manifest: Manifest,
    identities: Sequence[object],
    target: Writer | None,
    advance: Callable[[int], None],
    *,
    drain: bool = True,
) -> None:
    """Read the whole stored file, compare it with the manifest, and write its plain text to `target`.

    A `target` that stops reading is no failure here: it says itself why, and without `drain` the rest is left unread.
    Raises CliError BACKUP_DAMAGED, whatever else
    failed on the way, and BACKUP_KEY_WRONG.
    """
    reader = HashingReader(store.chunks(manifest.id), advance)
    failure: Exception | None = None
    try:
        if target is not None:
            _copy_plain(reader, target, manifest, identities)
    except CliError as error:
        if error.code == "BACKUP_STORE_FAILED":
            raise
        failure = error
    except BrokenPipeError:
        if not drain:
            return
    except OSError as error:
        failure = damaged(manifest.id, f"it can't be decrypted ({error})")
    reader.drain()
    if reader.size != manifest.size:
        raise damaged(manifest.id, f"its file has {reader.size} bytes, not {manifest.size}")
    if reader.sha256.hexdigest() != manifest.sha256:
        raise damaged(manifest.id, "its file is not the one that was written")
    if failure is not None:
        raise failure


def _copy_plain(reader: Reader, target: Writer, manifest: Manifest, identities: Sequence[object]) -> None:
    if manifest.encrypted:
        copy_decrypted(reader, target, identities)
    else:
        copy(reader, target)
