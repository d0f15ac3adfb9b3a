"""Count the spellings of one emoji together: with and without variation selectors (U+FE0E, U+FE0F)."""

from functools import partial
from uuid import UUID

import emoji
import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "20261129_1050"
down_revision = "20261123_0310"
compatible_from = "20261122_2010"
former_checksum = "46d47642d604312a8bc976914b4a961f3b878ad1f4b118b6ffd999d3e710da3a"

_SELECTORS = str.maketrans("", "", "\ufe0e\ufe0f")
_Place = tuple[UUID, UUID]


def upgrade() -> None:
    # Earlier builds may add such rows until they are gone. They count apart then, as before.
    spellings = op.get_bind().scalars(
        sa.text(
            "SELECT DISTINCT emoji FROM chat.reactions WHERE emoji !~ '^:' UNION SELECT emoji FROM chat.reaction_tallies"
        )
    )
    canonical = {
        text.translate(_SELECTORS): text
        for text, data in emoji.EMOJI_DATA.items()
        if data["status"] <= emoji.STATUS["fully_qualified"]
    }
    changed = {
        spelled: known
        for spelled in spellings
        if (known := canonical.get(spelled.translate(_SELECTORS), spelled)) != spelled
    }
    if changed:
        names = {"spelled": [*changed], "emoji": [*changed.values()]}
        concurrently.in_batches(partial(_merge, names), (UUID(int=0), UUID(int=0)))


def _merge(names: dict[str, list[str]], connection: sa.Connection, after: _Place, size: int) -> _Place | None:
    """Merge the reactions to a few messages; one rev for each of their rooms, by which pages and watchers see it."""
    values = {"after_room": after[0], "after_message": after[1], "size": size, **names}
    found = [[tuple(row) for row in connection.execute(sa.text(each), values)] for each in _DUE]
    if not any(found):
        return None
    # What one query did not return for its limit comes later than all that it did.
    last = min(
        (each[-1] for each in found if len(each) == size), default=max(each[-1] for each in found if each)
    )
    due = {place for each in found for place in each if place <= last}
    values = {"rooms": [room for room, _ in due], "messages": [message for _, message in due], **names}
    for statement in _MERGE:
        connection.execute(sa.text(statement), values)
    return last


_SPELLINGS = "unnest(CAST(:spelled AS text[]), CAST(:emoji AS text[])) AS s (spelled, emoji)"
_MESSAGES = "unnest(CAST(:rooms AS uuid[]), CAST(:messages AS uuid[])) AS d (room_id, message_id)"
_AFTER = "(room_id, message_id) > (CAST(:after_room AS uuid), CAST(:after_message AS uuid))"
# A reaction that was merged stays as one that was taken back: it is not due again.
_DUE = (
    f"""
    SELECT room_id, message_id FROM chat.reactions AS r
     WHERE {_AFTER} AND emoji = ANY (CAST(:spelled AS text[])) AND (removed_at IS NULL OR 0 = (
       SELECT count(*) FROM chat.reactions AS e JOIN {_SPELLINGS} ON s.emoji = e.emoji
        WHERE s.spelled = r.emoji AND (e.room_id, e.message_id, e.user_id) = (r.room_id, r.message_id, r.user_id)))
     ORDER BY room_id, message_id LIMIT :size
    """,  # noqa: S608 - put together from texts of this file
    f"""
    SELECT room_id, message_id FROM chat.reaction_tallies
     WHERE {_AFTER} AND emoji = ANY (CAST(:spelled AS text[])) ORDER BY room_id, message_id LIMIT :size
    """,  # noqa: S608 - put together from texts of this file
)
# The rooms' locks first, as every change of a room takes them. A merged reaction is as one that was taken back, so that
# watchers drop it.
_MERGE = (
    """
    SELECT FROM chat.room_counters WHERE room_id = ANY (CAST(:rooms AS uuid[])) ORDER BY room_id FOR UPDATE
    """,
    "UPDATE chat.room_counters SET last_rev = last_rev + 1 WHERE room_id = ANY (CAST(:rooms AS uuid[]))",
    f"""
    INSERT INTO chat.reactions AS e (room_id, message_id, user_id, emoji, created_at, removed_at, rev)
    SELECT r.room_id, r.message_id, r.user_id, s.emoji, max(r.created_at),
           CASE WHEN bool_and(r.removed_at IS NOT NULL) THEN max(r.removed_at) END, max(c.last_rev)
      FROM {_MESSAGES} JOIN chat.reactions r ON (r.room_id, r.message_id) = (d.room_id, d.message_id)
      JOIN {_SPELLINGS} ON s.spelled = r.emoji
      JOIN chat.room_counters c ON c.room_id = r.room_id
     GROUP BY r.room_id, r.message_id, r.user_id, s.emoji
    ON CONFLICT (room_id, message_id, user_id, emoji) DO UPDATE
       SET removed_at = CASE WHEN e.removed_at IS NOT NULL THEN excluded.removed_at END, rev = excluded.rev
    """,  # noqa: S608 - put together from texts of this file
    f"""
    UPDATE chat.reactions r SET removed_at = now(), rev = c.last_rev
      FROM {_MESSAGES} JOIN chat.room_counters c ON c.room_id = d.room_id
     WHERE (r.room_id, r.message_id) = (d.room_id, d.message_id)
       AND r.removed_at IS NULL AND r.emoji = ANY (CAST(:spelled AS text[]))
    """,  # noqa: S608 - put together from texts of this file
    f"""
    WITH merged AS (
      DELETE FROM chat.reaction_tallies t USING {_MESSAGES}, {_SPELLINGS}
       WHERE (t.room_id, t.message_id) = (d.room_id, d.message_id) AND t.emoji = s.spelled
      RETURNING t.room_id, t.message_id, s.emoji, t.first_at
    ), first AS (
      SELECT room_id, message_id, emoji, min(first_at) AS first_at FROM merged GROUP BY room_id, message_id, emoji
    )
    INSERT INTO chat.reaction_tallies AS t (room_id, message_id, emoji, count, first_at)
    SELECT f.room_id, f.message_id, f.emoji, count(*), f.first_at
      FROM first f JOIN chat.reactions r
        ON r.room_id = f.room_id AND r.message_id = f.message_id AND r.emoji = f.emoji AND r.removed_at IS NULL
     GROUP BY f.room_id, f.message_id, f.emoji, f.first_at
    ON CONFLICT (room_id, message_id, emoji) DO UPDATE
       SET count = excluded.count, first_at = least(t.first_at, excluded.first_at)
    """,  # noqa: S608 - put together from texts of this file
)
