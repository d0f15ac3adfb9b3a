"""The models say what every id refers to."""

from __future__ import annotations

import importlib
import re

import pytest
import sqlalchemy as sa

from console.studio.catalog import model, references, refers
from ops.database import SERVICES

# Ids of things that have no table, or of rows of several tables.
_ELSEWHERE = {
    "chat.backfills.after_id",
    "chat.instance.epoch",
    "tracks.backfills.after_id",
    "users.admin_actions.target_id",
    *(f"{each}.leases.holder" for each in SERVICES),
}
_REQUEST = ("request_id", "idempotency_key")


def ids(schema: str) -> dict[str, sa.Column[object]]:
    return {
        f"{table.fullname}.{column.name}": column
        for table in model(schema).sorted_tables
        for column in table.columns
        if isinstance(column.type, sa.Uuid) or isinstance(getattr(column.type, "item_type", None), sa.Uuid)
    }


@pytest.mark.parametrize("schema", SERVICES)
def test_every_id_refers_to_a_row_or_is_its_own(schema: str) -> None:
    found = ids(schema)
    silent = {
        name
        for name, column in found.items()
        if refers(column) is None and column.name not in {"id", *_REQUEST} and name not in _ELSEWHERE
    }
    assert silent == set()
    for column in found.values():
        if target := refers(column):
            assert target.column in model(target.schema).tables[target.full_table].columns


def test_references_lead_between_slices() -> None:
    found = {(each.full_table, each.column) for each in references(SERVICES)["users.users"]}
    assert {("chat.messages", "user_id"), ("tracks.track_resolvers", "user_id")} <= found


@pytest.mark.parametrize("schema", SERVICES)
def test_what_changes_a_table_is_an_rpc(schema: str) -> None:
    named = [
        str(table.info["changed_by"]) for table in model(schema).sorted_tables if "changed_by" in table.info
    ]
    assert named
    for each in named:
        service, _, method = each.partition("/")
        package = service.rpartition(".")[0]
        module = importlib.import_module(f"{package}.{_snake(service.rpartition('.')[2])}_pb2")
        assert method in module.DESCRIPTOR.services_by_name[service.rpartition(".")[2]].methods_by_name


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
