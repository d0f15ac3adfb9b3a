"""Read the ids and the order of the revision files without Alembic.

Services read their head at every start, where Alembic with SQLAlchemy would cost a quarter of a second
and 30 MB. The three facts of a revision file are on separate lines, and only these are read.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent

_REVISION_FILE = "[0-9]*.py"
_REVISION = re.compile(r'^revision = "([0-9]{8}_[0-9]{4})"$', re.MULTILINE)
_DOWN_REVISION = re.compile(r'^down_revision = (?:"([0-9]{8}_[0-9]{4})"|None)$', re.MULTILINE)
_COMPATIBLE_FROM = re.compile(r'^compatible_from = "([0-9]{8}_[0-9]{4})"$', re.MULTILINE)
_FORMER_CHECKSUM = re.compile(r'^former_checksum = "([0-9a-f]{64})"$', re.MULTILINE)


class BrokenHistoryError(Exception):
    """The revision files of a schema don't form one line from a first revision to a head."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision file. `checksum` is the SHA-256 of its text in hex, line ends counted as LF.

    `former_checksums` are those of texts that it had before and that came to the same result: a database may have them.
    """

    id: str
    down: str | None
    compatible_from: str
    checksum: str
    path: Path
    former_checksums: tuple[str, ...] = ()

    def accepts(self, applied: str) -> bool:
        """Return whether a text of this checksum counts as this revision."""
        return applied in (self.checksum, *self.former_checksums)


def head(schema: str, folder: Path = FOLDER) -> str:
    """Return the id of the newest revision that this build knows for users, chat or tracks."""
    return revisions(schema, folder)[-1].id


def revisions(schema: str, folder: Path = FOLDER) -> tuple[Revision, ...]:
    """Return the revisions of a schema, oldest first.

    Raises BrokenHistoryError when a file lacks one of its three facts, when two follow the same one, or when the
    order of ids is not that of the history.
    """
    files = sorted((folder / schema / "versions").glob(_REVISION_FILE))
    found = tuple(sorted((_read(path) for path in files), key=lambda each: each.id))
    if not found:
        raise BrokenHistoryError(f"No revisions of {schema} in {folder}.")
    for before, after in zip((None, *found), found, strict=False):
        expected = before.id if before else None
        if after.down != expected:
            raise BrokenHistoryError(
                f"{after.path.name} follows {after.down}, but the revision before it is {expected}."
            )
    return found


def checksum(path: Path) -> str:
    """Return the SHA-256 in hex of a revision file; a checkout with CRLF line ends counts as the same file."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _read(path: Path) -> Revision:
    text = path.read_text(encoding="utf-8")
    revision, down, compatible = (
        pattern.search(text) for pattern in (_REVISION, _DOWN_REVISION, _COMPATIBLE_FROM)
    )
    if revision is None or down is None or compatible is None:
        raise BrokenHistoryError(
            f"{path.name} lacks a line `revision =`, `down_revision =` or `compatible_from =`."
        )
    if not path.name.startswith(f"{revision[1]}_"):
        raise BrokenHistoryError(f"{path.name} holds revision {revision[1]}, which its name must begin with.")
    former = tuple(_FORMER_CHECKSUM.findall(text))
    return Revision(revision[1], down[1], compatible[1], checksum(path), path, former)
