"""Every id is a canonical UUID and every name and reason has a visible character."""

from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from seda.rpc.v1 import validation_pb2
from tests.contract.descriptors import input_fields, own_messages
from tests.contract.rules import of

# The provider's or another issuer's own ids.
_FOREIGN_IDS = {"provider_id"}
_REQUESTS = [message for message in own_messages() if message.name.endswith("Request")]


def text_fields(message: Descriptor) -> list[FieldDescriptor]:
    """The text fields of a request, those of its messages too."""
    found = []
    for field in input_fields(message):
        if field.type == FieldDescriptor.TYPE_STRING:
            found.append(field)
        elif field.message_type is not None and field.message_type.full_name.startswith("seda."):
            found += text_fields(field.message_type)
    return found


@pytest.mark.parametrize("message", _REQUESTS, ids=lambda message: message.name)
def test_ids_names_and_reasons_have_their_rules(message: Descriptor) -> None:
    for field in text_fields(message):
        rules = of(field).repeated.items.string if field.is_repeated else of(field).string
        is_id = bool(re.search(r"(^|_)ids?$", field.name)) and field.name not in _FOREIGN_IDS
        assert rules.Extensions[validation_pb2.canonical_uuid] == is_id, field.full_name
        is_named = bool(re.search(r"(^|_)(name|reason)$", field.name))
        assert rules.Extensions[validation_pb2.not_blank] == is_named, field.full_name


def test_both_rules_are_found() -> None:
    names = {field.name for message in _REQUESTS for field in text_fields(message)}
    assert names >= {"room_id", "message_ids", "id", "name", "display_name", "reason"}
