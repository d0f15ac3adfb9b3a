"""Request validation: text normalization and the contract's rules."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any, cast

import protovalidate
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from servicekit.errors import FieldViolation, InvalidFieldsError, MalformedRequestError

_validator = protovalidate.Validator()
# C0 except \t and \n, DEL, C1, lone surrogates, and noncharacters.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
_MAX_VIOLATIONS = 20
_NANOS = 1_000_000_000
# The ranges of seconds that the definitions of these messages state; no rule of the contract checks them.
_SECONDS = {
    "google.protobuf.Timestamp": (-62_135_596_800, 253_402_300_799),
    "google.protobuf.Duration": (-315_576_000_000, 315_576_000_000),
}


def validate(request: Message) -> None:
    """Normalize all text to NFC in place, and check it and the contract's rules.

    Raises InvalidFieldsError naming up to 20 invalid fields.
    """
    violations: list[FieldViolation] = []
    _clean(request, "", violations)
    if not violations:
        found = [each.proto for each in _validator.collect_violations(request)]
        if not found:
            return
        violations = [FieldViolation(_path(each), each.message) for each in found]
    raise InvalidFieldsError(*violations[:_MAX_VIOLATIONS])


def decode(request_type: type[Message], data: bytes) -> Message:
    """Parse a message; raises MalformedRequestError."""
    try:
        return request_type.FromString(data)
    except Exception:  # noqa: BLE001 - protobuf's parsers raise different types
        raise MalformedRequestError(request_type.DESCRIPTOR.full_name) from None


@cache
def _checked_fields(descriptor: Descriptor) -> tuple[tuple[str, bool, bool], ...]:
    """Fields with text, timestamps or durations below them: (name, repeated, is a message)."""
    found = []
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            found.append((field.name, field.is_repeated, False))
        elif field.type == FieldDescriptor.TYPE_MESSAGE and field.message_type is not descriptor:
            inner = cast("Descriptor", field.message_type)
            if inner.full_name in _SECONDS or (not inner.GetOptions().map_entry and _checked_fields(inner)):
                found.append((field.name, field.is_repeated, True))
    return tuple(found)


def _clean(message: Message, prefix: str, violations: list[FieldViolation]) -> None:
    limits = _SECONDS.get(message.DESCRIPTOR.full_name)
    if limits is not None and not _is_time(message, *limits):
        violations.append(FieldViolation(prefix[:-1], "is out of range"))
    for name, repeated, is_message in _checked_fields(message.DESCRIPTOR):
        path = prefix + name
        value: Any = getattr(message, name)
        if repeated:
            _clean_items(value, path, violations, are_messages=is_message)
        elif is_message:
            if message.HasField(name):
                _clean(value, f"{path}.", violations)
        elif value:
            cleaned = _clean_text(value, path, violations)
            if cleaned is not value:
                setattr(message, name, cleaned)


def _is_time(value: Any, low: int, high: int) -> bool:  # noqa: ANN401 - a Timestamp or a Duration
    seconds: int = value.seconds
    nanos: int = value.nanos
    # Nanos of a timestamp count forward; those of a duration have the sign of its seconds.
    negative = value.DESCRIPTOR.name == "Duration" and (seconds < 0 or (seconds == 0 and nanos < 0))
    return low <= seconds <= high and 0 <= (-nanos if negative else nanos) < _NANOS


def _clean_items(items: Any, path: str, violations: list[FieldViolation], *, are_messages: bool) -> None:  # noqa: ANN401 - repeated field
    for index, item in enumerate(items):
        if are_messages:
            _clean(item, f"{path}[{index}].", violations)
        else:
            cleaned = _clean_text(item, f"{path}[{index}]", violations)
            if cleaned is not item:
                items[index] = cleaned


def _clean_text(text: str, path: str, violations: list[FieldViolation]) -> str:
    is_ascii = text.isascii()
    if not (is_ascii and text.isprintable()) and _FORBIDDEN.search(text):
        violations.append(FieldViolation(path, "contains control characters"))
    if is_ascii or unicodedata.is_normalized("NFC", text):
        return text
    return unicodedata.normalize("NFC", text)


def _path(violation: Any) -> str:  # noqa: ANN401 - protovalidate's own message type
    elements = violation.field.elements if violation.field is not None else ()
    subscripts = ("" if each.subscript is None else f"[{each.subscript.value}]" for each in elements)
    return ".".join(f"{each.field_name}{where}" for each, where in zip(elements, subscripts, strict=True))
