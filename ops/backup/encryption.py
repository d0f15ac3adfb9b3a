"""Encryption with age: recipients (public keys) to write, identities (secret keys) to read, both from files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from ops.backup.stores import CHUNK_BYTES, Writer
from ops.errors import CliError


class Reader(Protocol):
    """A stream of bytes."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, none at the end."""


def extra_missing(what: str) -> CliError:
    """Return the failure of an installation without the extra `backup`."""
    return CliError(
        "BACKUP_EXTRA_MISSING",
        f"{what} needs packages that are not installed.",
        fix='Run: pip install "seda-backend[backup]"',
    )


def read_recipients(text: str, origin: str) -> list[object]:
    """Return the public keys in a text, one a line as age writes them. Raises CliError BACKUP_KEY_INVALID."""
    try:
        from pyrage import x25519
    except ImportError as error:
        raise extra_missing("Encryption") from error
    return _read_keys(text, origin, x25519.Recipient.from_str, "public")


def read_identities(text: str, origin: str) -> list[object]:
    """Return the secret keys in a text, one a line as age-keygen writes them. Raises CliError BACKUP_KEY_INVALID."""
    try:
        from pyrage import x25519
    except ImportError as error:
        raise extra_missing("Encryption") from error
    return _read_keys(text, origin, x25519.Identity.from_str, "secret")


def copy_encrypted(source: Reader, target: Writer, recipients: Sequence[object]) -> None:
    """Copy a stream, encrypted when there are recipients."""
    if recipients:
        import pyrage

        pyrage.encrypt_io(source, target, recipients)
        return
    copy(source, target)


def copy_decrypted(source: Reader, target: Writer, identities: Sequence[object]) -> None:
    """Copy an encrypted stream as plain text. Raises CliError BACKUP_KEY_WRONG, or OSError when it is damaged."""
    import pyrage

    try:
        pyrage.decrypt_io(source, target, identities)
    except pyrage.DecryptError as error:
        raise CliError(
            "BACKUP_KEY_WRONG",
            "The backup is encrypted for another key.",
            why=str(error),
            fix="Name the file of the right secret key: --identity FILE",
        ) from error


def copy(source: Reader, target: Writer) -> None:
    """Copy a stream."""
    while chunk := source.read(CHUNK_BYTES):
        target.write(chunk)


def _read_keys(text: str, origin: str, parse: Callable[[str], object], kind: str) -> list[object]:
    import pyrage

    problem = "It has none."
    keys: list[object] = []
    try:
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip() and not line.startswith("#"):
                # The line itself is a secret.
                problem = f"Line {number} is none."
                keys.append(parse(line.strip()))
    except (pyrage.IdentityError, pyrage.RecipientError):
        keys = []
    if keys:
        return keys
    raise CliError(
        "BACKUP_KEY_INVALID",
        f"{origin} holds no {kind} key of age.",
        why=problem,
        fix="Make a pair: age-keygen -o backup.key   Its public key is in the file's second line.",
    )
