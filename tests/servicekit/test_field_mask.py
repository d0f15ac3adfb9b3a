"""servicekit.field_mask: which fields an update changes."""

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from seda.users.v1.user_pb2 import User
from servicekit.errors import InvalidFieldsError
from servicekit.field_mask import masked_fields

_UPDATABLE = ("display_name", "email")


@pytest.mark.parametrize(
    ("paths", "resource", "fields"),
    [
        (["display_name"], User(), {"display_name"}),
        (["display_name", "display_name"], User(email="a"), {"display_name"}),
        (["*"], User(), {"display_name", "email"}),
        ([], User(id="1", display_name="Ada", etag="2"), {"display_name"}),
        ([], User(id="1", etag="2"), set()),
    ],
)
def test_masked_fields(paths: list[str], resource: User, fields: set[str]) -> None:
    assert masked_fields(resource, FieldMask(paths=paths), _UPDATABLE) == fields


@pytest.mark.parametrize("paths", [["role"], ["display_name", "role"], ["*", "email"], ["user.email"], [""]])
def test_masked_fields_refuses_unknown_paths(paths: list[str]) -> None:
    with pytest.raises(InvalidFieldsError) as refused:
        masked_fields(User(), FieldMask(paths=paths), _UPDATABLE)
    (violation,) = refused.value.violations
    assert violation.field == "update_mask"
