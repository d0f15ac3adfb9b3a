"""The test matrix: the tests that `make test-all` repeats elsewhere than on the embedded PostgreSQL.

The axes are the version of PostgreSQL, partitions and PgBouncer. Tests that call services meet all three at once, in
the PgBouncer run. Tests that bypass PgBouncer, above all plans and migrations, meet PostgreSQL 15 and partitions in a
run of each. The native transport needs what is about calls alone, once, and of what is slow only faults and crashes.
A new test is repeated unless it is listed here.

    SEDA_TEST_POSTGRES_15=1     tests whose result can depend on the version of PostgreSQL
    SEDA_TEST_PARTITIONS=4      the tests of chat
    SEDA_TEST_POOLER=1          tests that call services, through PgBouncer
    SEDA_TEST_POOLED=1          with one of the first two: without the tests of the PgBouncer run
    SEDA_TEST_NATIVE=1          tests of calls to services; with SEDA_TRANSPORT=native, which makes the processes use it
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import pooler
from tests.postgres import PARTITIONS

_TESTS = Path(__file__).parent
POSTGRES_15 = os.environ.get("SEDA_TEST_POSTGRES_15") == "1"
POOLED = os.environ.get("SEDA_TEST_POOLED") == "1"
NATIVE = os.environ.get("SEDA_TEST_NATIVE") == "1"

EMBEDDED_ONLY = (
    # Erasure killed after each of 250 statements. The other erasure tests run these statements in the matrix.
    "services/chat/rpc/test_erasure_resume.py::test_erase_author_killed_at_every_statement_is_resumed",
)
# They start their own servers, so they do not use `postgres_server`: `seda up`, `seda db init`, a stop of PostgreSQL.
OWN_SERVERS = (
    "migrations",
    "ops/backup/test_privileges.py",
    "ops/diagnose",
    "ops/test_cluster.py",
    "ops/test_up_real_suite.py",
    "system/test_health.py",
)
VERSION_INDEPENDENT = (
    # Measurements, which check their replies themselves.
    "bench",
    # Manifests, probes and metrics.
    "deploy",
    # Request validation. The statements of accepted requests run in services/.
    "contract",
    # Damaged files, lost connections and killed processes. What is restored is compared in the other tests of backups.
    "ops/backup/test_damage.py",
    "ops/backup/test_interrupted.py",
    "ops/backup/test_retention.py",
    "ops/backup/test_s3.py",
    # The example of the client alone, against the services.
    "sedaclient/test_wheel.py",
    # Processes that die, hang, lie, are replaced or have much to do. Their statements run in services/.
    "system/test_cancels.py",
    "system/test_client_crash.py",
    "system/test_client_watch.py",
    "system/test_crash.py",
    "system/test_dedup.py",
    "system/test_live_latency.py",
    "system/test_live_load.py",
    "system/test_live_restarts.py",
    "system/test_locked_rooms.py",
    "system/test_network_faults.py",
    "system/test_outages.py",
    "system/test_overload.py",
    # What commands write differs with the version, such as a note on checksums.
    "system/test_pages.py",
    "system/test_polling.py",
    "system/test_retries.py",
    "system/test_rolling_restarts.py",
    "system/test_secrets.py",
    "system/test_tls.py",
)
# Plans of each version are checked on unpartitioned tables, too.
PLAN_FIXTURES = frozenset({"explainer"})
POOLED_PATHS = ("services", "gateway", "contract")
BYPASS_POOLER = (
    # PREPARE, plans, and backends terminated by pid need direct connections.
    "services/test_statements.py",
    "services/chat/test_generic_plans.py",
    "services/chat/rpc/test_erasure_resume.py",
    "services/chat/rpc/test_round_trips_send.py",
    # Hundreds of pages and streams at once, in one event loop with the services and beside PgBouncer.
    "services/chat/live/test_start.py",
    # No NOTIFY through a pooler: typing stays in its process.
    "services/chat/rpc/test_typing.py",
    # Refused before the first statement. contract/test_valid_requests.py covers accepted requests.
    "contract/test_fuzz.py",
    "contract/test_mutations.py",
    "contract/test_tokens.py",
)

NATIVE_PATHS = (
    "contract",
    "gateway",
    "services/chat/rpc",
    "system/test_cancels.py",
    "system/test_crash.py",
    "system/test_health.py",
    "system/test_network_faults.py",
    "system/test_retries.py",
)
NOT_ABOUT_CALLS = (
    # Of sources and of the tests' own tools; and of what happens above the transport.
    "contract/test_checker.py",
    "contract/test_emails.py",
    "contract/test_field_behavior.py",
    "contract/test_file_options.py",
    "contract/test_mutation_controls.py",
    "services/chat/rpc/test_erasure_resume.py",
)


def is_selected(item: pytest.Item) -> bool:
    """Whether a test belongs to the run of the matrix that the environment selects; without one all do."""
    if not item.path.is_relative_to(_TESTS) or not (POSTGRES_15 or PARTITIONS or pooler.WANTED or NATIVE):
        # Tests outside this tree are those of a nested run.
        return True
    fixtures = frozenset(getattr(item, "fixturenames", ()))
    uses_server = "postgres_server" in fixtures
    if NATIVE:
        slow = item.get_closest_marker("slow") is not None
        return not is_ignored(item.path) and (not slow or _is_in(item, ("system",)))
    pooled = uses_server and _is_in(item, POOLED_PATHS) and not _is_in(item, BYPASS_POOLER)
    if pooler.WANTED:
        return pooled and not _is_in(item, EMBEDDED_ONLY)
    if _is_in(item, EMBEDDED_ONLY) or (POOLED and pooled and not (POSTGRES_15 and PLAN_FIXTURES & fixtures)):
        return False
    if POSTGRES_15:
        return (uses_server and not _is_in(item, VERSION_INDEPENDENT)) or _is_in(item, OWN_SERVERS)
    return uses_server and "chat" in item.path.relative_to(_TESTS).parts


def is_ignored(path: Path) -> bool:
    """Whether a file has no test for the selected run, decided without importing it."""
    if path.suffix != ".py" or not path.is_relative_to(_TESTS):
        return False
    place, direct = path.relative_to(_TESTS), not pooler.WANTED
    if NATIVE:
        return not _is_below(place, NATIVE_PATHS) or _is_below(place, NOT_ABOUT_CALLS)
    if POSTGRES_15 or PARTITIONS or pooler.WANTED:
        return (
            # Pure rules and source checks use no database.
            bool({"domain", "architecture"} & set(place.parts))
            or (pooler.WANTED and place.parts[0] not in POOLED_PATHS)
            or (direct and POSTGRES_15 and any(place.is_relative_to(each) for each in VERSION_INDEPENDENT))
            or (direct and not POSTGRES_15 and "chat" not in place.parts)
        )
    return False


def _is_below(place: Path, listed: tuple[str, ...]) -> bool:
    return any(place.is_relative_to(each) for each in listed)


def _is_in(item: pytest.Item, listed: tuple[str, ...]) -> bool:
    """Whether a test is in one of these folders and files, or is listed as `file::name`."""
    place = item.path.relative_to(_TESTS)
    named = f"{place}::{getattr(item, 'originalname', '')}"
    return any(place.is_relative_to(each) or named == each for each in listed)
