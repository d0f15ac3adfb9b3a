"""Conversion of the original's rows: each becomes a valid row here, or a RowRejectedError."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from datetime import UTC, datetime
from uuid import UUID

from ops.import_prisma.report import Row, RowRejectedError
from servicekit.errors import ServiceError
from servicekit.ids import parse_id
from servicekit.text import TextError, clean_text
from services.chat.domain.reactions import require_emoji
from services.users.domain.artists import ArtistValues, check_values
from services.users.domain.identity import normalize_email, validate_subject

# Ids are text in the original, which tells capitals apart.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROLES = {"ADMIN": "ADMIN", "MODERATOR": "MODERATOR"}
MAX_TEXT, MAX_NAME, MAX_DESCRIPTION = 4_000, 80, 500
MAX_ARTIST_NAME, MAX_BIO, MAX_REASON = 100, 2_000, 512
REQUEST_ID = "seda-import"
"""The request id of what an import writes into audit logs."""
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


def row_id(text: str | None) -> UUID:
    """Return an id. Raises RowRejectedError."""
    if text is None or not _UUID.fullmatch(text):
        raise RowRejectedError("ID_INVALID")
    return parse_id(text)


def optional_id(text: str | None) -> UUID | None:
    """Return an id, None if it is none."""
    return parse_id(text) if text is not None and _UUID.fullmatch(text) else None


def utc(at: datetime) -> datetime:
    """Return a time of the original, whose columns have no zone and hold UTC."""
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def identity(row: Row) -> tuple[str, str]:
    """Return the e-mail address and the subject of a user. Raises RowRejectedError."""
    try:
        email = normalize_email(row["email"])
    except ServiceError:
        raise RowRejectedError("EMAIL_INVALID") from None
    try:
        return email, validate_subject(row["supabase_id"])
    except ServiceError:
        raise RowRejectedError("SUBJECT_INVALID") from None


def platform_role(role: str) -> str:
    """Return the role on the platform; artists are users with a profile."""
    return _ROLES.get(role, "USER")


def line(text: str, longest: int, reason: str) -> str:
    """Return a name in one line, cut where it is too long. Raises RowRejectedError `reason`."""
    try:
        cleaned = clean_text(text, single_line=True)[:longest].strip()
    except TextError:
        raise RowRejectedError(reason) from None
    if not cleaned:
        raise RowRejectedError(reason)
    return cleaned


def prose(text: str | None, longest: int) -> str:
    """Return a longer text, cut where it is too long; "" for one with control characters."""
    try:
        return clean_text((text or "")[:longest])[:longest]
    except TextError:
        return ""


def artist_values(row: Row) -> ArtistValues:
    """Return the values of a profile, without what can't stay in it. Raises RowRejectedError."""
    name = line(row["artist_name"], MAX_ARTIST_NAME, "ARTIST_NAME_INVALID")
    values = ArtistValues(name, prose(row["bio"], MAX_BIO), None, None, None)
    for field in ("website_url", "spotify_url", "soundcloud_url"):
        candidate = values._replace(**{field: row[field]})
        try:
            check_values(candidate, frozenset((field,)))
        except ServiceError:
            continue
        values = candidate
    return values


def message_text(text: str | None) -> str | None:
    """Return what a message says, None for nothing. Raises RowRejectedError."""
    if text is None or not text.strip():
        return None
    if len(text) > MAX_TEXT * 4:
        raise RowRejectedError("TEXT_TOO_LONG")
    try:
        cleaned = clean_text(text)
    except TextError:
        raise RowRejectedError("TEXT_INVALID") from None
    if len(cleaned) > MAX_TEXT:
        raise RowRejectedError("TEXT_TOO_LONG")
    return cleaned


def emoji(text: str) -> str:
    """Return the stored spelling of a reaction. Raises RowRejectedError."""
    try:
        return require_emoji(unicodedata.normalize("NFC", text[:64]))
    except ServiceError:
        raise RowRejectedError("EMOJI_INVALID") from None


def in_time(rows: Iterable[Row]) -> list[Row]:
    """Return rows by time and id. Those without a time are by id alone."""
    return sorted(rows, key=lambda row: (utc(row["created_at"] or _BEGINNING), row["id"]))


def action(text: str, longest: int) -> str:
    """Return the name of an action as audit logs here have it: setRole and set-role become SET_ROLE. Raises RowRejectedError."""
    name = re.sub(r"[\s.:-]+|(?<=[a-z0-9])(?=[A-Z])", "_", text.strip()).upper()
    if not re.fullmatch(rf"[A-Z][A-Z_]{{0,{longest - 1}}}", name):
        raise RowRejectedError("ACTION_INVALID")
    return name


def audit_reason(text: str | None) -> tuple[str, bool]:
    """Return the words of an entry of an audit log, and whether they are not all of the text.

    Of JSON with nothing but a reason it is the reason, of other JSON the JSON.
    """
    words = text or ""
    try:
        found = json.loads(words)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict) and list(found) == ["reason"]:
        found = found["reason"]
    if isinstance(found, str):
        words = found
    words = words.replace("\r\n", "\n").strip()
    reason = prose(words, MAX_REASON).strip()
    return reason, reason != unicodedata.normalize("NFC", words)
