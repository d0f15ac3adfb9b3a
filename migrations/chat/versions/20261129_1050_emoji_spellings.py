"""Count the spellings of one emoji together: with and without variation selectors (U+FE0E, U+FE0F)."""

import emoji
import sqlalchemy as sa
from alembic import op

revision = "20261129_1050"
down_revision = "20261123_0310"
compatible_from = "20261122_2010"

_SELECTORS = str.maketrans("", "", "\ufe0e\ufe0f")


def upgrade() -> None:
    # Earlier builds may add such rows until they are gone. They count apart then, as before.
    connection = op.get_bind()
    spellings = connection.execute(
        sa.text(
            "SELECT DISTINCT emoji FROM chat.reactions WHERE emoji !~ '^:' UNION SELECT emoji FROM chat.reaction_tallies"
        )
    ).scalars()
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
    if not changed:
        return
    connection.execute(sa.text("CREATE TABLE chat.spellings (spelled text, emoji text)"))
    connection.execute(
        sa.text("INSERT INTO chat.spellings VALUES (:spelled, :emoji)"),
        [{"spelled": spelled, "emoji": known} for spelled, known in changed.items()],
    )
    for statement in _MERGE:
        connection.execute(sa.text(statement))


# The rooms' locks first, as every change of a room takes them. One rev for each room: its pages and watchers see the
# change. A merged reaction is as one that was taken back, so that watchers drop it.
_MERGE = (
    """
    CREATE TABLE chat.respelled_rooms AS
      SELECT room_id FROM chat.room_counters
       WHERE room_id IN (SELECT room_id FROM chat.reactions WHERE emoji IN (SELECT spelled FROM chat.spellings)
                         UNION SELECT room_id FROM chat.reaction_tallies WHERE emoji IN (SELECT spelled FROM chat.spellings))
       ORDER BY room_id FOR UPDATE
    """,
    "UPDATE chat.room_counters SET last_rev = last_rev + 1 WHERE room_id IN (SELECT room_id FROM chat.respelled_rooms)",
    """
    INSERT INTO chat.reactions AS e (room_id, message_id, user_id, emoji, created_at, removed_at, rev)
    SELECT r.room_id, r.message_id, r.user_id, s.emoji, max(r.created_at),
           CASE WHEN bool_and(r.removed_at IS NOT NULL) THEN max(r.removed_at) END, max(c.last_rev)
      FROM chat.reactions r JOIN chat.spellings s ON s.spelled = r.emoji
      JOIN chat.room_counters c ON c.room_id = r.room_id
     GROUP BY r.room_id, r.message_id, r.user_id, s.emoji
    ON CONFLICT (room_id, message_id, user_id, emoji) DO UPDATE
       SET removed_at = CASE WHEN e.removed_at IS NOT NULL THEN excluded.removed_at END, rev = excluded.rev
    """,
    """
    UPDATE chat.reactions r SET removed_at = now(), rev = c.last_rev
      FROM chat.room_counters c
     WHERE c.room_id = r.room_id AND r.removed_at IS NULL AND r.emoji IN (SELECT spelled FROM chat.spellings)
    """,
    """
    WITH merged AS (
      DELETE FROM chat.reaction_tallies t USING chat.spellings s
       WHERE t.emoji = s.spelled RETURNING t.room_id, t.message_id, s.emoji, t.first_at
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
    """,
    "DROP TABLE chat.spellings, chat.respelled_rooms",
)
