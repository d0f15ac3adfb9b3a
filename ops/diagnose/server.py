"""Numbers that run out, settings and roles as they must be, migrations, and what pg_stat_statements has seen."""

from __future__ import annotations

import asyncio

from ops.database import SERVICES
from ops.database.history import read_histories
from ops.database.roles import SETTINGS
from ops.diagnose.bloat import EXTENSION
from ops.diagnose.check import Check, Probe, duration, graded, size
from ops.diagnose.readings import Counts, read_statements
from ops.errors import CliError
from ops.findings import Finding, Result

_SEQUENCES = """
SELECT format('%I.%I', n.nspname, c.relname) AS name, s.seqmax AS most,
  has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT, USAGE') AS readable,
  pg_sequence_last_value(c.oid) AS last
FROM pg_catalog.pg_sequence AS s JOIN pg_catalog.pg_class AS c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE s.seqincrement > 0 AND NOT s.seqcycle AND c.relpersistence <> 't'
"""
_AGE = "SELECT age(datfrozenxid)::float8 FROM pg_catalog.pg_database WHERE datname = current_database()"
_OLDEST = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c
JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 't') ORDER BY age(c.relfrozenxid) DESC LIMIT 1
"""
_LOSSES = {
    "fsync": (Result.CRITICAL, "A crash of the machine destroys the data."),
    "full_page_writes": (Result.CRITICAL, "A crash of the machine can leave pages half written."),
    "autovacuum": (
        Result.CRITICAL,
        "Nothing removes dead rows, until the server stops for want of transaction ids.",
    ),
    "track_counts": (Result.WARN, "Autovacuum learns of no change."),
    "data_checksums": (Result.INFO, "A page that the disk has damaged goes unnoticed."),
}
_ROLE_SETTINGS = """
SELECT r.rolname::text AS role, coalesce(array_agg(s.setting) FILTER (WHERE s.setting IS NOT NULL), '{}') AS settings
FROM pg_catalog.pg_roles AS r
LEFT JOIN pg_catalog.pg_db_role_setting AS d ON d.setrole = r.oid AND d.setdatabase = 0
LEFT JOIN LATERAL unnest(d.setconfig) AS s (setting) ON true
WHERE r.rolname = ANY ($1::text[]) GROUP BY 1 ORDER BY 1
"""
AUDIT_TABLES = (
    "chat.moderation_logs",
    "users.admin_actions",
    "users.verification_attempts",
    "users.verification_transitions",
)
"""Tables to which services only add."""

_MIGHTY = """
SELECT r.rolname::text AS role,
  concat_ws(', ', CASE WHEN r.rolsuper THEN 'is a superuser' END, CASE WHEN r.rolcreaterole THEN 'may make roles' END,
    CASE WHEN r.rolbypassrls THEN 'passes row security' END,
    CASE WHEN pg_has_role(r.oid, n.nspowner, 'MEMBER') THEN 'owns schema ' || n.nspname END) AS why
FROM unnest($1::text[]) AS slice (name)
JOIN pg_catalog.pg_roles AS r ON r.rolname = slice.name || '_app'
JOIN pg_catalog.pg_namespace AS n ON n.nspname = slice.name
WHERE r.rolsuper OR r.rolcreaterole OR r.rolbypassrls OR pg_has_role(r.oid, n.nspowner, 'MEMBER')
"""
_AUDIT = """
SELECT r.rolname::text AS role, format('%I.%I', n.nspname, c.relname) AS name, privilege
FROM unnest($1::text[], $2::text[]) AS wanted (nspname, relname)
JOIN pg_catalog.pg_namespace AS n ON n.nspname = wanted.nspname
JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname = wanted.relname
JOIN pg_catalog.pg_roles AS r ON r.rolname = n.nspname || '_app' AND NOT r.rolsuper
  AND NOT pg_has_role(r.oid, n.nspowner, 'MEMBER')
CROSS JOIN unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
WHERE has_table_privilege(r.oid, c.oid, privilege)
  OR (privilege = 'UPDATE' AND has_any_column_privilege(r.oid, c.oid, privilege))
ORDER BY 1, 2, 3
"""
_PUBLIC = """
SELECT 'schema ' || quote_ident(nspname) AS name, 'CREATE' AS privilege
FROM pg_catalog.pg_namespace AS n CROSS JOIN aclexplode(coalesce(nspacl, acldefault('n', nspowner))) AS a
WHERE a.grantee = 0 AND a.privilege_type = 'CREATE' AND nspname !~ '^pg_'
UNION ALL
SELECT 'database ' || quote_ident(datname), 'TEMPORARY'
FROM pg_catalog.pg_database AS d CROSS JOIN aclexplode(coalesce(datacl, acldefault('d', datdba))) AS a
WHERE a.grantee = 0 AND a.privilege_type = 'TEMPORARY' AND datname = current_database()
"""
_HAS_ROLES = "SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = ANY ($1::text[])"
_PRELOADED = "SELECT current_setting('shared_preload_libraries') ~ 'pg_stat_statements'"
_PRELOAD = (
    "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements';   (then restart the server)\n"
    "CREATE EXTENSION pg_stat_statements WITH SCHEMA extensions;"
)
# Few calls are an accident.
_STORE_SECONDS = 2.0
_MIN_CALLS = 5
_SHOWN = 10


async def check_sequences(probe: Probe) -> list[Finding]:
    """No sequence is near its end."""
    rows = await probe.rows(_SEQUENCES)
    found = []
    for row in rows:
        share = (row["last"] or 0) / row["most"]
        result = graded(share, probe.limits.sequence)
        if result is not Result.OK:
            sentence = (
                f"{share:.0%} of its {row['most']} numbers are used: give it and its column the type bigint."
            )
            found.append(
                probe.finding(
                    result,
                    row["name"],
                    sentence,
                    value=row["last"],
                    threshold=f"{probe.limits.sequence[0]:.0%}",
                    command=f"ALTER SEQUENCE {row['name']} AS bigint;   (first the column: seda migrate dev)",
                )
            )
    hidden = [row["name"] for row in rows if not row["readable"]]
    if hidden:
        sentence = f"This role may not read {', '.join(hidden)}: use the administrator."
        found.append(probe.finding(Result.SKIPPED, "", sentence))
    return found


async def check_wraparound(probe: Probe) -> list[Finding]:
    """Old transaction ids are frozen in time."""
    age = await probe.connection.fetchval(_AGE)
    result = graded(age, probe.limits.wraparound)
    if result is Result.OK:
        return []
    oldest = await probe.connection.fetchval(_OLDEST)
    sentence = f"The oldest transaction id is {age:.0f} back, and at 2,000,000,000 the server takes no more writes: vacuum."
    return [
        probe.finding(
            result,
            oldest,
            sentence,
            value=f"{age:.0f}",
            threshold=f"{probe.limits.wraparound[0]:.0f}",
            command=f"VACUUM (FREEZE, VERBOSE) {oldest};\nseda db doctor   (xmin-holder: what may keep vacuum from it)",
        )
    ]


async def check_settings(probe: Probe) -> list[Finding]:
    """No setting of the server risks the data, and the services' roles have their time limits."""
    found = []
    for name, (result, sentence) in _LOSSES.items():
        if await probe.connection.fetchval("SELECT current_setting($1)", name) == "off":
            fix = (
                "Stop the server, then: pg_checksums --enable -D DATA"
                if name == "data_checksums"
                else f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();"
            )
            found.append(probe.finding(result, name, sentence, value="off", threshold="on", command=fix))
    for row in await probe.rows(_ROLE_SETTINGS, list(SETTINGS)):
        present = {each.partition("=")[0] for each in row["settings"]}
        lacking = sorted(SETTINGS[row["role"]].keys() - present)
        if lacking:
            sentence = f"The role has no {', '.join(lacking)}: its statements may last and lock for ever."
            found.append(probe.finding(Result.WARN, row["role"], sentence, command="seda db init"))
    return found


async def check_roles(probe: Probe) -> list[Finding]:
    """The services' roles have no more rights than they need, and PUBLIC none to make anything."""
    if not await probe.connection.fetchval(_HAS_ROLES, [f"{each}_app" for each in SERVICES]):
        sentence = "One role owns and runs everything here: there is nothing to keep apart."
        return [probe.finding(Result.SKIPPED, "", sentence)]
    found = [
        probe.finding(
            Result.CRITICAL,
            row["role"],
            f"The role of a service {row['why']}: whoever takes over the service has that too.",
            command=f"ALTER ROLE {row['role']} NOSUPERUSER NOCREATEROLE NOBYPASSRLS;",
        )
        for row in await probe.rows(_MIGHTY, list(SERVICES))
    ]
    schemas, tables = zip(*(each.split(".") for each in AUDIT_TABLES), strict=True)
    found += [
        probe.finding(
            Result.CRITICAL,
            f"{row['role']} {row['name']}",
            f"{row['role']} has {row['privilege']} on an audit table, to which services only add.",
            command=f"REVOKE {row['privilege']} ON {row['name']} FROM {row['role']};",
        )
        for row in await probe.rows(_AUDIT, list(schemas), list(tables))
    ]
    found += [
        probe.finding(
            Result.CRITICAL,
            row["name"],
            f"Every role of the server has {row['privilege']} on it.",
            command=f"REVOKE {row['privilege']} ON {row['name'].upper().split()[0]} {row['name'].split()[1]} FROM PUBLIC;",
        )
        for row in await probe.rows(_PUBLIC)
    ]
    return found


async def check_migrations(probe: Probe) -> list[Finding]:
    """All revisions of this version are applied, as their files are."""
    try:
        histories = await read_histories(probe.connection)
    except CliError as error:
        return [probe.finding(Result.CRITICAL, "", f"{error.message} {error.why}", command=error.fix)]
    found = [
        probe.finding(Result.CRITICAL, each.schema, problem, command="seda migrate status")
        for each in histories
        for problem in each.problems
    ]
    found += [
        probe.finding(
            Result.WARN,
            each.schema,
            f"{len(each.pending)} revisions are not applied, up to {each.head}.",
            value=each.current or "none",
            threshold=each.head,
            command="seda migrate deploy",
        )
        for each in histories
        if each.pending
    ]
    return found


async def check_pss(probe: Probe) -> list[Finding]:
    """pg_stat_statements counts what statements cost."""
    preloaded = await probe.connection.fetchval(_PRELOADED)
    if preloaded and await probe.connection.fetchval(EXTENSION, "pg_stat_statements"):
        return []
    sentence = "Nobody counts what statements cost: an administrator adds it with these two lines."
    return [probe.finding(Result.INFO, "", sentence, command=_PRELOAD)]


async def check_outliers(probe: Probe) -> list[Finding]:
    """No statement of a service takes long on average."""
    schema = await probe.connection.fetchval(EXTENSION, "pg_stat_statements")
    if schema is None or not await probe.connection.fetchval(_PRELOADED):
        return [probe.finding(Result.SKIPPED, "", "pg_stat_statements is missing: see pss-missing.")]
    around, limit = probe.surroundings, probe.limits.slow_query_ms
    around.now.statements, around.now.reset = await read_statements(probe.connection, schema)
    counted = around.now.statements
    if around.before is not None and around.before.reset == around.now.reset:
        counted = {tag: each.since(around.before.statements.get(tag)) for tag, each in counted.items()}
    ranked = sorted(
        ((tag, each) for tag, each in counted.items() if each.calls), key=lambda pair: -pair[1].ms
    )
    whole = sum(each.ms for _, each in ranked) or 1.0
    found = []
    for rank, (tag, each) in enumerate(ranked):
        mean = each.ms / each.calls
        slow = mean > limit and each.calls >= _MIN_CALLS
        if slow or (around.sample_seconds and rank < _SHOWN):
            found.append(
                probe.finding(
                    Result.WARN if slow else Result.INFO,
                    tag,
                    _cost(each, each.ms / whole, around.sample_seconds),
                    value=f"{mean:.1f} ms",
                    threshold=f"{limit:.0f} ms",
                    command="seda db slow",
                )
            )
    return found


def _cost(counts: Counts, share: float, sample_seconds: float) -> str:
    often = (
        f"{counts.calls / sample_seconds:.1f} calls a second"
        if sample_seconds
        else f"{counts.calls:.0f} calls"
    )
    extra = "".join(
        f", {size(number / counts.calls)} of {what} each"
        for number, what in ((counts.temporary, "temporary files"), (counts.wal, "WAL"))
        if number
    )
    return (
        f"It takes {counts.ms / counts.calls:.1f} ms on average over {often}, {share:.0%} of the services' time,"
        f" for {counts.rows / counts.calls:.1f} rows{extra}."
    )


async def check_drift(probe: Probe) -> list[Finding]:
    """The catalogs are what the applied revisions make."""
    compare = probe.surroundings.drift
    if compare is None:
        sentence = (
            "The catalogs are compared with --drift alone: that takes a scratch database on this server."
        )
        return [probe.finding(Result.SKIPPED, "", sentence)]
    try:
        differences = await compare()
    except CliError as error:
        return [probe.finding(Result.SKIPPED, "", f"{error.message} {error.why}", command=error.fix)]
    return [
        probe.finding(
            Result.WARN,
            each.splitlines()[0],
            "Somebody changed it by hand: put the change into a revision, or undo it.",
            command="seda migrate status --drift",
        )
        for each in differences
    ]


async def check_backup(probe: Probe) -> list[Finding]:
    """A verified backup is there, and it is not too old."""
    look = probe.surroundings.newest_backup
    if look is None:
        sentence = "SEDA_BACKUP_LOCATION names no place, and the data folder has no backups."
        return [probe.finding(Result.SKIPPED, "", sentence, command="seda backup create")]
    try:
        async with asyncio.timeout(_STORE_SECONDS):
            newest, place = await asyncio.to_thread(look)
    except (CliError, TimeoutError) as error:
        why = str(error) or f"Their place does not respond within {_STORE_SECONDS:.0f} s."
        return [
            probe.finding(Result.ERROR, "", f"Backups can't be read: {why}", command="seda backup status")
        ]
    if newest is None:
        sentence = f"There is no backup in {place}: what is lost now is lost for good."
        return [probe.finding(Result.CRITICAL, "", sentence, command="seda backup create")]
    age, limit = (probe.surroundings.now.at - newest).total_seconds(), probe.limits.backup_age_seconds
    if age <= limit:
        return [probe.finding(Result.OK, "", "", value=duration(age), threshold=duration(limit))]
    sentence = (
        f"The newest backup in {place} is {duration(age)} old, and at most {duration(limit)} is asked for."
    )
    return [
        probe.finding(
            Result.CRITICAL,
            "",
            sentence,
            value=duration(age),
            threshold=duration(limit),
            command="seda backup create",
        )
    ]


CHECKS = (
    Check("sequence", "Sequences", check_sequences),
    Check("wraparound", "Transaction ids", check_wraparound),
    Check("settings", "Settings", check_settings),
    Check("roles", "Roles", check_roles),
    Check("migrations", "Migrations", check_migrations),
    Check("drift", "Drift of the catalogs", check_drift),
    Check("backup", "Backup", check_backup),
    Check("pss-missing", "pg_stat_statements", check_pss),
    Check("outliers", "Statements", check_outliers, sees_all=True),
)
