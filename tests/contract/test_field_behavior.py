"""google.api.field_behavior says of each field what the rules refuse and what servers ignore."""

from __future__ import annotations

import pytest
from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from tests.contract.descriptors import own_messages
from tests.contract.field_behavior import IMMUTABLE, WRITABLE, expected, inputs


def behaviors(field: FieldDescriptor) -> list[str]:
    declared = field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    return [field_behavior_pb2.FieldBehavior.Name(each) for each in declared]


@pytest.mark.parametrize("message", own_messages(), ids=lambda message: message.full_name)
def test_fields_declare_their_behavior(message: Descriptor) -> None:
    wanted = {field.name: [kind] if (kind := expected(field)) else [] for field in message.fields}
    assert {field.name: behaviors(field) for field in message.fields} == wanted


def test_tables_name_fields_of_messages_that_requests_take() -> None:
    messages = {message.full_name: message for message in own_messages()}
    assert WRITABLE.keys() == inputs()
    for table in (WRITABLE, IMMUTABLE):
        for name, fields in table.items():
            assert fields <= set(messages[name].fields_by_name), name


def test_each_behavior_is_found() -> None:
    found = {expected(field) for message in own_messages() for field in message.fields}
    assert found >= {"REQUIRED", "OUTPUT_ONLY", "IDENTIFIER", None}
