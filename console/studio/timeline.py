"""What happened in a room: the rows of chat that took part in its changes, by rev, the latest change of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from console.studio.catalog import Table
from console.studio.errors import StudioError
from console.studio.query import Statement
from console.studio.reader import Reader

ENTRIES = 100
"""Entries of a page."""
_TEXT_CHARACTERS = 200
_LARGEST_REV = 2**63 - 1
_NUMBER = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the rows of a table are told: SQL of when it happened, of who did it and of what it was."""

    at: str
    who: str
    what: str


_KINDS: Mapping[str, _Kind] = {
    "messages": _Kind(
        "coalesce(deleted_at, edited_at, created_at)",
        "CASE WHEN deleted_at IS NULL THEN user_id ELSE deleted_by END",
        "concat_ws(' ', CASE WHEN deleted_at IS NOT NULL THEN 'deleted' WHEN edited_at IS NOT NULL THEN 'edited'"
        " WHEN type = 'SYSTEM' THEN lower(system_event) ELSE 'sent' END, '#' || seq,"
        " CASE WHEN root_id IS NOT NULL THEN 'in the thread of #' || root_seq END)",
    ),
    "reactions": _Kind(
        "coalesce(removed_at, created_at)",
        "user_id",
        "CASE WHEN removed_at IS NULL THEN 'reacted with ' ELSE 'took back ' END || emoji",
    ),
    "pins": _Kind(
        "coalesce(removed_at, pinned_at)",
        "CASE WHEN removed_at IS NULL THEN pinned_by END",
        "CASE WHEN removed_at IS NULL THEN 'pinned' ELSE 'unpinned' END",
    ),
    "room_memberships": _Kind(
        "coalesce(left_at, joined_at)",
        "user_id",
        "CASE WHEN left_at IS NULL THEN 'member, as ' || lower(role) ELSE 'no member: ' || lower(coalesce(removal, 'left')) END",
    ),
    "room_invitations": _Kind(
        "coalesce(ended_at, created_at)",
        "user_id",
        "CASE WHEN ended_at IS NULL THEN 'invited' ELSE 'invitation ended' END",
    ),
    "sanctions": _Kind(
        "coalesce(ended_at, starts_at)",
        "user_id",
        "CASE WHEN ended_at IS NULL THEN 'under a ' ELSE 'no longer under a ' END || lower(kind)",
    ),
    "moderation_logs": _Kind("created_at", "actor_id", "lower(replace(action, '_', ' '))"),
}


async def timeline(reader: Reader, room_id: str, before_rev: str, *, texts: bool) -> dict[str, Any]:
    """A page of a room's history, newest first, of changes before a rev. With `texts`, the beginnings of messages, too."""
    try:
        room = UUID(room_id)
    except ValueError:
        raise StudioError("BAD_VALUE", "That is not the id of a room.") from None
    if before_rev and not _NUMBER.fullmatch(before_rev):
        raise StudioError("BAD_VALUE", "A rev is a number.")
    tables = await reader.tables()
    parts = [_part(tables[each], kind, texts=texts) for each, kind in _KINDS.items()]
    sql = f"{' UNION ALL '.join(parts)} ORDER BY rev DESC, kind LIMIT {ENTRIES + 1}"
    values = [str(room), before_rev or str(_LARGEST_REV)]
    rows = await reader.fetch(Statement(sql, list(values)), tables["messages"])
    names = ("rev", "table", "at", "user_id", "what", "text", "key")
    more = len(rows) > ENTRIES
    # All rows of a change come on one page, unless they alone fill it.
    whole = [each for each in rows[:ENTRIES] if not more or each[0] > rows[ENTRIES][0]] or rows[:ENTRIES]
    shown = [dict(zip(names, (str(row[0]), *row[1:]), strict=True)) for row in whole]
    return {"entries": shown, "before_rev": shown[-1]["rev"] if more else ""}


def _part(table: Table, kind: _Kind, *, texts: bool) -> str:
    key = ", ".join(f"{each}::text" for each in table.key)
    text = f"left(text, {_TEXT_CHARACTERS})" if texts and table.name == "messages" else "NULL::text"
    return (
        f"(SELECT rev, '{table.name}' AS kind, {kind.at}::text, ({kind.who})::text, {kind.what}, {text}, ARRAY[{key}]"
        f" FROM {table.full_name} WHERE room_id = $1::text::uuid AND rev < $2::text::int8"
        f" ORDER BY rev DESC LIMIT {ENTRIES + 1})"
    )
