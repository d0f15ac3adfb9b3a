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

# Erasing goes on wherever it was killed, at some 250 places: what its statements do is tried in its other tests.
_KILLED = (
    "services/chat/rpc/test_author_data_killed.py::test_erase_author_killed_at_every_statement_is_resumed"
)
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
    _KILLED,
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
WHOLE_AS_IN_PARTITIONS = (
    _KILLED,
    # A thousand races for a room's lock, which is in no partitioned table.
    "services/chat/rpc/test_ban_race.py::test_no_message_comes_after_its_authors_ban",
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
    asks = "postgres_server" in getattr(item, "fixturenames", ())
    chat_s = "chat" in item.path.relative_to(_TESTS).parts
    return (
        (not OLDEST or (asks and not _is_in(item, SAME_ON_ANY_VERSION)) or _is_in(item, OWN_SERVERS))
        and (not PARTITIONS or (asks and chat_s and not _is_in(item, WHOLE_AS_IN_PARTITIONS)))
        and (
            not pooler.WANTED
            or (asks and _is_in(item, CALLING_SERVICES) and not _is_in(item, PAST_THE_POOLER))
        )
    )


def has_nothing_for(path: Path) -> bool:
    """Whether a file has no test for the pass that the environment asks for, which is known without reading it."""
    if path.suffix != ".py" or not path.is_relative_to(_TESTS):
        return False
    place = path.relative_to(_TESTS)
    if OLDEST or PARTITIONS or pooler.WANTED:
        return (
            # Rules and sources ask for no database.
            bool({"domain", "architecture"} & set(place.parts))
            or (OLDEST and any(place.is_relative_to(each) for each in SAME_ON_ANY_VERSION))
            or (PARTITIONS > 0 and "chat" not in place.parts)
            or (pooler.WANTED and place.parts[0] not in CALLING_SERVICES)
        )
    return False


def _is_in(item: pytest.Item, listed: tuple[str, ...]) -> bool:
    """Whether a test is in one of these folders and files, or is one of the tests that are named behind "::"."""
    place = item.path.relative_to(_TESTS)
    named = f"{place}::{getattr(item, 'originalname', '')}"
    return any(place.is_relative_to(each) or named == each for each in listed)
