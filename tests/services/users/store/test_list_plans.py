"""Query plans among a hundred thousand users and entries of the audit log: index scans that read few pages."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from servicekit.caller import Role
from servicekit.clock import Micros
from servicekit.pagination import MAX_TIMESTAMP
from servicekit.sql import Query
from services.users.domain.admin import AdminActionFilter, AdminActionType
from services.users.domain.users import UserFilter
from services.users.store import admin as admin_store
from services.users.store import users as users_store
from tests.postgres import Database, administrator
from tests.services.chat.explain import Explainer

_COUNT = 101
_MOST_BUFFERS = 250
_NEWEST = Micros(MAX_TIMESTAMP), UUID(int=0)
# One in a thousand is a moderator, muted or suspended; three are administrators. Five hundred administrators acted two hundred times each.
_USERS = """
    INSERT INTO users.users
        (id, email, supabase_id, display_name, role, muted_until, suspended_until, created_at, updated_at)
    SELECT gen_random_uuid(), n || '@example.org', n::text, repeat('n', 20),
           CASE WHEN n < 4 THEN 'ADMIN' WHEN n % 1000 = 5 THEN 'MODERATOR' ELSE 'USER' END,
           CASE WHEN n % 1000 = 7 THEN now() + interval '1 year' END,
           CASE WHEN n % 1000 = 9 THEN now() + interval '1 year' END,
           t.at, t.at
    FROM generate_series(1, 100000) AS n, LATERAL (SELECT timestamptz '2024-01-01' + n * interval '1 minute' AS at) t
"""
_ENTRIES = """
    INSERT INTO users.admin_actions
        (id, actor_kind, actor_id, action, target_id, before, after, reason, request_id, created_at)
    SELECT gen_random_uuid(), 'USER', lpad((n % 500)::text, 32, '0')::uuid,
           CASE WHEN n % 1000 = 5 THEN 'SET_ROLE' ELSE 'MUTE_USER' END, lpad(n::text, 32, '0')::uuid,
           '{}', '{}', 'Spam', 'a-call', timestamptz '2024-01-01' + n * interval '1 minute'
    FROM generate_series(1, 100000) AS n
"""


class Recorder:
    """Records a statement instead of running it."""

    asked: tuple[Query[Any, *tuple[Any, ...]], tuple[Any, ...]]

    async def rows(self, query: Query[Any, *tuple[Any, ...]], *args: object) -> list[Any]:
        self.asked = (query, args)
        return []


@pytest.fixture(scope="module")
async def explainer(database: Database) -> AsyncIterator[Explainer]:
    """The service's role on filled tables."""
    async with administrator(database.server, database.name) as admin:
        await admin.execute(_USERS)
        await admin.execute(_ENTRIES)
        # As autovacuum would.
        await admin.execute("VACUUM ANALYZE users.users, users.admin_actions")
        pages = await admin.fetchval(
            "SELECT min(relpages) FROM pg_class WHERE relname IN ('users', 'admin_actions')"
        )
    assert pages > 1_000, "reading all of a table would not be noticed"
    made = await Explainer.connect(database, "users")
    yield made
    await made.close()


async def check(explainer: Explainer, recorder: Recorder, index: str, rows: int) -> None:
    """Every plan, for these arguments and for any, uses one index and reads few pages."""
    query, args = recorder.asked
    for plan in (await explainer.plan(query, *args), await explainer.generic_plan(query, *args)):
        assert plan.scanned == set()
        assert len(plan.indexes) == 1
        assert plan.buffers <= _MOST_BUFFERS, plan.root
        assert plan.root["Actual Rows"] == rows
    # For some arguments, such as the most frequent role, another index is as good.
    assert plan.indexes == {index}, plan.root


_ALL = UserFilter(None, muted=False, suspended=False, start_at=Micros(0), end_at=Micros(MAX_TIMESTAMP))


@pytest.mark.parametrize(
    ("changes", "index", "rows"),
    [
        ({}, "users_created_at_id_idx", 101),
        ({"role": Role.USER}, "users_role_created_at_id_idx", 101),
        ({"role": Role.ADMIN}, "users_role_created_at_id_idx", 3),
        ({"muted": True}, "users_muted_created_at_id_idx", 100),
        ({"muted": True, "role": Role.ADMIN}, "users_muted_created_at_id_idx", 0),
        ({"suspended": True}, "users_suspended_created_at_id_idx", 100),
        ({"suspended": True, "muted": True}, "users_suspended_created_at_id_idx", 0),
    ],
)
async def test_list_users_uses_an_index(
    explainer: Explainer, changes: dict[str, Any], index: str, rows: int
) -> None:
    recorder: Any = Recorder()
    await users_store.list_page(recorder, dataclasses.replace(_ALL, **changes), _NEWEST, _COUNT)
    await check(explainer, recorder, index, rows)


@pytest.mark.parametrize("number", [0, 99_000])
async def test_list_users_reads_a_late_page_as_fast(explainer: Explainer, number: int) -> None:
    """The control of the condition on both columns of the cursor."""
    recorder: Any = Recorder()
    at = Micros(1_704_067_200_000_000 + (100_000 - number) * 60_000_000)
    await users_store.list_page(recorder, _ALL, (at, UUID(int=0)), _COUNT)
    await check(explainer, recorder, "users_created_at_id_idx", 101)


_EVERY = AdminActionFilter(None, None, None, start_at=Micros(0), end_at=Micros(MAX_TIMESTAMP))


@pytest.mark.parametrize(
    ("changes", "index", "rows"),
    [
        ({}, "admin_actions_created_at_id_idx", 101),
        ({"action": AdminActionType.SET_ROLE}, "admin_actions_action_created_at_id_idx", 100),
        ({"actor_id": UUID(int=7)}, "admin_actions_actor_id_created_at_id_idx", 101),
        (
            {"target_id": UUID("00000000-0000-0000-0000-000000012345")},
            "admin_actions_target_id_created_at_id_idx",
            1,
        ),
    ],
)
async def test_list_admin_actions_uses_an_index(
    explainer: Explainer, changes: dict[str, Any], index: str, rows: int
) -> None:
    recorder: Any = Recorder()
    await admin_store.list_page(recorder, dataclasses.replace(_EVERY, **changes), _NEWEST, _COUNT)
    await check(explainer, recorder, index, rows)


async def test_an_action_locks_administrators_through_indexes(explainer: Explainer) -> None:
    plan = await explainer.plan(admin_store._LOCK, [UUID(int=1), UUID(int=2)])
    assert plan.scanned == set()
    assert plan.indexes == {"users_role_created_at_id_idx", "users_pkey"}
    assert plan.buffers <= 100
