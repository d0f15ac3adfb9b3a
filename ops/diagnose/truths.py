"""Whether our own data keep what the services promise: sums equal what they sum up, and nothing is overdue."""

from __future__ import annotations

from ops.diagnose.check import Check, Probe, duration
from ops.findings import Finding, Result

_RECHECK = "seda db doctor --json   (another sample, or the same one again)"
# Whole rooms are sampled: every read below them is by an index that begins with the room.
_ROOMS = "SELECT room_id, last_seq FROM chat.room_counters ORDER BY random() LIMIT $1"
_LAST_SEQ = f"""
WITH room AS MATERIALIZED ({_ROOMS})
SELECT room.room_id::text AS room, room.last_seq AS counted, coalesce(newest.seq, 0) AS found
FROM room LEFT JOIN LATERAL (
  SELECT max(m.seq) AS seq FROM chat.messages AS m WHERE m.room_id = room.room_id
) AS newest ON true
WHERE room.last_seq <> coalesce(newest.seq, 0)
"""
_GAPS = f"""
WITH room AS MATERIALIZED ({_ROOMS})
SELECT room.room_id::text AS room, newest.seq - greatest(newest.seq - $2, 0) - there.number AS missing
FROM room CROSS JOIN LATERAL (
  SELECT max(m.seq) AS seq FROM chat.messages AS m WHERE m.room_id = room.room_id
) AS newest CROSS JOIN LATERAL (
  SELECT count(*) AS number FROM chat.messages AS m WHERE m.room_id = room.room_id AND m.seq > newest.seq - $2
) AS there
WHERE newest.seq - greatest(newest.seq - $2, 0) <> there.number
"""
_REPLIES = f"""
WITH room AS MATERIALIZED ({_ROOMS}), thread AS MATERIALIZED (
  SELECT part.* FROM room CROSS JOIN LATERAL (
    SELECT t.room_id, t.root_id, t.reply_count FROM chat.threads AS t WHERE t.room_id = room.room_id LIMIT $2
  ) AS part
)
SELECT thread.room_id::text || '/' || thread.root_id::text AS thread, thread.reply_count AS counted,
  found.number AS found
FROM thread
JOIN chat.messages AS root ON root.room_id = thread.room_id AND root.id = thread.root_id
CROSS JOIN LATERAL (
  SELECT count(*) AS number FROM chat.messages AS m
  WHERE m.room_id = thread.room_id AND m.root_seq = root.seq AND m.root_id IS NOT NULL AND m.deleted_at IS NULL
) AS found
WHERE thread.reply_count <> found.number
"""
_TALLIES = f"""
WITH room AS MATERIALIZED ({_ROOMS}), tally AS MATERIALIZED (
  SELECT part.* FROM room CROSS JOIN LATERAL (
    SELECT t.room_id, t.message_id, t.emoji, t.count FROM chat.reaction_tallies AS t
    WHERE t.room_id = room.room_id LIMIT $2
  ) AS part
)
SELECT tally.room_id::text || '/' || tally.message_id::text || ' ' || tally.emoji AS tally, tally.count AS counted,
  found.number AS found
FROM tally CROSS JOIN LATERAL (
  SELECT count(*) AS number FROM chat.reactions AS r
  WHERE r.room_id = tally.room_id AND r.message_id = tally.message_id AND r.emoji = tally.emoji
    AND r.removed_at IS NULL
) AS found
WHERE tally.count <> found.number
"""
# The newest messages of a room that are looked at, and the sums of each room that are counted again.
_NEWEST, _SUMS = 1_000, 100
# Enough to say that there are many.
_MOST = 10_000
_OVERDUE = {
    "purge-overdue": """
        SELECT count(*), extract(epoch FROM clock_timestamp() - min(deleted_at))::float8 FROM (
          SELECT deleted_at FROM chat.messages
          WHERE deleted_at < clock_timestamp() - interval '31 days' AND emptied_at IS NULL LIMIT $1) AS late""",
    "expired-cache": """
        SELECT count(*), extract(epoch FROM clock_timestamp() - min(stale_until))::float8 FROM (
          SELECT stale_until FROM tracks.crawler_cache
          WHERE stale_until < clock_timestamp() - interval '8 days' LIMIT $1) AS late""",
    "erasure-jobs": """
        SELECT count(*), extract(epoch FROM clock_timestamp() - min(created_at))::float8 FROM (
          SELECT created_at FROM users.erasure_jobs
          WHERE finished_at IS NULL AND created_at < clock_timestamp() - interval '1 hour' LIMIT $1) AS late""",
    "checking-leases": """
        SELECT count(*), extract(epoch FROM clock_timestamp() - min(checking_until))::float8 FROM (
          SELECT checking_until FROM users.verification_requests
          WHERE state = 'CHECKING' AND checking_until < clock_timestamp() - interval '60 seconds' LIMIT $1) AS late""",
}
_LATE = {
    "purge-overdue": (
        "{count} messages have their content {age} after their deletion: chat removes it after 30 d, if it runs.",
        "seda logs chat",
    ),
    "expired-cache": (
        "{count} cached pages ended more than a week ago, the oldest {age} ago; remove them.",
        "seda maintain run purge",
    ),
    "erasure-jobs": (
        "{count} erasures are not done, the oldest requested {age} ago: a service that takes part may be down.",
        "seda logs users",
    ),
    "checking-leases": (
        "{count} claims are held by a check that ended {age} ago without a word: the worker of users may not be running.",
        "seda logs users",
    ),
}


async def check_last_seq(probe: Probe) -> list[Finding]:
    """Each sampled room's counter is the number of its newest message."""
    return [
        probe.finding(
            Result.CRITICAL,
            row["room"],
            f"The counter of this room says {row['counted']}, and its newest message is {row['found']}:"
            " stop chat and compare with a backup.",
            value=row["counted"],
            threshold=row["found"],
            command=_RECHECK,
        )
        for row in await probe.rows(_LAST_SEQ, probe.limits.sampled_rooms)
    ]


async def check_gaps(probe: Probe) -> list[Finding]:
    """The newest messages of each sampled room are numbered without gaps."""
    return [
        probe.finding(
            Result.CRITICAL,
            row["room"],
            f"{row['missing']} of the newest {_NEWEST} numbers of this room have no message: compare with a backup.",
            value=row["missing"],
            threshold=0,
            command=_RECHECK,
        )
        for row in await probe.rows(_GAPS, probe.limits.sampled_rooms, _NEWEST)
    ]


async def check_replies(probe: Probe) -> list[Finding]:
    """Each sampled thread's number of replies is what counting gives."""
    return [
        _recount(probe, row["thread"], row["counted"], row["found"], "live replies")
        for row in await probe.rows(_REPLIES, probe.limits.sampled_rooms, _SUMS)
    ]


async def check_tallies(probe: Probe) -> list[Finding]:
    """Each sampled tally of reactions is what counting gives."""
    return [
        _recount(probe, row["tally"], row["counted"], row["found"], "standing reactions")
        for row in await probe.rows(_TALLIES, probe.limits.sampled_rooms, _SUMS)
    ]


def _recount(probe: Probe, subject: str, counted: int, found: int, what: str) -> Finding:
    sentence = f"The row says {counted} {what}, and there are {found}: readers see a wrong number."
    return probe.finding(Result.WARN, subject, sentence, value=counted, threshold=found, command=_RECHECK)


async def check_overdue(probe: Probe) -> list[Finding]:
    """Nothing is left that a worker should have removed or finished; one query per id of such a check."""
    (row,) = await probe.rows(_OVERDUE[probe.check.id], _MOST)
    count, age = row
    if not count:
        return []
    sentence, command = _LATE[probe.check.id]
    told = sentence.format(count=f"{count} or more" if count == _MOST else count, age=duration(age))
    return [probe.finding(Result.WARN, "", told, value=count, threshold=0, command=command)]


CHECKS = (
    Check("last-seq", "Counters of rooms", check_last_seq, ("chat.room_counters", "chat.messages")),
    Check("seq-gaps", "Numbers of messages", check_gaps, ("chat.room_counters", "chat.messages")),
    Check(
        "reply-counts",
        "Numbers of replies",
        check_replies,
        ("chat.room_counters", "chat.threads", "chat.messages"),
    ),
    Check(
        "reaction-tallies",
        "Tallies of reactions",
        check_tallies,
        ("chat.room_counters", "chat.reaction_tallies", "chat.reactions"),
    ),
    Check("purge-overdue", "Purge of deleted messages", check_overdue, ("chat.messages",)),
    Check("expired-cache", "Expired cached pages", check_overdue, ("tracks.crawler_cache",)),
    Check("erasure-jobs", "Erasures", check_overdue, ("users.erasure_jobs",)),
    Check("checking-leases", "Checks of claims", check_overdue, ("users.verification_requests",)),
)
