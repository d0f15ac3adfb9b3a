"""The limits of request fields, read once per message type from the rules in the contract.

Lengths and counts are compared with them before any other work, so that the work on a request is bounded.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from google.api import field_behavior_pb2
from google.protobuf.descriptor import FieldDescriptor

from buf.validate import validate_pb2
from seda.rpc.v1 import validation_pb2
from servicekit.methods import ContractError
from servicekit.text import MAX_DECOMPOSITION

# The Python and C descriptors of protobuf have no common type.
Descriptor: TypeAlias = Any
Field: TypeAlias = Any
_CANONICAL_UUID = 36
# For fields without rules: those of google.protobuf.FieldMask and of health and reflection.
_DEFAULT_BYTES = 255
_DEFAULT_ITEMS = 100
_FOREIGN = ("google.", "grpc.")
# The ranges of seconds that the definitions of these messages state; no rule of the contract checks them.
_SECONDS = {
    "google.protobuf.Timestamp": (-62_135_596_800, 253_402_300_799),
    "google.protobuf.Duration": (-315_576_000_000, 315_576_000_000),
}


class Kind(enum.Enum):
    """The kinds of values that are limited."""

    TEXT = enum.auto()
    SIZED = enum.auto()
    """Bytes, and ids, which the contract's rule checks: only the length is limited."""
    MESSAGE = enum.auto()
    OTHER = enum.auto()
    """Of a fixed size: only the number of items is limited."""
    OUTPUT_ONLY = enum.auto()
    """Ignored in requests."""


@dataclass(frozen=True, slots=True)
class FieldLimit:
    """The limits of a field's value, or of each item of a repeated field.

    `max_items` is None for a field that is not repeated. `max_length` is in characters before normalization, for bytes
    in bytes; `max_bytes` is set for text without rules. `seconds` is the range of a Timestamp or a Duration.
    """

    name: str
    kind: Kind
    max_items: int | None
    max_length: int
    max_bytes: int | None
    single_line: bool
    seconds: tuple[int, int] | None
    is_plain: bool
    """Printable ASCII needs no normalization."""

    def is_too_long(self, value: str | bytes) -> bool:
        """Whether a text or bytes exceed the limit. Text of up to four times the characters may still shrink to it."""
        if len(value) > self.max_length:
            return True
        return (
            self.max_bytes is not None
            and len(value.encode() if isinstance(value, str) else value) > self.max_bytes
        )


@cache
def field_limits(message: Descriptor) -> dict[int, FieldLimit]:
    """The limits of the fields of a message by field number. Single numbers, flags and enum values need none."""
    limits = {field.number: _limit(field) for field in message.fields}
    return {
        number: limit
        for number, limit in limits.items()
        if limit.kind is not Kind.OTHER or limit.max_items is not None
    }


def check_limits(message: Descriptor) -> None:
    """Raise ContractError when a field of a request, or of a message in it, has no limit."""
    unlimited = sorted(_unlimited(message, set()))
    if unlimited:
        raise ContractError(f"{message.full_name} has fields without a limit: {', '.join(unlimited)}")


def _limit(field: Field) -> FieldLimit:
    length = _max_length(field)
    kind, message = _kind(field), field.message_type
    single_line = _value_rules(field).string.Extensions[validation_pb2.label]
    return FieldLimit(
        name=field.name,
        kind=kind,
        max_items=(_rules(field).repeated.max_items or _DEFAULT_ITEMS) if field.is_repeated else None,
        max_length=_DEFAULT_BYTES if length is None else length,
        max_bytes=_DEFAULT_BYTES if length is None else None,
        single_line=single_line,
        seconds=_SECONDS.get(message.full_name) if message is not None else None,
        is_plain=field.type == FieldDescriptor.TYPE_STRING and not single_line,
    )


def _kind(field: Field) -> Kind:
    if field_behavior_pb2.OUTPUT_ONLY in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]:
        return Kind.OUTPUT_ONLY
    if _is_map(field):
        return Kind.OTHER
    if _value_rules(field).string.Extensions[validation_pb2.canonical_uuid]:
        return Kind.SIZED
    return {
        FieldDescriptor.TYPE_STRING: Kind.TEXT,
        FieldDescriptor.TYPE_BYTES: Kind.SIZED,
        FieldDescriptor.TYPE_MESSAGE: Kind.MESSAGE,
    }.get(field.type, Kind.OTHER)


def _is_map(field: Field) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _max_length(field: Field) -> int | None:
    """The length that the rules of a text or bytes allow before normalization; None without such a rule."""
    if field.type == FieldDescriptor.TYPE_BYTES:
        rules: Any = _value_rules(field).bytes
        return rules.len or rules.max_len or None
    rules = _value_rules(field).string
    if rules.Extensions[validation_pb2.canonical_uuid]:
        return _CANONICAL_UUID
    limits = (rules.len, rules.max_len, len(rules.const), rules.max_bytes)
    return min(filter(None, limits), default=0) * MAX_DECOMPOSITION or None


def _rules(field: Field) -> validate_pb2.FieldRules:
    rules: validate_pb2.FieldRules = field.GetOptions().Extensions[validate_pb2.field]
    return rules


def _value_rules(field: Field) -> validate_pb2.FieldRules:
    return _rules(field).repeated.items if field.is_repeated else _rules(field)


def _unlimited(message: Descriptor, seen: set[str]) -> Iterator[str]:
    if message.full_name in seen:
        return
    seen.add(message.full_name)
    for field in message.fields:
        kind = _kind(field)
        if kind is Kind.OUTPUT_ONLY:
            continue
        lacks_limit = (field.is_repeated and not _rules(field).repeated.max_items) or (
            kind in {Kind.TEXT, Kind.SIZED} and _max_length(field) is None
        )
        # Maps are neither normalized nor limited here.
        if _is_map(field) or (lacks_limit and not message.full_name.startswith(_FOREIGN)):
            yield field.full_name
        elif kind is Kind.MESSAGE:
            yield from _unlimited(field.message_type, seen)
