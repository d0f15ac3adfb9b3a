"""The update_mask of Update methods, as AIP-134 defines it."""

from __future__ import annotations

from collections.abc import Collection

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from servicekit.errors import FieldViolation, InvalidFieldsError


def masked_fields(resource: Message, mask: FieldMask, updatable: Collection[str]) -> frozenset[str]:
    """Return the names of the fields to update, out of `updatable`.

    An empty mask selects the updatable fields that are set in the resource, `*` selects all of them. Fields that
    are not updatable are ignored in the resource; a path to one raises InvalidFieldsError for `update_mask`.
    """
    if not mask.paths:
        return frozenset(field.name for field, _ in resource.ListFields()).intersection(updatable)
    if list(mask.paths) == ["*"]:
        return frozenset(updatable)
    if not set(mask.paths) <= set(updatable):
        # The paths are not repeated: an error above the client's limit for metadata would not arrive.
        allowed = ", ".join(sorted(updatable))
        raise InvalidFieldsError(FieldViolation("update_mask", f"must be `*` or name any of: {allowed}"))
    return frozenset(mask.paths)
