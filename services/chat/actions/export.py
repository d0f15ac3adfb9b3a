"""AuthorDataService: export_author."""

from __future__ import annotations

import json
from uuid import UUID

from servicekit.clock import Micros
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import (
    MAX_BYTES,
    MAX_TIMESTAMP,
    decode_token,
    encode_token,
    fingerprint,
    paginate,
    take_within_budget,
)
from services.chat.actions.deps import Deps
from services.chat.domain.erasure import AuthorRecord, RecordKind
from services.chat.store import export as store
from services.chat.store.export import Cursor, ExportRow

# The encoded size of a record beside the text of its JSON.
_OVERHEAD_BYTES = 300


async def export_author(
    deps: Deps, user_id: UUID, page_size: int, page_token: str
) -> tuple[list[AuthorRecord], str]:
    """Return a page of a user's records, all of one kind, and the next page's token; at most two statements.

    Raises PageTokenMismatchError.
    """
    request_fingerprint = fingerprint("ExportAuthor", user_id)
    kind, after = _decode(page_token, request_fingerprint) if page_token else (None, Cursor())
    later: list[RecordKind] | None = None
    if kind is None:
        later = await store.kinds(deps.database, user_id)
        if not later:
            return [], ""
        kind = later.pop(0)
    rows = await store.page(deps.database, user_id, kind, after, page_size + 1)
    fit, _ = take_within_budget(rows[:page_size], _bytes, MAX_BYTES)
    shown, token = paginate(rows, len(fit), lambda last: _encode(request_fingerprint, kind, last.cursor))
    if not token:
        if later is None:
            later = await store.kinds(deps.database, user_id)
        order = list(RecordKind)
        following = [each for each in later if order.index(each) > order.index(kind)]
        if following:
            token = _encode(request_fingerprint, following[0], Cursor())
    return [AuthorRecord(kind, json.loads(row.fields)) for row in shown], token


def _bytes(row: ExportRow) -> int:
    return _OVERHEAD_BYTES + len(row.fields.encode())


def _encode(request_fingerprint: int, kind: RecordKind, cursor: Cursor) -> str:
    return encode_token(
        request_fingerprint,
        (cursor.at, cursor.seq, cursor.number),
        (kind, str(cursor.room_id), str(cursor.id), cursor.emoji),
    )


def _decode(token: str, request_fingerprint: int) -> tuple[RecordKind, Cursor]:
    decoded = decode_token(token, request_fingerprint)
    try:
        at, seq, number = decoded.numbers
        text, room_id, record_id, emoji = decoded.texts
        kind = RecordKind(text)
        cursor = Cursor(UUID(room_id), UUID(record_id), Micros(at), seq, number, emoji)
    except ValueError:
        raise PageTokenMismatchError from None
    if "\0" in emoji or not (0 <= number < 1 << 31 and 0 <= at < MAX_TIMESTAMP):
        raise PageTokenMismatchError
    return kind, cursor
