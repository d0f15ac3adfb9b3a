"""Random valid messages of any type, the same ones for the same seed."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration

_KINDS = FieldDescriptor
_EDGES = (0, 1, -1, 2**31 - 1, -(2**31))
_WIDE = (*_EDGES, 2**53 + 1, 2**63 - 1, -(2**63), 9007199254740993)
_TEXTS = (
    "",
    "a",
    "Ünïcödé 🎧",
    'it\'s "quoted" \\ `back` $HOME\nline',
    "<b>&amp;</b>",
    " ",
    "0",
    "null",
    "null",
)
_DEPTH = 3


def random_message(descriptor: Descriptor, chance: random.Random, depth: int = 0) -> Any:
    """Return a message with about half of its fields set."""
    message: Any = message_factory.GetMessageClass(descriptor)()
    if descriptor.full_name in _WELL_KNOWN:
        _WELL_KNOWN[descriptor.full_name](message, chance)
        return message
    chosen = {oneof.name: chance.choice(oneof.fields).name for oneof in descriptor.oneofs}
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if (oneof is not None and chosen[oneof.name] != field.name) or chance.random() < 0.5:
            continue
        if (
            field.message_type is not None
            and depth >= _DEPTH
            and field.message_type.full_name not in _WELL_KNOWN
        ):
            continue
        _set(message, field, chance, depth)
    return message


def _set(message: Any, field: FieldDescriptor, chance: random.Random, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = field.message_type.fields
        for _ in range(chance.randint(1, 2)):
            name = _scalar(key, chance)
            if value.message_type is not None:
                getattr(message, field.name)[name].CopyFrom(
                    random_message(value.message_type, chance, depth + 1)
                )
            else:
                getattr(message, field.name)[name] = _scalar(value, chance)
    elif field.is_repeated:
        for _ in range(chance.randint(1, 3)):
            if field.message_type is not None:
                getattr(message, field.name).append(random_message(field.message_type, chance, depth + 1))
            else:
                getattr(message, field.name).append(_scalar(field, chance))
    elif field.message_type is not None:
        getattr(message, field.name).CopyFrom(random_message(field.message_type, chance, depth + 1))
    else:
        setattr(message, field.name, _scalar(field, chance))


def _scalar(field: FieldDescriptor, chance: random.Random) -> Any:
    kinds: dict[int, Callable[[], Any]] = {
        _KINDS.CPPTYPE_STRING: lambda: chance.choice(_TEXTS),
        _KINDS.CPPTYPE_BOOL: lambda: chance.random() < 0.5,
        _KINDS.CPPTYPE_INT32: lambda: chance.choice(_EDGES),
        _KINDS.CPPTYPE_UINT32: lambda: chance.choice((0, 1, 2**32 - 1)),
        _KINDS.CPPTYPE_INT64: lambda: chance.choice(_WIDE),
        _KINDS.CPPTYPE_UINT64: lambda: chance.choice((0, 1, 2**64 - 1, 2**53 + 1)),
        _KINDS.CPPTYPE_DOUBLE: lambda: chance.choice((0.0, 1.5, -2.25, 1e300, float("inf"), 0.1)),
        _KINDS.CPPTYPE_FLOAT: lambda: chance.choice((0.0, 1.5, -2.25, 0.5)),
        _KINDS.CPPTYPE_ENUM: lambda: chance.choice(_numbers(field)),
    }
    if field.type == _KINDS.TYPE_BYTES:
        return bytes(chance.randrange(256) for _ in range(chance.choice((0, 1, 5))))
    return kinds[field.cpp_type]()


def _numbers(field: FieldDescriptor) -> list[int]:
    return [] if field.enum_type is None else [each.number for each in field.enum_type.values]


def _time(message: Any, chance: random.Random) -> None:
    message.seconds, message.nanos = chance.randrange(0, 2**32), chance.choice((0, 1, 123_456_789))


def _span(message: Any, chance: random.Random) -> None:
    message.seconds, message.nanos = chance.randrange(0, 10_000), chance.choice((0, 500_000_000))


def _mask(message: Any, chance: random.Random) -> None:
    message.paths.extend(chance.sample(["text", "maybe_text", "display_name"], chance.randint(1, 2)))


def _object(message: Any, chance: random.Random) -> None:
    message.update(
        {"".join(chance.choices(string.ascii_letters, k=3)): chance.choice(_TEXTS), "deep": {"n": 1.5}}
    )


def _any(message: Any, chance: random.Random) -> None:
    message.Pack(Duration(seconds=chance.randrange(100)))


def _wrapper(message: Any, chance: random.Random) -> None:
    message.value = _scalar(message.DESCRIPTOR.fields[0], chance)


_G = "google.protobuf."
_WELL_KNOWN: dict[str, Callable[[Any, random.Random], None]] = {
    f"{_G}Timestamp": _time,
    f"{_G}Duration": _span,
    f"{_G}FieldMask": _mask,
    f"{_G}Struct": _object,
    f"{_G}Value": lambda message, chance: setattr(message, "string_value", chance.choice(_TEXTS)),
    f"{_G}ListValue": lambda message, chance: message.extend([chance.choice(_TEXTS), 1.5, True]),
    f"{_G}Any": _any,
    **{f"{_G}{kind}Value": _wrapper for kind in ("String", "Int64", "Bool", "Bytes")},
}
