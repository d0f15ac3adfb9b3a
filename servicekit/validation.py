"""Request validation: limits, text normalization and the contract's rules, in this order."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import protovalidate
from google.protobuf.message import Message

from servicekit.errors import FieldViolation, InvalidFieldsError, MalformedRequestError
from servicekit.field_limits import FieldLimit, Kind, field_limits
from servicekit.text import TextError, clean_text

_M = TypeVar("_M", bound=Message)
_validator = protovalidate.Validator()
_MAX_VIOLATIONS = 20
_LARGE_BYTES = 16 << 10
_NANOS = 1_000_000_000


def parse_request(request_type: type[_M], data: bytes) -> _M:
    """Parse and validate a request; raises MalformedRequestError and InvalidFieldsError."""
    parsed = decode(request_type, data)
    validate(parsed)
    if len(data) <= _LARGE_BYTES:
        return parsed
    # Dropped fields stay in memory as long as the message: 22 MB for 256 KiB of empty replies.
    return decode(request_type, parsed.SerializeToString())


def decode(request_type: type[_M], data: bytes) -> _M:
    """Parse a message; raises MalformedRequestError."""
    try:
        return request_type.FromString(data)
    except Exception:  # noqa: BLE001 - protobuf's parsers raise different types
        raise MalformedRequestError(request_type.DESCRIPTOR.full_name) from None


def validate(request: Message) -> None:
    """Check limits, normalize all text to NFC, drop OUTPUT_ONLY and unknown fields, and check the contract's rules.

    Raises InvalidFieldsError naming up to 20 invalid fields.
    """
    violations: list[FieldViolation] = []
    _clean(request, "", violations)
    if violations:
        raise InvalidFieldsError(*violations)
    # The validator serializes messages that have rules, unknown fields too: 20 ms for 256 KiB of them.
    request.DiscardUnknownFields()
    if _validator.collect_violations(request, fail_fast=True):
        raise InvalidFieldsError(*_rule_violations(request))


def _rule_violations(request: Message) -> list[FieldViolation]:
    # Each violation costs about 30 µs: only the first one of a long list is reported.
    is_long = _count_items(request) > _MAX_VIOLATIONS
    found = _validator.collect_violations(request, fail_fast=is_long)
    return [FieldViolation(_path(each.proto), each.proto.message) for each in found[:_MAX_VIOLATIONS]]


def _count_items(message: Message) -> int:
    count = 0
    for field, value in message.ListFields():
        if field.is_repeated:
            count += len(value)
        if field.message_type is not None:
            count += sum(map(_count_items, value if field.is_repeated else [value]))
    return count


def _report(violations: list[FieldViolation], path: str, description: str) -> None:
    violations.append(FieldViolation(path, description))
    if len(violations) == _MAX_VIOLATIONS:
        raise InvalidFieldsError(*violations)


def _clean(message: Any, prefix: str, violations: list[FieldViolation]) -> None:  # noqa: ANN401 - any message
    limits = field_limits(message.DESCRIPTOR)
    for field, value in message.ListFields():
        limit = limits.get(field.number)
        if limit is None:
            continue
        if limit.kind is Kind.OUTPUT_ONLY:
            message.ClearField(limit.name)
        elif limit.max_items is not None:
            _clean_items(value, limit, prefix, violations)
        elif not _is_clean(value, limit):
            cleaned = _clean_value(value, limit, prefix + limit.name, violations)
            if cleaned is not value:
                setattr(message, limit.name, cleaned)


def _is_clean(value: Any, limit: FieldLimit) -> bool:  # noqa: ANN401 - of any limited kind
    """Whether a value is a text that needs no work, as most texts are."""
    return limit.is_plain and len(value) <= limit.max_length and value.isascii() and value.isprintable()


def _clean_items(items: Any, limit: FieldLimit, prefix: str, violations: list[FieldViolation]) -> None:  # noqa: ANN401 - repeated field
    if len(items) > cast("int", limit.max_items):
        _report(violations, prefix + limit.name, f"must have at most {limit.max_items} items")
        return
    for index, item in enumerate(items):
        if limit.kind is not Kind.OTHER and not _is_clean(item, limit):
            cleaned = _clean_value(item, limit, f"{prefix}{limit.name}[{index}]", violations)
            if cleaned is not item:
                items[index] = cleaned


def _clean_value(value: Any, limit: FieldLimit, path: str, violations: list[FieldViolation]) -> Any:  # noqa: ANN401 - of any limited kind
    if limit.kind is Kind.MESSAGE:
        if limit.seconds is not None and not _is_time(value, *limit.seconds):
            _report(violations, path, "is out of range")
        _clean(value, f"{path}.", violations)
    elif limit.is_too_long(value):
        _report(violations, path, "is too long")
    elif limit.kind is Kind.TEXT:
        try:
            return clean_text(value, single_line=limit.single_line)
        except TextError as error:
            _report(violations, path, str(error))
    return value


def _is_time(value: Any, low: int, high: int) -> bool:  # noqa: ANN401 - a Timestamp or a Duration
    seconds: int = value.seconds
    nanos: int = value.nanos
    # Nanos of a timestamp count forward; those of a duration have the sign of its seconds.
    negative = value.DESCRIPTOR.name == "Duration" and (seconds < 0 or (seconds == 0 and nanos < 0))
    return low <= seconds <= high and 0 <= (-nanos if negative else nanos) < _NANOS


def _path(violation: Any) -> str:  # noqa: ANN401 - protovalidate's own message type
    elements = violation.field.elements if violation.field is not None else ()
    subscripts = ("" if each.subscript is None else f"[{each.subscript.value}]" for each in elements)
    return ".".join(f"{each.field_name}{where}" for each, where in zip(elements, subscripts, strict=True))
