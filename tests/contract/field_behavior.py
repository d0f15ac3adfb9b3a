"""The google.api.field_behavior that a field must have, from its rules and its message."""

from __future__ import annotations

import functools
from typing import Any

from google.protobuf.descriptor import FieldDescriptor

from buf.validate import validate_pb2
from tests.contract.descriptors import own_messages
from tests.contract.rules import kind_rules, of

# The fields that clients set in messages that requests take whole. IMMUTABLE ones are set once, at creation.
WRITABLE = {
    "seda.chat.v1.Room": {"name", "description", "announcement", "slow_mode_interval", "private", "etag"},
    "seda.chat.v1.Message": {"room_id", "text", "track", "etag"},
    "seda.chat.v1.RoomPosition": {"room_id", "after_rev"},
    "seda.chat.v1.TrackSnapshot": {"track_id"},
    "seda.users.v1.User": {"display_name", "etag"},
    "seda.users.v1.ArtistProfile": {
        "artist_name",
        "bio",
        "website_url",
        "spotify_url",
        "soundcloud_url",
        "etag",
    },
}
IMMUTABLE = {"seda.chat.v1.Message": {"room_id"}, "seda.chat.v1.Room": {"private"}}


def expected(field: FieldDescriptor) -> str | None:
    """The behavior of a field of the contract; None: neither of REQUIRED, IDENTIFIER, IMMUTABLE, OUTPUT_ONLY."""
    message = field.containing_type
    assert message is not None
    if message.name.endswith("Request"):
        return "REQUIRED" if is_required(field) else None
    if message.name.endswith("Response") or ".internal." in message.full_name:
        return None
    if message.full_name not in inputs() or field.name not in {"id", *WRITABLE[message.full_name]}:
        return "OUTPUT_ONLY"
    if field.name in IMMUTABLE.get(message.full_name, ()):
        return "IMMUTABLE"
    if field.name == "id":
        return "IDENTIFIER"
    return "REQUIRED" if is_required(field) else None


def is_required(field: FieldDescriptor) -> bool:
    """Whether the rules refuse the field's zero value or its absence."""
    rules = of(field)
    if rules.required:
        return True
    if rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE or (field.has_presence and not field.is_repeated):
        return False
    kind, active = kind_rules(rules)
    least: Any = (
        max(active.get(name, 0) for name in ("min_len", "min_bytes", "min_items", "len")) if active else 0
    )
    if kind.startswith(("int", "uint")):
        return bool(active.get("gte", 0) > 0 or active.get("gt", -1) >= 0)
    return bool(
        least > 0 or active.keys() & {"canonical_uuid", "uri", "const"} or 0 in active.get("not_in", ())
    )


@functools.cache
def inputs() -> frozenset[str]:
    """The full names of the messages that are fields of requests."""
    requests = (message for message in own_messages() if message.name.endswith("Request"))
    waiting = [field.message_type for request in requests for field in request.fields]
    found = set()
    while waiting:
        message = waiting.pop()
        if message is None or not message.full_name.startswith("seda.") or message.full_name in found:
            continue
        found.add(message.full_name)
        writable = WRITABLE.get(message.full_name, set())
        waiting += [field.message_type for field in message.fields if field.name in writable]
    return frozenset(found)
