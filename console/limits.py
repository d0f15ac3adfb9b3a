"""The rules of buf.validate on a field, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from google.protobuf import duration_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldOptions

from buf.validate import validate_pb2
from seda.rpc.v1 import validation_pb2

_FORMATS = ("email", "hostname", "ip", "ipv4", "ipv6", "uri", "uri_ref", "address")
_UNITS = {"string": "characters", "bytes": "bytes"}


def limits_of(options: FieldOptions) -> list[str]:
    """Return each rule that a field's value has to keep: `1 to 100 characters`, `UUID`, `required`."""
    if not options.HasExtension(validate_pb2.field):
        return []
    return list(_rules(options.Extensions[validate_pb2.field]))


def _rules(rules: Any) -> Iterator[str]:  # noqa: ANN401 - buf's FieldRules
    if rules.required:
        yield "required"
    kind = rules.WhichOneof("type")
    if kind is None:
        return
    own = getattr(rules, kind)
    if kind in _UNITS:
        yield from _texts(own, kind)
    elif kind in {"repeated", "map"}:
        yield from _collections(own, kind)
    elif kind == "enum":
        yield from (["a defined value"] if own.defined_only else [])
    elif kind not in {"any", "bool", "field_mask"}:
        yield from _numbers(own)
    yield from _choices(own)


def _texts(own: Any, kind: str) -> Iterator[str]:  # noqa: ANN401 - string or bytes rules
    yield from _range(own, "min_len", "max_len", _UNITS[kind])
    if kind == "bytes":
        return
    yield from _range(own, "min_bytes", "max_bytes", "bytes")
    if own.HasField("len"):
        yield f"{own.len} characters"
    if own.uuid or own.Extensions[validation_pb2.canonical_uuid]:
        yield "UUID"
    if own.Extensions[validation_pb2.not_blank]:
        yield "not blank"
    if own.pattern:
        yield f"matches {own.pattern}"
    yield from (each for each in _FORMATS if getattr(own, each))


def _collections(own: Any, kind: str) -> Iterator[str]:  # noqa: ANN401 - repeated or map rules
    least, most = ("min_items", "max_items") if kind == "repeated" else ("min_pairs", "max_pairs")
    yield from _range(own, least, most, "items")
    if kind == "repeated":
        if own.unique:
            yield "no item twice"
        yield from (f"each: {each}" for each in _rules(own.items))


def _numbers(own: Any) -> Iterator[str]:  # noqa: ANN401 - rules of any number, Duration or Timestamp
    for name, words in (("gt", "above"), ("gte", "from"), ("lt", "below"), ("lte", "up to")):
        if own.HasField(name):
            yield f"{words} {_shown(getattr(own, name))}"


def _choices(own: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    for name, words in (("in", "one of"), ("not_in", "not")):
        values = getattr(own, name, ())
        if values:
            yield f"{words} {', '.join(map(_shown, values))}"


def _range(own: Any, least: str, most: str, unit: str) -> Iterator[str]:  # noqa: ANN401 - as above
    low, high = (getattr(own, each) if own.HasField(each) else None for each in (least, most))
    if low and high is not None:
        yield f"{low:,} to {high:,} {unit}"
    elif low:
        yield f"at least {low:,} {unit}"
    elif high is not None:
        yield f"up to {high:,} {unit}"


def _shown(value: object) -> str:
    if isinstance(value, duration_pb2.Duration | timestamp_pb2.Timestamp):
        return value.ToJsonString()
    return f"{value:,}" if isinstance(value, int | float) else str(value)
