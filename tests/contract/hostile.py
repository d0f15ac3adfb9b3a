"""Requests of the greatest size that cost a server the most, generated from the descriptors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from grpc_reflection.v1alpha import reflection_pb2

from servicekit.field_limits import field_limits
from servicekit.health import HealthService
from tests.contract.descriptors import own_files
from tests.contract.requests import deep, encoded

# The Python and C descriptors of protobuf have no common type.
Descriptor: TypeAlias = Any
Field: TypeAlias = Any
SIZE = 256 << 10
"""The greatest message that a server receives, in bytes."""
_PARSER_DEPTH = 90
# A field number that no message has.
_UNKNOWN = 2_000
_TEXTS = {
    what: (piece * SIZE)[:SIZE]
    for what, piece in {
        "combining marks": "\u0301\u0327",
        "marks of combining class 0": "\u0f73",
        "the longest runs": "a" + "\u0301\u0327" * 15,
        "ligatures": "\ufdfa",
        "letters": "é",
        "Hangul": "\u1112\u1161\u11ab",
        "space": "\u2003",
        "line breaks": "\r\n",
        "NUL": "\0",
        "ASCII": "a",
        "URLs": "https://a.b/?%41&",
        "colons": ":",
    }.items()
}
_ENCODED = {what: text.encode() for what, text in _TEXTS.items()}


class Hostile(NamedTuple):
    """A hostile request."""

    what: str
    data: bytes


def methods() -> dict[str, Descriptor]:
    """Every method of every process, those of health and reflection too, by its full name."""
    services = [service for file in own_files() for service in file.services_by_name.values()]
    reflection: Any = reflection_pb2.DESCRIPTOR.services_by_name["ServerReflection"]
    services += [HealthService.descriptor, reflection]
    return {method.full_name: method for service in services for method in service.methods}


def hostile_requests(descriptor: Descriptor, size: int = SIZE) -> Iterator[Hostile]:
    """Requests of up to `size` bytes; each aims at another field or another kind of work."""
    yield Hostile("unknown numbers", _filled(encoded(_UNKNOWN, 1), size))
    yield Hostile("unknown texts", _filled(encoded(_UNKNOWN, b""), size))
    yield Hostile("unknown groups", _filled(deep(_PARSER_DEPTH), size))
    yield Hostile("groups deeper than any message", deep(size // 8))
    for path in _paths(descriptor, ()):
        for what, data in _of_field(path, size):
            yield Hostile(f"{'.'.join(field.name for field in path)}: {what}", data)


def _paths(descriptor: Descriptor, above: tuple[Field, ...]) -> Iterator[tuple[Field, ...]]:
    """The ways to all fields, OUTPUT_ONLY ones too; a message is entered once below itself."""
    for field in descriptor.fields:
        path = (*above, field)
        yield path
        if field.message_type is not None and field.message_type not in [each.message_type for each in above]:
            yield from _paths(field.message_type, path)


def _of_field(path: tuple[Field, ...], size: int) -> Iterator[tuple[str, bytes]]:
    field, above = path[-1], path[:-1]
    # Less what the messages around it need.
    room = size - 8 * len(path)
    if field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES}:
        limit = field_limits(field.containing_type)[field.number]
        for what, text in _TEXTS.items():
            yield what, _wrapped(above, encoded(field.number, _ENCODED[what][:room]))
            longest = text[: min(limit.max_length, room // 4)].encode()
            yield f"{what}, as long as allowed", _wrapped(above, encoded(field.number, longest))
            if limit.max_items is not None:
                item = text[: min(limit.max_length, room // 4 // limit.max_items)].encode()
                items = encoded(field.number, item) * limit.max_items
                yield f"{what}, in as many items as allowed", _wrapped(above, items[:room])
    if field.type in {FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_MESSAGE} or field.is_repeated:
        yield "nothing, many times", _wrapped(above, _filled(encoded(field.number, b""), room))
    if field.message_type is not None and field.message_type is field.containing_type:
        nested = b""
        for _ in range(_PARSER_DEPTH):
            nested = encoded(field.number, nested)
        yield "itself, deeply", _wrapped(above, _filled(nested, room))
    if above:
        one = _wrapped(above[-1:], encoded(field.number, b"" if field.message_type is not None else 1))
        yield "alone in many messages", _wrapped(above[:-1], _filled(one, room))


def _wrapped(above: tuple[Field, ...], data: bytes) -> bytes:
    for field in reversed(above):
        data = encoded(field.number, data)
    return data


def _filled(piece: bytes, size: int) -> bytes:
    return piece * (size // len(piece))
