"""Controls of the mutations: services and contracts with a missing check are reported."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast
from unittest.mock import Mock

import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from buf.validate import validate_pb2
from seda.chat.v1.message_service_pb2 import ListMessagesRequest
from servicekit import validation
from servicekit.field_limits import check_limits
from servicekit.handlers import HandlerFactory
from servicekit.methods import ContractError
from servicekit.metrics import Metrics
from tests import probe
from tests.contract.assertions import mutation_violations
from tests.contract.mutations import mutations, unlimited
from tests.contract.probe_service import probe_service
from tests.contract.proto_comments import documented_reasons, is_clamped, proto_comments
from tests.contract.rules import UnknownRuleError
from tests.contract.suite import Target

_REQUEST = probe.ProbeRequest.DESCRIPTOR
_TRIES = mutations(_REQUEST, {})
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def ask() -> AsyncIterator[Target]:
    async with probe_service() as served:
        yield Target(served, probe.METHODS["Ask"], "probe")


def another(field: str, rules: validate_pb2.FieldRules | None) -> type[Message]:
    """A copy of the probe's request, in a new package, with other rules for one field."""
    file = FileDescriptorProto.FromString(probe.FILE.serialized_pb)
    file.name, file.package = f"control{next(_numbers)}.proto", f"control{next(_numbers)}"
    del file.service[:]
    for message in file.message_type:
        for each in message.field:
            if each.type_name:
                each.type_name = each.type_name.replace(".probe.v1.", f".{file.package}.")
            if (message.name, each.name) == ("ProbeRequest", field):
                _set_rules(each, rules)
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{file.package}.ProbeRequest"))


def _set_rules(field: FieldDescriptorProto, rules: validate_pb2.FieldRules | None) -> None:
    field.options.ClearExtension(validate_pb2.field)
    if rules is not None:
        field.options.Extensions[validate_pb2.field].CopyFrom(rules)


async def test_nothing_is_wrong_without_a_fault(ask: Target) -> None:
    assert await mutation_violations(ask, _TRIES) == []


async def test_service_without_validation_is_caught(ask: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "validate", lambda _: None)
    found = await mutation_violations(ask, _TRIES)
    assert len(found) == sum(each.refused for each in _TRIES)


async def test_service_that_names_the_wrong_field_is_caught(
    ask: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(validation, "_path", lambda _: "field")
    assert any(
        "number too great: 11: INVALID_FIELDS naming ['field']" in each
        for each in await mutation_violations(ask, _TRIES)
    )


@pytest.mark.parametrize("field", [each.name for each in _REQUEST.fields if each.name != "inner"])
async def test_service_that_lacks_a_rule_is_caught(
    ask: Target, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    lax, strict = another(field, None), validation.validate
    monkeypatch.setattr(validation, "validate", lambda it: strict(lax.FromString(it.SerializeToString())))
    found = await mutation_violations(ask, _TRIES)
    assert found
    assert [each for each in found if f"at probe: {field}" not in each] == []


async def test_service_that_is_stricter_is_caught(ask: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = validate_pb2.FieldRules(int32=validate_pb2.Int32Rules(gte=0, lt=10))
    harsh, usual = another("number", rules), validation.validate
    monkeypatch.setattr(validation, "validate", lambda it: usual(harsh.FromString(it.SerializeToString())))
    (found,) = await mutation_violations(ask, _TRIES)
    assert "number the limit 10: refused" in found


@pytest.mark.parametrize("field", ["text", "tags", "inners", "id"])
def test_contract_that_lacks_a_limit_is_caught(field: str) -> None:
    assert list(unlimited(_REQUEST)) == []
    lax = another(field, None)
    assert list(unlimited(lax.DESCRIPTOR)) == [field]
    # A process with it does not start.
    method, nothing = probe.METHODS["Ask"], cast("Any", None)
    factory = HandlerFactory("probe", Mock(), nothing, nothing, nothing, Metrics())
    factory.handler(method, nothing)
    with pytest.raises(ContractError, match=rf"fields without a limit: .*ProbeRequest\.{field}$"):
        factory.handler(replace(method, request_type=lax), nothing)


def test_contract_with_a_map_in_a_request_is_caught() -> None:
    with pytest.raises(ContractError, match=r"fields without a limit: google\.protobuf\.Struct\.fields$"):
        check_limits(Struct.DESCRIPTOR)


@pytest.mark.parametrize(
    ("field", "rules", "name"),
    [
        ("text", validate_pb2.FieldRules(string=validate_pb2.StringRules(pattern="^a$")), "string.pattern"),
        ("number", validate_pb2.FieldRules(int32=validate_pb2.Int32Rules(not_in=[3])), "int32.not_in"),
        ("text", validate_pb2.FieldRules(cel=[validate_pb2.Rule(id="even", expression="true")]), "cel"),
        (
            "tags",
            validate_pb2.FieldRules(repeated=validate_pb2.RepeatedRules(unique=True)),
            "repeated.unique",
        ),
    ],
)
def test_rule_that_nobody_taught_is_named(field: str, rules: validate_pb2.FieldRules, name: str) -> None:
    with pytest.raises(UnknownRuleError, match=rf"ProbeRequest\.{field}: {name}$"):
        mutations(another(field, rules).DESCRIPTOR, {})


def test_clamped_field_takes_more_than_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"{_REQUEST.full_name}.number"
    monkeypatch.setitem(proto_comments(), name, "A number, clamped to 10.")
    refused = {each.what: each.refused for each in mutations(_REQUEST, {}) if each.field == "number"}
    assert refused == {
        "too great: 11": False,
        "the limit 10": False,
        "too small: -1": True,
        "the limit 0": False,
    }


def test_comments_are_those_of_the_contract() -> None:
    fields: Any = ListMessagesRequest.DESCRIPTOR.fields_by_name
    assert [name for name in fields if is_clamped(fields[name])] == ["page_size"]
    assert proto_comments()["seda.chat.v1.MemberRole.MEMBER_ROLE_MEMBER"] == "Reads and posts."
    reading = documented_reasons("seda.chat.v1.MessageService.GetMessage")
    assert reading == {"MESSAGE_NOT_FOUND", "BANNED", "ROLE_REQUIRED"}
    posting = documented_reasons("seda.gateway.v1.GatewayService.PostMessage")
    assert posting >= {"SLOW_MODE", "NOT_A_TRACK", "SERVICE_UNAVAILABLE"}
