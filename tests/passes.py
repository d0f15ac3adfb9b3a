"""What runs more than once: on the oldest PostgreSQL, on partitioned tables and through a pooler.

The whole suite runs on the embedded PostgreSQL. Each further pass changes what statements meet, so it repeats every
test that asks for a database, but for what is listed here with the reason: a new test is repeated by itself.

    SEDA_TEST_OLDEST=1          what can differ between two versions of PostgreSQL
    SEDA_TEST_PARTITIONS=4      chat's tests
    SEDA_TEST_POOLER=1          what calls services and what stands before them
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import pooler
from tests.postgres import PARTITIONS

_TESTS = Path(__file__).parent
OLDEST = os.environ.get("SEDA_TEST_OLDEST") == "1"

# They make servers of their own instead of asking for the run's: `seda up`, `seda db init`, a stop of PostgreSQL.
OWN_SERVERS = (
    "migrations",
    "ops/test_cluster.py",
    "ops/test_up_for_real.py",
    "system/test_health.py",
)
SAME_ON_ANY_VERSION = (
    # Whether a request is refused, and with which words. Its statements, if it comes so far, run in services/.
    "contract",
    # What processes do when others die, hang, lie or are replaced: their statements run in services/, too.
    "system/test_cancels.py",
    "system/test_crash.py",
    "system/test_dedup.py",
    "system/test_locked_rooms.py",
    "system/test_network_faults.py",
    "system/test_replicas.py",
    "system/test_retries.py",
    "system/test_secrets.py",
    "system/test_tls.py",
)
CALLING_SERVICES = ("services", "gateway", "contract")
PAST_THE_POOLER = (
    # PREPARE, plans, and backends that are ended by their number: on connections straight to PostgreSQL.
    "services/test_statements.py",
    "services/chat/test_planned_once.py",
    "services/chat/rpc/test_author_data_killed.py",
    "services/chat/rpc/test_send_cost.py",
    # Refused before the first statement. What is not refused is in contract/test_valid_requests.py.
    "contract/test_fuzz.py",
    "contract/test_mutations.py",
    "contract/test_tokens.py",
)


def is_repeated(item: pytest.Item) -> bool:
    """Whether a test belongs to the pass that the environment asks for; all do when it asks for none."""
    if not item.path.is_relative_to(_TESTS):
        # A run that a test makes elsewhere, with tests of its own.
        return True
    place = item.path.relative_to(_TESTS)
    asks = "postgres_server" in getattr(item, "fixturenames", ())
    return (
        (not OLDEST or (asks and not _is_in(place, SAME_ON_ANY_VERSION)) or _is_in(place, OWN_SERVERS))
        and (not PARTITIONS or (asks and "chat" in place.parts))
        and (
            not pooler.WANTED
            or (asks and _is_in(place, CALLING_SERVICES) and not _is_in(place, PAST_THE_POOLER))
        )
    )


def _is_in(place: Path, listed: tuple[str, ...]) -> bool:
    return any(place.is_relative_to(each) for each in listed)
