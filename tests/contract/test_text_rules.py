"""Every id is a canonical UUID, every name and reason a label; every text that is shown has a visible character."""

from __future__ import annotations

import re

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.field_mask_pb2 import FieldMask

from buf.validate import validate_pb2
from seda.rpc.v1 import validation_pb2
from servicekit.validation import validate
from tests.contract.descriptors import input_fields, own_messages
from tests.contract.mutations import valid_requests
from tests.contract.requests import text_paths, with_text
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


def is_label(field: FieldDescriptor) -> bool:
    """Whether the rules say that a text is a label."""
    return bool(of(field).string.Extensions[validation_pb2.label])


@pytest.mark.parametrize("message", _REQUESTS, ids=lambda message: message.name)
def test_ids_names_and_reasons_have_their_rules(message: Descriptor) -> None:
    for field in text_fields(message):
        rules = of(field).repeated.items.string if field.is_repeated else of(field).string
        is_id = bool(re.search(r"(^|_)ids?$", field.name)) and field.name not in _FOREIGN_IDS
        assert rules.Extensions[validation_pb2.canonical_uuid] == is_id, field.full_name
        is_named = bool(re.search(r"(^|_)(name|reason|title|artist|topic|label)$", field.name))
        assert rules.Extensions[validation_pb2.label] == is_named, field.full_name
        is_shown_text = field.name in {"text", "bio"}
        assert rules.Extensions[validation_pb2.not_blank] == is_shown_text, field.full_name


def test_all_rules_are_found() -> None:
    names = {field.name for message in _REQUESTS for field in text_fields(message)}
    assert names >= {"room_id", "message_ids", "id", "name", "display_name", "reason", "title", "text"}


def test_label_has_the_visible_characters_of_not_blank() -> None:
    fields = [validation_pb2.not_blank, validation_pb2.label]
    expressions = [
        field.GetOptions().Extensions[validate_pb2.predefined].cel[0].expression for field in fields
    ]
    assert expressions[0] == expressions[1]


@pytest.mark.parametrize(
    "message",
    [each for each in _REQUESTS if any(is_label(field) for field in text_fields(each))],
    ids=lambda message: message.name,
)
def test_labels_become_one_line(message: Descriptor) -> None:
    for path, fields in text_paths(message):
        if not is_label(fields[-1]):
            continue
        (request, *_) = valid_requests(message, {"update_mask": [FieldMask(paths=["text"])]})
        request.MergeFromString(with_text(fields, " Ada\r\n\t Lovelace\u2003".encode()))
        validate(request)
        for field in fields[:-1]:
            request = getattr(request, field.name)
        assert getattr(request, fields[-1].name) == "Ada Lovelace", path
