"""What sessions of the database do: too many, too long, in each other's way, in the way of vacuum."""

from __future__ import annotations

from ops.diagnose.check import Check, Grades, Probe, duration, graded
from ops.findings import Finding, Result

_CONNECTIONS = """
SELECT count(*) AS used, current_setting('max_connections')::int
  - current_setting('superuser_reserved_connections')::int
  - coalesce(current_setting('reserved_connections', true), '0')::int AS most
FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'
"""
_IDLE = """
SELECT pid, usename::text AS role, application_name AS application,
  extract(epoch FROM clock_timestamp() - state_change)::float8 AS seconds
FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()
"""
# A dump may take hours.
_LONG = """
SELECT pid, usename::text AS role, application_name AS application,
  extract(epoch FROM clock_timestamp() - query_start)::float8 AS seconds
FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
  AND application_name NOT IN ('pg_dump', 'pg_basebackup') AND query !~* '^\\s*copy\\M'
  AND wait_event_type IS DISTINCT FROM 'Lock'
"""
# Self-joins of pg_locks miss those that wait for a row: they wait for a transaction, or for who waits for it.
_WAITING = """
SELECT pid, application_name AS application, pg_blocking_pids(pid) AS blockers,
  extract(epoch FROM clock_timestamp() - coalesce(l.waitstart, a.query_start))::float8 AS seconds
FROM pg_catalog.pg_stat_activity AS a
LEFT JOIN LATERAL (
  SELECT min(waitstart) AS waitstart FROM pg_catalog.pg_locks WHERE pid = a.pid AND NOT granted
) AS l ON true
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_XMIN = """
SELECT 'session ' || pid || ' (' || coalesce(nullif(application_name, ''), usename, backend_type) || ')' AS holder,
  greatest(age(backend_xmin), age(backend_xid))::float8 AS transactions,
  extract(epoch FROM clock_timestamp() - xact_start)::float8 AS seconds,
  format('SELECT pg_terminate_backend(%s);', pid) AS command
FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type <> 'autovacuum worker'
  AND coalesce(backend_xmin, backend_xid) IS NOT NULL
UNION ALL
SELECT 'prepared transaction ' || gid, age(transaction)::float8,
  extract(epoch FROM clock_timestamp() - prepared)::float8, format('ROLLBACK PREPARED %L;', gid)
FROM pg_catalog.pg_prepared_xacts WHERE database = current_database()
UNION ALL
SELECT 'replication slot ' || slot_name, greatest(age(xmin), age(catalog_xmin))::float8, NULL,
  format('SELECT pg_drop_replication_slot(%L);', slot_name)
FROM pg_catalog.pg_replication_slots WHERE coalesce(xmin, catalog_xmin) IS NOT NULL
UNION ALL
SELECT 'standby ' || coalesce(nullif(application_name, ''), client_addr::text), age(backend_xmin)::float8, NULL,
  'On the standby: ALTER SYSTEM SET hot_standby_feedback = off;'
FROM pg_catalog.pg_stat_replication WHERE backend_xmin IS NOT NULL
"""


async def check_connections(probe: Probe) -> list[Finding]:
    """Connections are left for those who need one."""
    (row,) = await probe.rows(_CONNECTIONS)
    used, most = row
    configured = sum(each.size for each in probe.surroundings.pools or ())
    counts = (
        ("", used, "are taken: close some or put a pooler in front."),
        ("pools", configured, "are what the pools of the services may take: lower SEDA_DB_POOL_MAX."),
    )
    return [
        probe.finding(
            graded(count / most, probe.limits.connections),
            subject,
            f"{count} of the {most} connections that are not reserved {sentence}",
            value=count,
            threshold=most,
            command="seda db pool",
        )
        for subject, count, sentence in counts
        if graded(count / most, probe.limits.connections) is not Result.OK
    ]


async def check_idle(probe: Probe) -> list[Finding]:
    """No session is idle inside a transaction, where it keeps locks and old rows."""
    sentence = "Session {pid} of {who} has done nothing inside a transaction for {time}: it keeps its locks and old rows."
    return await _long_ones(probe, _IDLE, probe.limits.idle_in_transaction, sentence, "pg_terminate_backend")


async def check_long(probe: Probe) -> list[Finding]:
    """No statement runs for minutes, but for a dump."""
    sentence = (
        "Session {pid} of {who} has been running one statement for {time}: see what it is, or cancel it."
    )
    return await _long_ones(probe, _LONG, probe.limits.long_query, sentence, "pg_cancel_backend")


async def _long_ones(probe: Probe, sql: str, grades: Grades, sentence: str, function: str) -> list[Finding]:
    found = []
    for row in await probe.rows(sql):
        result = graded(row["seconds"], grades)
        if result is not Result.OK:
            time = duration(row["seconds"])
            told = sentence.format(pid=row["pid"], who=row["application"] or row["role"], time=time)
            command = f"SELECT {function}({row['pid']});"
            subject = f"session {row['pid']}"
            found.append(
                probe.finding(
                    result, subject, told, value=time, threshold=duration(grades[0]), command=command
                )
            )
    return found


async def check_blocking(probe: Probe) -> list[Finding]:
    """No session waits long for a lock; one finding for each session at the root of such a wait."""
    waiting = {row["pid"]: row for row in await probe.rows(_WAITING)}
    longest: dict[int, float] = {}
    behind: dict[int, int] = {}
    for row in waiting.values():
        for root in roots(row["pid"], {pid: list(each["blockers"]) for pid, each in waiting.items()}):
            longest[root] = max(longest.get(root, 0.0), row["seconds"])
            behind[root] = behind.get(root, 0) + 1
    found = []
    for pid, seconds in longest.items():
        result = graded(seconds, probe.limits.blocking)
        if result is not Result.OK:
            who, command = blocker(pid)
            sentence = f"{waits(behind[pid])} for what {who} has locked, the longest for {duration(seconds)}."
            found.append(
                probe.finding(
                    result,
                    who,
                    sentence,
                    value=duration(seconds),
                    threshold=duration(probe.limits.blocking[0]),
                    command=f"seda db locks\n{command}",
                )
            )
    return found


def blocker(pid: int) -> tuple[str, str]:
    """Return what to call a session that others wait for, and the command that ends it; 0 is no session."""
    if pid:
        return f"session {pid}", f"SELECT pg_terminate_backend({pid});"
    return (
        "a prepared transaction",
        "SELECT gid, prepared FROM pg_prepared_xacts;   (then ROLLBACK PREPARED ...)",
    )


def waits(count: int) -> str:
    """Return how many sessions wait."""
    return "1 session waits" if count == 1 else f"{count} sessions wait"


def roots(pid: int, blockers: dict[int, list[int]]) -> set[int]:
    """Return those that a session finally waits for: sessions that wait for nobody, or its own circle."""
    seen, reached, ahead = set[int](), set[int](), [pid]
    while ahead:
        each = ahead.pop()
        if each in seen:
            continue
        seen.add(each)
        further = [other for other in blockers.get(each, []) if other != each]
        ahead += further
        if not further and each != pid:
            reached.add(each)
    return reached


async def check_xmin(probe: Probe) -> list[Finding]:
    """Nothing keeps vacuum from removing dead rows for long: no session, prepared transaction, slot or standby."""
    found = []
    for row in await probe.rows(_XMIN):
        seconds, transactions = row["seconds"] or 0.0, row["transactions"]
        result = graded(seconds, probe.limits.xmin_seconds)
        if result is Result.OK and transactions >= probe.limits.xmin_transactions:
            result = Result.WARN
        if result is not Result.OK:
            value = f"{transactions:.0f} transactions" + (f", {duration(seconds)}" if seconds else "")
            sentence = f"It keeps every row that was deleted since ({value}): end it, and vacuum goes on."
            found.append(
                probe.finding(
                    result,
                    row["holder"],
                    sentence,
                    value=value,
                    threshold=duration(probe.limits.xmin_seconds[0]),
                    command=row["command"],
                )
            )
    return found


async def check_pools(probe: Probe) -> list[Finding]:
    """No call waits for a connection in the pool of its process for long."""
    pools = probe.surroundings.pools
    if pools is None:
        sentence = "No suite runs here: --process HOST:PORT names the metrics address of a process."
        return [probe.finding(Result.SKIPPED, "", sentence)]
    found = []
    for pool in pools:
        if pool.problem:
            found.append(probe.finding(Result.SKIPPED, pool.process, pool.problem + "."))
        elif pool.waiters:
            sentence = f"{pool.waiters} calls wait for one of its {pool.size} connections"
            long = pool.waited_seconds >= probe.limits.pool_wait_seconds
            sentence += (
                f", and some did all of {duration(pool.waited_seconds)}: find what holds them, or raise SEDA_DB_POOL_MAX."
                if long
                else ": --sample 10s tells whether that lasts."
            )
            found.append(
                probe.finding(
                    Result.WARN if long else Result.INFO,
                    pool.process,
                    sentence,
                    value=pool.waiters,
                    threshold=duration(probe.limits.pool_wait_seconds),
                    command="seda db activity",
                )
            )
    return found


CHECKS = (
    Check("connections", "Connections", check_connections),
    Check("pools", "Waits for a connection", check_pools),
    Check("idle-in-transaction", "Idle in transaction", check_idle, sees_all=True),
    Check("long-query", "Long statements", check_long, sees_all=True),
    Check("blocking", "Blocked sessions", check_blocking, sees_all=True),
    Check("xmin-holder", "Holders of old rows", check_xmin, sees_all=True),
)
