"""The keys of encrypted backups: from a file that is named, else from the environment."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ops.backup.encryption import read_identities, read_recipients
from ops.env import SecretName, secret
from ops.errors import CliError


def recipients(file: Path | None = None) -> Sequence[object]:
    """Return the public keys to encrypt for, none without any. Raises CliError BACKUP_KEY_INVALID."""
    found = _key_text(file, "SEDA_BACKUP_RECIPIENTS")
    return read_recipients(*found) if found else ()


def identities(file: Path | None = None) -> Sequence[object]:
    """Return the secret keys to read with, none without any. Raises CliError BACKUP_KEY_INVALID."""
    found = _key_text(file, "SEDA_BACKUP_IDENTITY")
    return read_identities(*found) if found else ()


def _key_text(file: Path | None, variable: SecretName) -> tuple[str, str] | None:
    """Return the text with keys and where it is from; None without any."""
    if file is None:
        text = secret(os.environ, variable)
        return None if text is None else (text, variable)
    try:
        return file.read_text(), str(file)
    except (OSError, UnicodeDecodeError) as error:
        raise CliError("BACKUP_KEY_INVALID", f"{file} can't be read.", why=f"{error}.") from error
