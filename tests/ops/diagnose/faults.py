"""The fault of each check that lies in the database."""

from __future__ import annotations

from ops.findings import Result
from tests.ops.diagnose.build import (
    Fault,
    blocked,
    blocked_by_prepared,
    build_with,
    limits,
    session,
    sleeping,
)

ROOM = "01900000-0000-7000-8000-000000000001"
USER = "01900000-0000-7000-8000-00000000000a"
_ROOM = f"""
INSERT INTO chat.rooms (id, name, rev) VALUES ('{ROOM}', 'Records', 1);
INSERT INTO chat.room_counters (room_id, last_seq, last_rev) VALUES ('{ROOM}', 4, 4);
INSERT INTO chat.messages (room_id, seq, id, user_id, type, text, root_id, root_seq, created_at, rev)
SELECT '{ROOM}', n, ('01900000-0000-7000-8000-0000000001' || lpad(n::text, 2, '0'))::uuid, '{USER}', 'TEXT', 'x',
  CASE WHEN n IN (2, 3) THEN '01900000-0000-7000-8000-000000000101'::uuid END, CASE WHEN n IN (2, 3) THEN 1 END, now(), n
FROM generate_series(1, 4) AS n;
INSERT INTO chat.threads VALUES ('{ROOM}', '01900000-0000-7000-8000-000000000101', 2, 3, now());
INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev)
SELECT '{ROOM}', '01900000-0000-7000-8000-000000000104', gen_random_uuid(), ':ok:', now(), 4 FROM generate_series(1, 2);
INSERT INTO chat.reaction_tallies VALUES ('{ROOM}', '01900000-0000-7000-8000-000000000104', ':ok:', 2, now());
"""
_CLAIM = f"""
INSERT INTO users.users (id, email, supabase_id, display_name) VALUES ('{USER}', 'ada@example.org', 'ada', 'Ada');
INSERT INTO users.artist_profiles (id, user_id, artist_name, search_name, name_skeleton)
  VALUES ('{USER}', '{USER}', 'Ada', 'ada', 'ada');
INSERT INTO users.verification_requests (id, user_id, artist_profile_id, target_url, target_kind, claim_code, state,
  expires_at, checking_until)
  VALUES ('{ROOM}', '{USER}', '{USER}', 'https://ada.example.org/', 'WEBSITE', 'seda-verify-' || repeat('a', 26),
  'CHECKING', now() + interval '1 day', now() - interval '2 minutes');
"""
_CACHED = """
INSERT INTO tracks.crawler_cache (url_hash, url, status_code, fetched_at, expires_at, stale_until)
SELECT sha256('a'), 'https://a.example/', 200, t, t, t FROM (SELECT now() - interval '9 days') AS past (t)
"""
_ERASURE = f"""
INSERT INTO users.users (id, email, supabase_id, display_name) VALUES ('{USER}', 'ada@example.org', 'ada', 'Ada');
INSERT INTO users.erasure_jobs (id, user_id, mode, step, created_at)
VALUES (gen_random_uuid(), '{USER}', 'ANONYMISE', 'CHAT', now() - interval '2 hours')
"""
SOUND = f"""
{_ROOM}
INSERT INTO chat.messages (room_id, seq, id, user_id, type, text, root_id, root_seq, created_at, rev, deleted_at, deletion_type)
VALUES ('{ROOM}', 5, '01900000-0000-7000-8000-000000000105', '{USER}', 'TEXT', 'x', '01900000-0000-7000-8000-000000000101', 1,
  now(), 5, now(), 'AUTHOR');
UPDATE chat.room_counters SET last_seq = 5, last_rev = 6;
INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, rev, removed_at)
VALUES ('{ROOM}', '01900000-0000-7000-8000-000000000104', gen_random_uuid(), ':ok:', now(), 6, now())
"""
"""Data without a fault, which the checks of sums must find right."""

_TABLE = "CREATE TABLE chat.made (id int PRIMARY KEY, a int, b text) WITH (autovacuum_enabled = off)"
_DATABASE = "DO $$ BEGIN EXECUTE format('{}', current_database()); END $$"
_EDITED = (
    "UPDATE chat_migrations.applied SET checksum = reverse(checksum)"
    " WHERE revision = (SELECT min(revision) FROM chat_migrations.applied)"
)
_AT_ONCE = (0.0, 1e9)

FAULTS = (
    Fault("last-seq", Result.CRITICAL, build_with(_ROOM, "UPDATE chat.room_counters SET last_seq = 3")),
    Fault(
        "seq-gaps",
        Result.CRITICAL,
        build_with(
            _ROOM,
            "UPDATE chat.messages SET seq = 5, rev = 5 WHERE seq = 4",
            "UPDATE chat.room_counters SET last_seq = 5, last_rev = 5",
        ),
    ),
    Fault("reply-counts", Result.WARN, build_with(_ROOM, "UPDATE chat.threads SET reply_count = 1")),
    Fault("reaction-tallies", Result.WARN, build_with(_ROOM, "UPDATE chat.reaction_tallies SET count = 3")),
    Fault(
        "purge-overdue",
        Result.WARN,
        build_with(
            _ROOM,
            "UPDATE chat.messages SET deleted_at = now() - interval '32 days',"
            " deletion_type = 'AUTHOR' WHERE seq = 4",
        ),
    ),
    Fault("expired-cache", Result.WARN, build_with(_CACHED)),
    Fault("erasure-jobs", Result.WARN, build_with(_ERASURE)),
    Fault("checking-leases", Result.WARN, build_with(_CLAIM)),
    Fault("connections", Result.WARN, session(), limits(connections=(0.001, 2.0))),
    Fault("connections", Result.CRITICAL, session(), limits(connections=(0.001, 0.002))),
    Fault("idle-in-transaction", Result.WARN, session(), limits(idle_in_transaction=_AT_ONCE)),
    Fault("idle-in-transaction", Result.CRITICAL, session(), limits(idle_in_transaction=(0.0, 0.0))),
    Fault("long-query", Result.WARN, sleeping, limits(long_query=_AT_ONCE)),
    Fault("blocking", Result.WARN, blocked, limits(blocking=_AT_ONCE)),
    Fault("blocking", Result.WARN, blocked_by_prepared, limits(blocking=_AT_ONCE)),
    Fault("xmin-holder", Result.WARN, session("SELECT FROM users.users"), limits(xmin_seconds=_AT_ONCE)),
    Fault("xmin-holder", Result.WARN, session("SELECT FROM users.users"), limits(xmin_transactions=0.0)),
    Fault(
        "xmin-holder",
        Result.WARN,
        build_with(
            "BEGIN",
            "INSERT INTO users.leases VALUES ('a', gen_random_uuid(), now())",
            "PREPARE TRANSACTION 'left'",
            undo=["ROLLBACK PREPARED 'left'"],
        ),
        limits(xmin_seconds=_AT_ONCE),
    ),
    Fault(
        "xmin-holder",
        Result.WARN,
        build_with(
            "SELECT pg_create_logical_replication_slot('left', 'pgoutput')",
            undo=["SELECT pg_drop_replication_slot('left')"],
        ),
        limits(xmin_transactions=0.0),
    ),
    Fault(
        "dead-rows",
        Result.WARN,
        build_with(
            _TABLE,
            "INSERT INTO chat.made SELECT n FROM generate_series(1, 100) AS n",
            "DELETE FROM chat.made",
        ),
        limits(vacuum_due=0.0),
    ),
    Fault(
        "stale-stats",
        Result.WARN,
        build_with(_TABLE, "INSERT INTO chat.made SELECT n FROM generate_series(1, 10001) AS n"),
    ),
    Fault(
        "fk-without-index",
        Result.WARN,
        build_with(
            _TABLE,
            "CREATE TABLE chat.child (id int PRIMARY KEY, made int REFERENCES chat.made)",
            "INSERT INTO chat.made VALUES (1)",
            "DELETE FROM chat.made",
        ),
    ),
    Fault("no-primary-key", Result.WARN, build_with("CREATE TABLE chat.made (a int)")),
    Fault(
        "not-validated", Result.WARN, build_with(_TABLE, "ALTER TABLE chat.made ADD CHECK (a > 0) NOT VALID")
    ),
    Fault(
        "invalid-index",
        Result.WARN,
        build_with(
            _TABLE,
            "CREATE INDEX made_idx ON chat.made (a)",
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'chat.made_idx'::regclass",
        ),
    ),
    Fault(
        "redundant-index",
        Result.WARN,
        build_with(
            _TABLE,
            "CREATE INDEX made_a_idx ON chat.made (a)",
            "CREATE INDEX made_a_b_idx ON chat.made (a, b)",
        ),
    ),
    Fault(
        "redundant-index",
        Result.WARN,
        build_with(
            _TABLE,
            "CREATE INDEX made_idx ON chat.made (lower(b)) WHERE a > 0",
            "CREATE INDEX made_again_idx ON chat.made (lower(b)) WHERE a > 0",
        ),
    ),
    Fault(
        "unused-index",
        Result.INFO,
        build_with(_TABLE, "CREATE INDEX made_idx ON chat.made USING hash (b)"),
        limits(unused_index_window=0.0, unused_index_bytes=24_576),
    ),
    Fault(
        "sequence",
        Result.WARN,
        build_with("CREATE SEQUENCE chat.numbers MAXVALUE 100", "SELECT setval('chat.numbers', 75)"),
    ),
    Fault(
        "sequence",
        Result.CRITICAL,
        build_with("CREATE SEQUENCE chat.numbers MAXVALUE 100", "SELECT setval('chat.numbers', 95)"),
    ),
    Fault("wraparound", Result.WARN, build_with("SELECT 1"), limits(wraparound=(1.0, 1e12))),
    Fault("wraparound", Result.CRITICAL, build_with("SELECT 1"), limits(wraparound=(0.0, 1.0))),
    *(
        Fault(
            "settings",
            Result.WARN if name == "track_counts" else Result.CRITICAL,
            build_with(
                f"ALTER SYSTEM SET {name} = off",
                "SELECT pg_reload_conf()",
                undo=[f"ALTER SYSTEM RESET {name}", "SELECT pg_reload_conf()"],
            ),
        )
        for name in ("fsync", "full_page_writes", "autovacuum", "track_counts")
    ),
    Fault(
        "settings",
        Result.WARN,
        build_with(
            "ALTER ROLE chat_app RESET lock_timeout", undo=["ALTER ROLE chat_app SET lock_timeout = '1s'"]
        ),
    ),
    Fault(
        "roles",
        Result.CRITICAL,
        build_with("ALTER ROLE chat_app CREATEROLE", undo=["ALTER ROLE chat_app NOCREATEROLE"]),
    ),
    Fault(
        "roles",
        Result.CRITICAL,
        build_with("GRANT chat_owner TO chat_app", undo=["REVOKE chat_owner FROM chat_app"]),
    ),
    Fault(
        "roles",
        Result.CRITICAL,
        build_with(
            "GRANT UPDATE (reason) ON users.admin_actions TO users_app",
            undo=["REVOKE UPDATE (reason) ON users.admin_actions FROM users_app"],
        ),
    ),
    Fault(
        "roles",
        Result.CRITICAL,
        build_with(
            "GRANT CREATE ON SCHEMA public TO PUBLIC", undo=["REVOKE CREATE ON SCHEMA public FROM PUBLIC"]
        ),
    ),
    Fault(
        "roles",
        Result.CRITICAL,
        build_with(
            _DATABASE.format("GRANT TEMP ON DATABASE %I TO PUBLIC"),
            undo=[_DATABASE.format("REVOKE TEMP ON DATABASE %I FROM PUBLIC")],
        ),
    ),
    Fault(
        "migrations",
        Result.CRITICAL,
        build_with(_EDITED, undo=[_EDITED]),
    ),
    Fault(
        "migrations",
        Result.WARN,
        build_with(
            *(
                f"ALTER TABLE chat_migrations.{each} RENAME TO {each}_before;"
                f"CREATE TABLE chat_migrations.{each} (LIKE chat_migrations.{each}_before INCLUDING ALL)"
                for each in ("applied", "alembic_version")
            ),
            undo=[
                f"DROP TABLE chat_migrations.{each}; ALTER TABLE chat_migrations.{each}_before RENAME TO {each}"
                for each in ("applied", "alembic_version")
            ],
        ),
    ),
    Fault(
        "pss-missing",
        Result.INFO,
        build_with(
            "DROP EXTENSION pg_stat_statements",
            undo=["CREATE EXTENSION pg_stat_statements WITH SCHEMA extensions"],
        ),
    ),
    Fault(
        "outliers",
        Result.WARN,
        build_with("SET ROLE users_app", *["SELECT pg_sleep(0.01)"] * 5),
        limits(slow_query_ms=5.0),
    ),
    Fault(
        "table-bloat",
        Result.CRITICAL,
        build_with(
            _TABLE,
            "INSERT INTO chat.made SELECT n, n, repeat('x', 100) FROM generate_series(1, 5000) AS n",
            "DELETE FROM chat.made WHERE id < 5000",
            "VACUUM chat.made",
        ),
        limits(table_bloat_bytes=262_144),
    ),
    Fault(
        "index-bloat",
        Result.CRITICAL,
        build_with(
            _TABLE,
            "INSERT INTO chat.made SELECT n FROM generate_series(1, 50000) AS n",
            "ANALYZE chat.made",
            "DELETE FROM chat.made WHERE id % 10 <> 0",
            "VACUUM chat.made",
        ),
        limits(index_bloat_bytes=262_144),
    ),
)
