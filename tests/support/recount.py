"""Recounts of what chat keeps beside its rows: numbers, sums, threads. For tables that something else than chat has filled."""

REVS = """
    SELECT id AS room_id, rev FROM chat.rooms
    UNION ALL SELECT room_id, rev FROM chat.room_memberships
    UNION ALL SELECT room_id, rev FROM chat.messages
    UNION ALL SELECT room_id, rev FROM chat.reactions
"""
# Each finds what is wrong; the rows it returns are the faults.
FAULTS = {
    "a gap in a room's numbers": """
        SELECT room_id FROM chat.messages GROUP BY room_id
        HAVING min(seq) <> 1 OR max(seq) <> count(*) OR count(DISTINCT seq) <> count(*)
    """,
    "time against the numbers": """
        SELECT id FROM (SELECT id, created_at, lag(created_at) OVER (PARTITION BY room_id ORDER BY seq) AS before
                          FROM chat.messages) m WHERE created_at <= before
    """,
    "a rev twice in a room": f"SELECT room_id FROM ({REVS}) r GROUP BY room_id, rev HAVING count(*) > 1",
    "counters that are not the newest numbers": f"""
        SELECT c.room_id FROM chat.room_counters c
         WHERE c.last_seq <> (SELECT coalesce(max(seq), 0) FROM chat.messages m WHERE m.room_id = c.room_id)
            OR c.last_rev <> (SELECT max(rev) FROM ({REVS}) r WHERE r.room_id = c.room_id)
            OR c.member_count <> (SELECT count(*) FROM chat.room_memberships m
                                WHERE m.room_id = c.room_id AND m.left_at IS NULL)
    """,
    "a reply that is not under its root": """
        SELECT m.id FROM chat.messages m
          LEFT JOIN chat.messages r ON r.room_id = m.room_id AND r.id = m.root_id
         WHERE m.root_id IS NOT NULL AND (r.seq IS DISTINCT FROM m.root_seq OR r.root_id IS NOT NULL)
    """,
    "threads unlike a recount": """
        SELECT * FROM (SELECT room_id, root_id, reply_count, last_reply_seq, last_reply_at FROM chat.threads) t
          FULL JOIN (SELECT room_id, root_id, count(*) AS n, max(seq) AS seq, max(created_at) AS at FROM chat.messages
                      WHERE root_id IS NOT NULL AND deleted_at IS NULL GROUP BY room_id, root_id) c USING (room_id, root_id)
         WHERE (reply_count, last_reply_seq, last_reply_at) IS DISTINCT FROM (n::int, seq, at)
    """,
    "tallies unlike a recount": """
        SELECT * FROM (SELECT room_id, message_id, emoji, count, first_at FROM chat.reaction_tallies) t
          FULL JOIN (SELECT room_id, message_id, emoji, count(*) AS n, min(created_at) AS at FROM chat.reactions
                      WHERE removed_at IS NULL GROUP BY room_id, message_id, emoji) c USING (room_id, message_id, emoji)
         WHERE (count, first_at) IS DISTINCT FROM (n::int, at)
    """,
    "a reaction to no message": """
        SELECT x.message_id FROM chat.reactions x
         WHERE NOT EXISTS (SELECT FROM chat.messages m WHERE m.room_id = x.room_id AND m.id = x.message_id)
    """,
    "a room without its one owner": """
        SELECT r.id FROM chat.rooms r
          LEFT JOIN chat.room_memberships m ON m.room_id = r.id AND m.role = 'OWNER'
         GROUP BY r.id HAVING count(m.user_id) <> 1 OR min(m.user_id::text) <> r.created_by::text
    """,
    "a read mark beyond the newest message": """
        SELECT m.user_id FROM chat.room_memberships m JOIN chat.room_counters c USING (room_id)
         WHERE m.last_read_seq > c.last_seq
    """,
}
