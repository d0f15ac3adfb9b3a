"""The manifest: what a backup holds. A backup is published when its manifest is in place.

Its text is canonical JSON that ends with a checksum of itself, so that any changed byte is noticed.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from ops.errors import CliError, Exit

FORMAT = 1
MANIFEST, DUMP = "manifest.json", "database.dump"
_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Locale:
    """The locale of the database: `provider` is c (libc), i (ICU) or b (built in); `name` is that of the latter two."""

    provider: str
    collate: str
    ctype: str
    name: str | None


@dataclass(frozen=True, slots=True)
class TableContent:
    """One table: its rows, and a checksum that does not depend on their order."""

    name: str
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything of a database that a restored one is compared with.

    `sequences` are values from just before the dump: they are no part of a snapshot. `structure` has a checksum of the
    definition of each column, constraint, index and so on, `grants` owners and privileges, one a line, `heads` the
    newest revision of each schema.
    """

    tables: tuple[TableContent, ...]
    sequences: dict[str, int | None]
    structure: dict[str, str]
    grants: tuple[str, ...]
    heads: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One backup. `size` and `sha256` are those of the stored file, encrypted or not; versions are PostgreSQL majors."""

    id: str
    created_at: datetime
    database: str
    server_major: int
    dump_major: int
    single_role: bool
    encrypted: bool
    locale: Locale
    size: int
    sha256: str
    contents: Contents
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """How many rows all tables have."""
        return sum(each.rows for each in self.contents.tables)

    def summary(self) -> dict[str, object]:
        """What commands show of it."""
        return {
            "id": self.id,
            "created_at": self.created_at,
            "size": str(self.size),
            "rows": str(self.rows),
            "encrypted": self.encrypted,
            "server_major": self.server_major,
            "heads": self.contents.heads,
        }


def new_id(now: datetime) -> str:
    """Return an id that sorts by time and is unique among concurrent runs."""
    return f"{now.astimezone(UTC):{_STAMP}}-{secrets.token_hex(3)}"


def is_id(text: str) -> bool:
    """Return whether a folder's name is that of a backup; others are never touched."""
    return _ID.fullmatch(text) is not None


def id_time(backup_id: str) -> datetime:
    """Return the time in an id."""
    return datetime.strptime(backup_id.partition("-")[0], _STAMP).replace(tzinfo=UTC)


def dump_manifest(manifest: Manifest) -> bytes:
    """Return the text to store."""
    body = asdict(manifest) | {"created_at": manifest.created_at.isoformat()}
    return _signed(body)


def load_manifest(text: bytes, backup_id: str) -> Manifest:
    """Return the manifest of the backup with this id. Raises CliError BACKUP_DAMAGED, or BACKUP_FORMAT_UNKNOWN."""
    try:
        body = json.loads(text)
        body.pop("sha256_of_manifest")
        if _signed(body) != text:
            raise damaged(backup_id, "its manifest was changed")
        if body["format"] > FORMAT:
            raise CliError(
                "BACKUP_FORMAT_UNKNOWN",
                f"Backup {backup_id} was made by a newer version of Seda.",
                fix="Use that version.",
            )
        manifest = _parsed(body)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(backup_id, "its manifest can't be read") from error
    if manifest.id != backup_id:
        raise damaged(backup_id, f"its manifest is that of {manifest.id}")
    return manifest


def damaged(backup_id: str, why: str) -> CliError:
    """Return the refusal of a backup whose bytes are not those that were written."""
    return CliError(
        "BACKUP_DAMAGED",
        f"Backup {backup_id} is damaged: {why}.",
        why="Nothing was changed.",
        fix="Use another one: seda backup list",
        exit_code=Exit.UNSAFE,
    )


def _signed(body: dict[str, Any]) -> bytes:
    plain = json.dumps(body, indent=1, ensure_ascii=False)
    checksum = hashlib.sha256(plain.encode()).hexdigest()
    return json.dumps({**body, "sha256_of_manifest": checksum}, indent=1, ensure_ascii=False).encode()


def _parsed(body: dict[str, Any]) -> Manifest:
    contents = body["contents"]
    return Manifest(
        **{
            **body,
            "created_at": datetime.fromisoformat(body["created_at"]),
            "locale": Locale(**body["locale"]),
            "contents": Contents(
                tables=tuple(TableContent(**each) for each in contents["tables"]),
                sequences=contents["sequences"],
                structure=contents["structure"],
                grants=tuple(contents["grants"]),
                heads=contents["heads"],
            ),
        }
    )
