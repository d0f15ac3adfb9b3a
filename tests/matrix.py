"""What runs more than once: elsewhere than on the embedded PostgreSQL, where the whole suite runs.

Elsewhere differs by the version of PostgreSQL, by partitions and by a pooler. What calls services meets all three at
once; what does not go through the pooler, plans and migrations above all, meets the oldest version and the partitions each
by itself. A new test is repeated by itself; what is not is listed here with the reason.

    SEDA_TEST_OLDEST=1          what can differ between two versions of PostgreSQL
    SEDA_TEST_PARTITIONS=4      chat's tests
    SEDA_TEST_POOLER=1          what calls services, through the pooler
    SEDA_TEST_POOLED=1          beside one of the first two: without what a run through the pooler has tried so
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import pooler
from tests.postgres import PARTITIONS

_TESTS = Path(__file__).parent
OLDEST = os.environ.get("SEDA_TEST_OLDEST") == "1"
POOLED = os.environ.get("SEDA_TEST_POOLED") == "1"

ONCE = (
    # Erasing goes on wherever it was killed, at some 250 places: what its statements do is tried in its other tests.
    "services/chat/rpc/test_erasure_resume.py::test_erase_author_killed_at_every_statement_is_resumed",
)
# They make servers of their own instead of asking for the run's: `seda up`, `seda db init`, a stop of PostgreSQL.
OWN_SERVERS = (
    "migrations",
    "ops/test_cluster.py",
    "ops/test_up_real_suite.py",
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
# A version's plans are judged on the tables as they ship, without partitions, too.
ASKS_FOR_PLANS = frozenset({"explainer"})
CALLING_SERVICES = ("services", "gateway", "contract")
PAST_THE_POOLER = (
    # PREPARE, plans, and backends that are ended by their number: on connections straight to PostgreSQL.
    "services/test_statements.py",
    "services/chat/test_planned_once.py",
    "services/chat/rpc/test_erasure_resume.py",
    "services/chat/rpc/test_round_trips_send.py",
    # Refused before the first statement. What is not refused is in contract/test_valid_requests.py.
    "contract/test_fuzz.py",
    "contract/test_mutations.py",
    "contract/test_tokens.py",
)


def is_repeated(item: pytest.Item) -> bool:
    """Whether a test belongs to the pass that the environment asks for; all do when it asks for none."""
    if not item.path.is_relative_to(_TESTS) or not (OLDEST or PARTITIONS or pooler.WANTED):
        # Or a run that a test makes elsewhere, with tests of its own.
        return True
    fixtures = frozenset(getattr(item, "fixturenames", ()))
    asks = "postgres_server" in fixtures
    if _is_in(item, ONCE):
        return False
    pooled = asks and _is_in(item, CALLING_SERVICES) and not _is_in(item, PAST_THE_POOLER)
    if pooler.WANTED:
        return pooled
    if POOLED and pooled and not (OLDEST and ASKS_FOR_PLANS & fixtures):
        return False
    if OLDEST:
        return (asks and not _is_in(item, SAME_ON_ANY_VERSION)) or _is_in(item, OWN_SERVERS)
    return asks and "chat" in item.path.relative_to(_TESTS).parts


def has_nothing_for(path: Path) -> bool:
    """Whether a file has no test for the pass that the environment asks for, which is known without reading it."""
    if path.suffix != ".py" or not path.is_relative_to(_TESTS):
        return False
    place, straight = path.relative_to(_TESTS), not pooler.WANTED
    if OLDEST or PARTITIONS or pooler.WANTED:
        return (
            # Rules and sources ask for no database.
            bool({"domain", "architecture"} & set(place.parts))
            or (pooler.WANTED and place.parts[0] not in CALLING_SERVICES)
            or (straight and OLDEST and any(place.is_relative_to(each) for each in SAME_ON_ANY_VERSION))
            or (straight and not OLDEST and "chat" not in place.parts)
        )
    return False


def _is_in(item: pytest.Item, listed: tuple[str, ...]) -> bool:
    """Whether a test is in one of these folders and files, or is one of the tests that are named behind "::"."""
    place = item.path.relative_to(_TESTS)
    named = f"{place}::{getattr(item, 'originalname', '')}"
    return any(place.is_relative_to(each) or named == each for each in listed)
