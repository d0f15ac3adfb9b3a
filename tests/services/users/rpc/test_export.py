"""ExportUser over a real channel: every column of every table once, page by page."""

from __future__ import annotations

import json
import re
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from google.protobuf.json_format import MessageToDict

from seda.users.internal.v1.identity_service_pb2 import (
    ExportUserRequest,
    ExportUserResponse,
    UserRecord,
    UserRecordKind,
)
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from servicekit.errors import AccessDeniedError, PageTokenMismatchError
from servicekit.ids import new_id
from servicekit.pagination import MAX_TIMESTAMP, encode_token, fingerprint
from services.users.domain.export import RecordKind
from tests.contract.proto_comments import proto_comments
from tests.services.chat.chat_client import new_user
from tests.services.running import Running, add_user, call, refused, service, user
from tests.services.users.canaries import fill_users, new_word

_DOMAIN = "users.seda.fm"
_TABLES = {
    "users": "USER",
    "artist_profiles": "ARTIST_PROFILE",
    "verification_requests": "VERIFICATION_REQUEST",
    "verification_attempts": "VERIFICATION_ATTEMPT",
    "verification_transitions": "VERIFICATION_TRANSITION",
    "admin_actions": "ADMIN_ACTION",
    "erasure_jobs": "ERASURE",
}
# Where the field has another name than its column.
_FIELDS = {
    "users.supabase_id": "subject",
    "users.muted_until": "mute_expire_time",
    "users.suspended_until": "suspend_expire_time",
    "verification_requests.checking_until": "checking_expire_time",
    "verification_requests.recheck_at": "recheck_time",
    "verification_requests.recheck_failed_at": "recheck_failure_time",
    "verification_requests.stale_at": "stale_time",
    "admin_actions.request_id": "call_id",
}
_NOT_EXPORTED = {
    "artist_profiles.search_name": "the artist_name normalized",
    "artist_profiles.name_skeleton": "the same",
    "erasure_jobs.id": "whoever has it may follow the erasure",
    "erasure_jobs.failures": "the worker's own",
    "erasure_jobs.due_at": "the worker's own",
    "refused_identities.identity_hash": "a hash that names nobody, for a day after the erasure",
    "refused_identities.until": "the same",
    "leases.name": "the service's own",
    "leases.holder": "the service's own",
    "leases.until": "the service's own",
}
_STEMS = {"checked": "check", "created": "create", "erased": "erase", "expires": "expire", "finished": "finish",
          "updated": "update", "verified": "verify"}  # fmt: skip


def field_of(column: str) -> str:
    """The field of a column, such as `users.created_at`."""
    name = column.partition(".")[2]
    stem = name.removesuffix("_at")
    return _FIELDS.get(column) or (f"{_STEMS[stem]}_time" if stem != name else name)


async def export(users: Running, user_id: str, **fields: Any) -> ExportUserResponse:
    request = ExportUserRequest(user_id=user_id, **fields)
    stub = IdentityServiceStub(users.channel)
    return await call(stub.ExportUser, request, service("gateway", "users"))


async def everything(users: Running, user_id: str, page_size: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """All pages, one after the other."""
    records: list[UserRecord] = []
    token = ""
    while True:
        page = await export(users, user_id, page_size=page_size, page_token=token)
        assert len(page.records) <= (page_size or 50)
        records += page.records
        token = page.next_page_token
        if not token:
            return [plain(record) for record in records]


def plain(record: UserRecord) -> tuple[str, dict[str, Any]]:
    """A record as Python has it."""
    kind = UserRecordKind.Name(record.kind).removeprefix("USER_RECORD_KIND_")
    return kind, MessageToDict(record.fields)


@pytest.fixture
async def user_id(admin: asyncpg.Connection) -> str:
    """A user with a row in every table, each column set, with a request more and many attempts."""
    word = new_word()
    made = UUID(await add_user(admin, f"{word}@example.org", supabase_id=f"subject of {word}"))
    await fill_users(admin, made, word)
    await admin.execute(
        "UPDATE users.users SET muted_until = now(), suspended_until = now() + interval '1 hour' WHERE id = $1",
        made,
    )
    await admin.execute(
        "UPDATE users.artist_profiles SET verified = true, verified_at = now() WHERE user_id = $1", made
    )
    await admin.execute(
        "INSERT INTO users.verification_attempts (id, request_id, cause, stage, proof, status_code, host, user_id)"
        " SELECT gen_random_uuid(), id, 'OWNER', 'MATCH', 'META', 200, 'a.example', user_id"
        " FROM users.verification_requests, generate_series(1, 9) WHERE user_id = $1",
        made,
    )
    await admin.execute(
        "INSERT INTO users.verification_transitions (id, request_id, from_state, to_state, actor_kind)"
        " SELECT gen_random_uuid(), id, 'PENDING', 'CHECKING', 'SYSTEM' FROM users.verification_requests"
        " WHERE user_id = $1",
        made,
    )
    await admin.execute(
        "INSERT INTO users.admin_actions (id, actor_kind, action, target_id, before, after, reason, request_id)"
        " SELECT gen_random_uuid(), 'SYSTEM', 'VERIFY', id, '{}', '{}', 'checked', 'worker'"
        " FROM (SELECT id FROM users.verification_requests WHERE user_id = $1"
        "       UNION ALL SELECT id FROM users.artist_profiles WHERE user_id = $1) AS own",
        made,
    )
    await admin.execute(
        "INSERT INTO users.erasure_jobs (id, user_id, mode, step, counts, finished_at)"
        """ VALUES (gen_random_uuid(), $1, 'TOMBSTONE', 'DONE', '{"CHAT": 3}', now())""",
        made,
    )
    return str(made)


async def test_every_column_is_exported_or_named(admin: asyncpg.Connection) -> None:
    rows = await admin.fetch(
        "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'users'"
    )
    columns = {row[0] for row in rows}
    assert columns >= _NOT_EXPORTED.keys() | _FIELDS.keys()
    documented = {
        f"{table}.{field}"
        for table, kind in _TABLES.items()
        for field in re.findall(
            r"`(\w+)`",
            proto_comments()[f"seda.users.internal.v1.UserRecordKind.USER_RECORD_KIND_{kind}"].partition(
                "Fields:"
            )[2],
        )
    }
    exported = {f"{each.partition('.')[0]}.{field_of(each)}" for each in columns - _NOT_EXPORTED.keys()}
    assert exported == documented


async def test_export_user_has_each_value_of_each_row(
    users: Running, admin: asyncpg.Connection, user_id: str
) -> None:
    records = await everything(users, user_id)
    assert list(dict.fromkeys(kind for kind, _ in records)) == [str(kind) for kind in RecordKind]
    conditions = {
        "users": "t.id = $1",
        "verification_transitions": "t.request_id IN (SELECT id FROM users.verification_requests WHERE user_id = $1)",
        "admin_actions": "t.actor_id = $1 OR t.target_id = $1 OR t.target_id IN"
        " (SELECT id FROM users.verification_requests WHERE user_id = $1"
        "  UNION ALL SELECT id FROM users.artist_profiles WHERE user_id = $1)",
    }
    for table, kind in _TABLES.items():
        query = f"SELECT to_jsonb(t) FROM users.{table} AS t WHERE {conditions.get(table, 't.user_id = $1')}"
        rows = [json.loads(row[0]) for row in await admin.fetch(query, UUID(user_id))]
        exported = [fields for each, fields in records if each == kind]
        assert len(exported) == len(rows) > 0
        for row in rows:
            columns = {name for name in row if f"{table}.{name}" not in _NOT_EXPORTED}
            names = {name: field_of(f"{table}.{name}") for name in columns}
            (found,) = [each for each in exported if "id" not in names or each["id"] == row["id"]]
            assert found.keys() == set(names.values())
            for name, field in names.items():
                assert same(found[field], row[name]) or withheld(table, field, row, user_id), (table, field)


def same(exported: Any, stored: Any) -> bool:
    """Whether a field has its column's value; times have another form."""
    if isinstance(stored, str) and re.match(r"\d{4}-\d\d-\d\dT", stored):
        return isinstance(exported, str) and exported[:19] == stored[:19]
    return bool(exported == stored)


def withheld(table: str, field: str, row: dict[str, Any], user_id: str) -> bool:
    """Whether a field is data about another user."""
    by_user = row.get("actor_id") == user_id
    if table == "admin_actions" and field in {"before", "after"}:
        return by_user
    return field in {"actor_id", "call_id"} and not by_user


async def test_export_user_leaves_out_data_about_others(
    users: Running, admin: asyncpg.Connection, user_id: str
) -> None:
    records = await everything(users, user_id)
    actions = [fields for kind, fields in records if kind == "ADMIN_ACTION"]
    by_user = [each for each in actions if each["actor_id"] is not None]
    assert [(each["actor_id"], each["before"], each["call_id"] is None) for each in by_user] == [
        (user_id, None, False)
    ]
    on_user = [each for each in actions if each["target_id"] == user_id]
    assert [(each["actor_id"], each["before"] is None, each["call_id"]) for each in on_user] == [
        (None, False, None)
    ]
    administrator = await admin.fetchval(
        "SELECT actor_id::text FROM users.admin_actions WHERE target_id = $1", UUID(user_id)
    )
    assert administrator not in json.dumps(records)


async def test_export_user_in_pages_of_any_size_gives_each_record_once(users: Running, user_id: str) -> None:
    whole = await everything(users, user_id)
    assert len(whole) == len({json.dumps(each, sort_keys=True) for each in whole}) == 20
    for size in (1, 2, 7):
        assert await everything(users, user_id, page_size=size) == whole


async def test_export_user_costs_one_statement_a_page(users: Running, user_id: str) -> None:
    token, pages = "", 0
    while token or not pages:
        with users.counting() as statements:
            page = await export(users, user_id, page_size=3, page_token=token)
        assert len(statements) == 1
        token, pages = page.next_page_token, pages + 1
    assert pages > len(RecordKind)


async def test_export_user_has_nothing_of_others_and_nothing_of_nobody(
    users: Running, admin: asyncpg.Connection, user_id: str
) -> None:
    other = await add_user(admin, new_user())
    assert [kind for kind, _ in await everything(users, other)] == ["USER"]
    assert await everything(users, str(uuid4())) == []
    assert user_id


async def test_export_user_refuses_tokens_that_it_did_not_give(users: Running, user_id: str) -> None:
    token = (await export(users, user_id, page_size=1)).next_page_token
    await refused(export(users, str(new_id()), page_token=token), PageTokenMismatchError, _DOMAIN)
    mark, nil = fingerprint("ExportUser", user_id), str(UUID(int=0))
    for numbers, texts in (
        ((), ()),
        ((1,), ("USER", nil)),
        ((1, 1), ("USER", nil, nil)),
        ((1,), ("NOTHING", nil, nil)),
        ((1,), ("USER", "x", nil)),
        ((-1,), ("USER", nil, nil)),
        ((MAX_TIMESTAMP,), ("USER", nil, nil)),
    ):
        forged = encode_token(mark, numbers, texts)
        await refused(export(users, user_id, page_token=forged), PageTokenMismatchError, _DOMAIN)


async def test_export_user_is_for_the_gateway_alone(users: Running) -> None:
    stub, request = IdentityServiceStub(users.channel), ExportUserRequest(user_id=str(uuid4()))
    for metadata in (user(new_user()), service("chat", "users"), service("tracks", "users")):
        await refused(call(stub.ExportUser, request, metadata), AccessDeniedError, _DOMAIN)
