"""Random requests generated from the descriptors: valid by the rules, and damaged ones."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from uuid import UUID

import protovalidate
from google.protobuf import message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from buf.validate import validate_pb2
from seda.rpc.internal.v1.page_token_pb2 import PageToken
from seda.rpc.v1 import validation_pb2
from servicekit.pagination import encode_token
from tests.contract.descriptors import input_fields

# The Python and C descriptors of protobuf have no common type.
Descriptor: TypeAlias = Any
Field: TypeAlias = Any
_INTEGERS: dict[int, tuple[str, int, int]] = {
    FieldDescriptor.TYPE_INT32: ("int32", -(1 << 31), (1 << 31) - 1),
    FieldDescriptor.TYPE_INT64: ("int64", -(1 << 63), (1 << 63) - 1),
}
_TRIES = 60
# Text that commonly breaks parsers, escaping and normalization.
_UNUSUAL_TEXT = (
    "a", " ", "\n", "\t", "é", "e\u0301", "\u017f", "ß", "\u202e", "\u200b", "\u2028", "\ufeff", "ж", "漢", "🎵", "👩‍👩‍👧",
    "\U0010fffd", "'", '"', "\\", "%", "_", "$1", "{}", "{,}", "--", "/*", ";", "NULL", "https://", "://", "@", "\u0130",
)  # fmt: skip
_LINKS = (
    "https://open.spotify.com/track/2qToAcex0ruZfbEbAy9OhW", "https://youtu.be/dQw4w9WgXcQ",
    "https://www.youtube.com/watch?v=dQw4w9WgXcQ", "https://open.spotify.com/album/2qToAcex0ruZfbEbAy9OhW",
    "https://spotify.link/abc", "spotify:track:2qToAcex0ruZfbEbAy9OhW", "http://example.org/", "https://[::1]:99999/",
)  # fmt: skip
ARTIST_URLS = {
    "spotify_url": ["https://open.spotify.com/artist/6vWDO969PvNqNYHIOW5v0m"],
    "soundcloud_url": ["https://soundcloud.com/forss"],
}
"""Valid values of the fields for them."""


class Requests:
    """Generates requests from a seed. `ids` are existing ids by field name.

    A key such as `GetUserRequest.user_id` limits the ids to one message.
    """

    def __init__(self, seed: int, ids: Mapping[str, Sequence[str]]) -> None:
        self._random = random.Random(seed)
        self._ids = ids
        self._validator = protovalidate.Validator()

    def known(self, field: str) -> str:
        """An existing id."""
        return self._random.choice(self._ids[field])

    def valid(self, descriptor: Descriptor) -> Message:
        """A request that the contract's rules allow."""
        for _ in range(_TRIES):
            made = message_factory.GetMessageClass(descriptor)()
            self._fill(made)
            if not self._validator.collect_violations(made):
                return made
        raise AssertionError(
            f"no valid {descriptor.full_name} in {_TRIES} tries: teach this module its rules"
        )

    def noise(self) -> bytes:
        """Random bytes, most of them few."""
        return self._random.randbytes(int(self._random.expovariate(1 / 40)))

    def damaged(self, data: bytes) -> bytes:
        """A message that is truncated, or has flipped bits, inserted or missing bytes."""
        if not data:
            return self.noise()
        damage = self._random.randrange(4)
        at = self._random.randrange(len(data))
        if damage == 0:
            return data[:at]
        if damage == 1:
            changed = bytearray(data)
            for _ in range(self._random.randint(1, 4)):
                changed[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
            return bytes(changed)
        if damage == 2:
            return data[:at] + self.noise() + data[at:]
        return data[:at] + data[at + self._random.randint(1, 8) :]

    def token(self, given: str) -> str:
        """A page token of the same listing with another position."""
        decoded = PageToken.FromString(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
        edges = (0, 1, -1, (1 << 63) - 1, -(1 << 63), self._random.randint(-(1 << 63), (1 << 63) - 1))
        numbers = [self._random.choice((number, *edges)) for number in decoded.numbers]
        length = self._random.choice((len(numbers), len(numbers), len(numbers), 0, 1, len(numbers) + 1))
        numbers = (numbers + [self._random.choice(edges) for _ in range(length)])[:length]
        return encode_token(decoded.fingerprint, numbers, list(decoded.texts)[:length])

    def _fill(self, message: Message) -> None:
        chosen = {one.name: self._random.choice(one.fields) for one in message.DESCRIPTOR.oneofs}
        for field in input_fields(message.DESCRIPTOR):
            one = field.containing_oneof
            rules = field.GetOptions().Extensions[validate_pb2.field]
            if (one and chosen[one.name] is not field) or (
                not rules.required and self._random.random() < 0.2
            ):
                continue
            if field.is_repeated:
                most = min(rules.repeated.max_items or 5, 5)
                count = self._random.randint(min(rules.repeated.min_items, most), most)
                for _ in range(count):
                    self._add(message, field, rules.repeated.items)
            elif field.message_type is not None:
                inner = getattr(message, field.name)
                inner.SetInParent()
                if isinstance(inner, Duration):
                    self._span(inner, rules.duration)
                else:
                    self._fill(inner)
            else:
                setattr(message, field.name, self._value(field, rules))

    def _span(self, into: Duration, allowed: validate_pb2.DurationRules) -> None:
        least = allowed.gte.seconds if allowed.HasField("gte") else -10
        most = allowed.lte.seconds if allowed.HasField("lte") else 10_000
        into.seconds = self._random.choice(
            (least, min(least + 1, most), most, self._random.randint(least, most))
        )

    def _add(self, message: Message, field: Field, rules: validate_pb2.FieldRules) -> None:
        values = getattr(message, field.name)
        if field.message_type is not None:
            self._fill(values.add())
        else:
            values.append(self._value(field, rules))

    def _value(self, field: Field, rules: validate_pb2.FieldRules) -> Any:
        if field.type == FieldDescriptor.TYPE_STRING:
            return self._text(field, rules.string)
        if field.type == FieldDescriptor.TYPE_BOOL:
            # Mostly false: without the admin role the call is refused.
            return self._random.random() < (0.1 if field.name == "as_admin" else 0.5)
        if field.type == FieldDescriptor.TYPE_ENUM:
            return self._random.choice(field.enum_type.values).number
        if field.type in _INTEGERS:
            return self._integer(field, rules)
        return field.default_value

    def _text(self, field: Field, rules: validate_pb2.StringRules) -> str:
        known = self._ids.get(f"{field.containing_type.name}.{field.name}") or self._ids.get(field.name, ())
        if known and self._random.random() < 0.7:
            return self._random.choice(known)
        if field.name in {"page_token", "resume_token"} and self._random.random() < 0.7:
            # Random text is almost never a valid token.
            return ""
        if rules.Extensions[validation_pb2.canonical_uuid]:
            return str(UUID(bytes=self._random.randbytes(16)))
        if rules.uri or self._random.random() < 0.3:
            return self._random.choice(_LINKS[:5] if rules.uri else _LINKS)
        most = min(rules.max_len or 60, self._random.choice((3, 20, 200, 5000)))
        letters = _UNUSUAL_TEXT if self._random.random() < 0.7 else string.ascii_letters
        length = self._random.randint(min(rules.min_len, most), most)
        return "".join(self._random.choices(letters, k=length))[:most]

    def _integer(self, field: Field, rules: validate_pb2.FieldRules) -> int:
        name, least, most = _INTEGERS[field.type]
        allowed = getattr(rules, name)
        least = allowed.gte if allowed.HasField("gte") else least
        most = allowed.lte if allowed.HasField("lte") else most
        near = (least, min(least + 1, most), most, max(most - 1, least), max(least, 0), min(2, most))
        return self._random.choice((*near, self._random.randint(least, most)))


def text_paths(descriptor: Descriptor, prefix: str = "") -> Iterator[tuple[str, tuple[Field, ...]]]:
    """Every text field of a message by its BadRequest name, with the field path."""
    for field in input_fields(descriptor):
        name = f"{prefix}{field.name}{'[0]' if field.is_repeated else ''}"
        if field.type == FieldDescriptor.TYPE_STRING:
            yield name, (field,)
        elif field.message_type is not None and field.message_type is not descriptor:
            for path, inner in text_paths(field.message_type, f"{name}."):
                yield path, (field, *inner)


def with_text(fields: Sequence[Field], text: bytes) -> bytes:
    """An encoded message with only this text, UTF-8 or not, at a field path."""
    data = text
    for field in reversed(fields):
        data = encoded(field.number, data)
    return data


def encoded(number: int, value: bytes | int) -> bytes:
    """One encoded field: of a text, bytes or a message, or of a number."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def deep(depth: int) -> bytes:
    """Nested unknown groups."""
    return _varint(1000 << 3 | 3) * depth + _varint(1000 << 3 | 4) * depth


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*data, number])
