"""IdentityService: export_user."""

from __future__ import annotations

import json
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import MAX_TIMESTAMP, decode_token, encode_token, fingerprint, paginate
from services.users.domain.export import RecordKind, UserRecord
from services.users.store import export as store
from services.users.store.export import Cursor

_KINDS = tuple(RecordKind)


async def export_user(
    database: Database, user_id: UUID, size: int, page_token: str
) -> tuple[list[UserRecord], str]:
    """Return a page of a user's records, all of one kind, and the next page's token; one statement.

    The page is empty when the user has none of the kind. A hundred records take less than 1 MiB: the largest kind has
    a URL of 2 KiB. Raises PageTokenMismatchError.
    """
    request_fingerprint = fingerprint("ExportUser", user_id)
    kind, after = _decode(page_token, request_fingerprint) if page_token else (_KINDS[0], Cursor())
    rows = await store.page(database, user_id, kind, after, size + 1)
    shown, token = paginate(rows, size, lambda last: _encode(request_fingerprint, kind, last.cursor))
    following = _KINDS[_KINDS.index(kind) + 1 :]
    if not token and following:
        token = _encode(request_fingerprint, following[0], Cursor())
    return [UserRecord(kind, json.loads(row.fields)) for row in shown], token


def _encode(request_fingerprint: int, kind: RecordKind, cursor: Cursor) -> str:
    texts = (kind, str(cursor.parent_id), str(cursor.id))
    return encode_token(request_fingerprint, (cursor.at,), texts)


def _decode(token: str, request_fingerprint: int) -> tuple[RecordKind, Cursor]:
    decoded = decode_token(token, request_fingerprint)
    try:
        (at,) = decoded.numbers
        text, parent_id, record_id = decoded.texts
        kind, cursor = RecordKind(text), Cursor(Micros(at), UUID(parent_id), UUID(record_id))
    except ValueError:
        raise PageTokenMismatchError from None
    if not 0 <= at < MAX_TIMESTAMP:
        raise PageTokenMismatchError
    return kind, cursor
