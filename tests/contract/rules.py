"""Accepted and refused example values for each rule of the contract.

An unknown rule fails the tests with its name: add it to _RULES.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from buf.validate import validate_pb2
from tests.contract.proto_comments import is_clamped

Field: TypeAlias = Any
UNSET = object()
"""The value of an unset field."""
_GOOD_UUID = "0190a5c0-0000-7000-8000-00000000000a"
_GOOD_URI = "https://example.org/cover.jpg"
_BAD_UUIDS = (
    "x", _GOOD_UUID[:-1], f"{_GOOD_UUID}a", f"{_GOOD_UUID}\n", f" {_GOOD_UUID}", f"{{{_GOOD_UUID}}}", f"urn:uuid:{_GOOD_UUID}",
    _GOOD_UUID.replace("-", ""), _GOOD_UUID.upper(), _GOOD_UUID.replace("a", "g"), _GOOD_UUID.replace("0", "\uff10"),
)  # fmt: skip
_BAD_URIS = (
    "x",
    "/cover.jpg",
    "//example.org/",
    "https://[",
    "https://example.org/a b",
    f"{_GOOD_URI}\n",
    "https://é.example.org/",
)
# Forbidden characters, one per kind: C0, escape, DEL, C1, noncharacter.
_CONTROL = ("a\0b", "\x1b[0m", "\x7f", "\x85", "\ufffe")
INTEGERS: dict[int, tuple[str, int, int]] = {
    FieldDescriptor.TYPE_INT32: ("int32", -(1 << 31), (1 << 31) - 1),
    FieldDescriptor.TYPE_INT64: ("int64", -(1 << 63), (1 << 63) - 1),
    FieldDescriptor.TYPE_UINT32: ("uint32", 0, (1 << 32) - 1),
    FieldDescriptor.TYPE_UINT64: ("uint64", 0, (1 << 64) - 1),
}
_LIMITS = {
    "string": {"max_len", "max_bytes", "len", "const", "canonical_uuid"},
    "bytes": {"max_len", "len"},
    "enum": {"defined_only"},
}


class UnknownRuleError(Exception):
    """A rule without examples in this module."""


class Example(NamedTuple):
    """A value for a field. `what` describes it, `within` is the path of the violation inside the value."""

    what: str
    value: Any
    refused: bool = True
    within: str = ""


Examples: TypeAlias = Iterator[Example]


def of(options: Any) -> validate_pb2.FieldRules:
    """The rules of a field."""
    rules: validate_pb2.FieldRules = options.GetOptions().Extensions[validate_pb2.field]
    return rules


def kind_rules(rules: validate_pb2.FieldRules) -> tuple[str, dict[str, Any]]:
    """The value type of the rules ("" if none), and the active rules."""
    kind = rules.WhichOneof("type")
    if kind is None:
        return "", {}
    return kind, {each.name: value for each, value in getattr(rules, kind).ListFields() if value is not False}


def examples(field: Field, rules: validate_pb2.FieldRules) -> Examples:
    """Values for a field, or for an item of a repeated field (`rules` are then the item's)."""
    _check_known(field, rules)
    if rules.ignore == validate_pb2.IGNORE_ALWAYS:
        return
    kind, active = kind_rules(rules)
    yield from _of_type(field, rules)
    may_be_empty = rules.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
    if may_be_empty or rules.required:
        yield Example("left out", UNSET, refused=rules.required)
    for name, limit in active.items():
        if (kind, name) not in _LISTS:
            for example in _RULES[kind, name](limit, active):
                allowed = may_be_empty and not example.value
                clamped = is_clamped(field) and name in {"lte", "lt", "max_len"}
                yield example._replace(refused=example.refused and not allowed and not clamped)


def list_sizes(field: Field) -> list[Example]:
    """Item counts for a repeated field."""
    _check_known(field, of(field))
    found = []
    for name, limit in kind_rules(of(field))[1].items():
        if name == "max_items":
            found += [Example("too many", limit + 1), Example("many", limit, refused=False)]
        elif name == "min_items":
            found += [Example("too few", limit - 1), Example("few", limit, refused=False)]
    return found


def valid(field: Field, rules: validate_pb2.FieldRules, number: int = 0) -> Any:
    """A valid value, different for each number; UNSET for a message without rules."""
    kind, active = kind_rules(rules)
    if field.type == FieldDescriptor.TYPE_STRING:
        return _valid_text(active, number)
    if field.type == FieldDescriptor.TYPE_ENUM:
        return field.enum_type.values[-1].number
    if field.type in INTEGERS:
        least, most = active.get("gte", active.get("gt", 0) + 1), active.get("lte", active.get("lt", 101) - 1)
        return min(max(least, 1), most)
    if kind == "duration":
        return active.get("gte", Duration(seconds=1))
    return UNSET if field.message_type is not None else field.default_value


def is_limited(field: Field) -> bool:
    """Whether the rules limit the size of the field's value (numbers and flags are limited by their type)."""
    rules = of(field)
    if field.is_repeated and not rules.repeated.max_items:
        return False
    _, active = kind_rules(rules.repeated.items if field.is_repeated else rules)
    needed = _LIMITS.get(_kind_of(field), set())
    return not needed or bool(needed & active.keys())


def message_rules(descriptor: Any) -> list[Example]:
    """Violations of message-level rules: the values are the fields to unset."""
    found = []
    for rule, value in descriptor.GetOptions().Extensions[validate_pb2.message].ListFields():
        if rule.name != "cel":
            raise UnknownRuleError(f"{descriptor.full_name}: message.{rule.name}")
        for each in value:
            if each.id not in _MESSAGE_RULES:
                raise UnknownRuleError(f"{descriptor.full_name}: message.cel {each.id}")
            fields = re.findall(r"this\.(\w+)", each.expression)
            found.append(Example(_MESSAGE_RULES[each.id], fields))
    return found


def _kind_of(field: Field) -> str:
    return {
        FieldDescriptor.TYPE_STRING: "string",
        FieldDescriptor.TYPE_BYTES: "bytes",
        FieldDescriptor.TYPE_ENUM: "enum",
    }.get(field.type, "")


def _check_known(field: Field, rules: validate_pb2.FieldRules) -> None:
    kind, active = kind_rules(rules)
    unknown = [each.name for each, _ in rules.ListFields() if each.name not in {"required", "ignore", kind}]
    unknown += [f"{kind}.{name}" for name in active if (kind, name) not in _RULES]
    if unknown:
        raise UnknownRuleError(f"{field.full_name}: {', '.join(unknown)}")


def _valid_text(active: dict[str, Any], number: int) -> str:
    if "canonical_uuid" in active:
        return str(uuid.UUID(int=uuid.UUID(_GOOD_UUID).int + number))
    if "uri" in active:
        return _GOOD_URI
    length: int = active.get("len", max(active.get("min_len", 1), active.get("min_bytes", 1)))
    return str(active.get("const", "a" * length))


def _of_well_known(name: str, rules: validate_pb2.FieldRules) -> Examples:
    yield from _WELL_KNOWN.get(name, ())
    if name == FieldMask.DESCRIPTOR.full_name:
        yield Example("naming no field", FieldMask(), refused=rules.required)


def _of_type(field: Field, rules: validate_pb2.FieldRules) -> Examples:
    """Values that every field of a type accepts or refuses, independent of its rules."""
    if field.type == FieldDescriptor.TYPE_STRING:
        for text in _CONTROL:
            yield Example(f"with {text!r}", text)
    elif field.type in INTEGERS:
        kind, least, most = INTEGERS[field.type]
        active = getattr(rules, kind)
        if not (active.HasField("lte") or active.HasField("lt")):
            yield Example("the greatest", most, refused=False)
        if not (active.HasField("gte") or active.HasField("gt")):
            yield Example("the least", least, refused=False)
    elif field.type == FieldDescriptor.TYPE_ENUM:
        for value in field.enum_type.values:
            if value.number not in rules.enum.not_in:
                yield Example(value.name, value.number, refused=False)
    elif field.message_type is not None:
        yield from _of_well_known(field.message_type.full_name, rules)


def _max_len(limit: int, active: dict[str, Any]) -> Examples:
    yield Example("too long", "a" * (limit + 1))
    yield Example("too long in any form", "é" * (limit + 1))
    if not active.keys() & {"canonical_uuid", "uri"}:
        yield Example("long", "a" * limit, refused=False)
        # Twice as long before normalization.
        yield Example("long in its normal form", "e\u0301" * limit, refused=False)


def _min_len(limit: int, _: dict[str, Any]) -> Examples:
    yield Example("too short", "a" * (limit - 1))


def _max_bytes(limit: int, _: dict[str, Any]) -> Examples:
    yield Example("too many bytes", "\U0001f3b5" * (limit // 4 + 1))


def _length(limit: int, _: dict[str, Any]) -> Examples:
    yield Example("too long", "a" * (limit + 1))
    yield Example("too short", "a" * (limit - 1))


def _forms(bad: tuple[str, ...]) -> Callable[[Any, dict[str, Any]], Examples]:
    def make(_: Any, __: dict[str, Any]) -> Examples:
        for text in (*bad, ""):
            yield Example(f"of the form {text!r}", text)

    return make


def _blank(_: Any, __: dict[str, Any]) -> Examples:
    # Spaces, a line break, format characters, a lone combining mark, fillers that are letters or symbols.
    for text in (
        " ",
        "\u00a0\n",
        "\u200b\u2060",
        "\u0301",
        "\u3164",
        "\u2800",
        "\u2065",
        "\ufff0",
        "\U000e0000",
    ):
        yield Example(f"of nothing visible: {text!r}", text)
    # Visible: also characters newer than the validator's Unicode tables, and those of private use.
    for text in (" \u200b. ", "\U0001fc00", "\ue000"):
        yield Example(f"of something visible: {text!r}", text, refused=False)


def _label(_: Any, active: dict[str, Any]) -> Examples:
    yield from _blank(_, active)
    for control in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069":
        yield Example(f"with {control!r}", f"Ada {control}imda")
    yield Example("long without the white space", f" \n{'a' * active['max_len']}\u2003", refused=False)


def _step(difference: int, what: str) -> Callable[[Any, dict[str, Any]], Examples]:
    """The limit, and the value `difference` from it: the first one outside, for gt and lt the first one inside."""

    def make(limit: Any, _: dict[str, Any]) -> Examples:
        yield Example(f"{what}: {limit + difference}", limit + difference, refused=what.startswith("too"))
        yield Example(f"the limit {limit}", limit, refused=not what.startswith("too"))

    return make


def _span(nanos: int) -> Callable[[Any, dict[str, Any]], Examples]:
    def make(limit: Duration, _: dict[str, Any]) -> Examples:
        beyond = Duration()
        beyond.FromNanoseconds(limit.ToNanoseconds() + nanos)
        yield Example("beyond the limit", beyond)
        yield Example("the limit", limit, refused=False)

    return make


def _other_than(value: str, _: dict[str, Any]) -> Examples:
    yield Example("another text", f"{value}x")


def _excluded(numbers: Iterable[int], _: dict[str, Any]) -> Examples:
    yield from (Example(f"excluded {number}", number) for number in numbers)


def _undefined(_: Any, __: dict[str, Any]) -> Examples:
    yield from (Example(f"undefined {number}", number) for number in (-1, 9_999, (1 << 31) - 1))


_LISTS = {("repeated", name) for name in ("min_items", "max_items", "items")}
_RULES: dict[tuple[str, str], Callable[[Any, dict[str, Any]], Examples]] = {
    ("string", "max_len"): _max_len,
    ("string", "min_len"): _min_len,
    ("string", "len"): _length,
    ("string", "max_bytes"): _max_bytes,
    ("string", "min_bytes"): _min_len,
    ("string", "canonical_uuid"): _forms(_BAD_UUIDS),
    ("string", "not_blank"): _blank,
    ("string", "label"): _label,
    ("string", "uri"): _forms(_BAD_URIS),
    ("string", "const"): _other_than,
    ("enum", "defined_only"): _undefined,
    ("enum", "not_in"): _excluded,
    ("duration", "gte"): _span(-1),
    ("duration", "lte"): _span(1),
    **{(kind, "gte"): _step(-1, "too small") for kind, _, _ in INTEGERS.values() if kind.startswith("int")},
    **{(kind, "lte"): _step(1, "too great") for kind, _, _ in INTEGERS.values()},
    **{(kind, "gt"): _step(1, "just enough") for kind, _, _ in INTEGERS.values()},
    **{(kind, "lt"): _step(-1, "just enough") for kind, _, _ in INTEGERS.values()},
    **dict.fromkeys(_LISTS, lambda *_: iter(())),
}
# Message-level rules by the id of their expression; each is violated when all its fields are unset.
_MESSAGE_RULES = {
    "text_or_track": "with neither of the two",
    "rooms_to_watch": "with neither of the two",
    "search_for_something": "for nothing at all",
}
_WELL_KNOWN = {
    FieldMask.DESCRIPTOR.full_name: (
        Example("naming an unknown field", FieldMask(paths=["nothing"])),
        Example("naming a long field", FieldMask(paths=["a" * 20_000]), within=".paths[0]"),
        Example("naming one of no characters", FieldMask(paths=["a\0b"]), within=".paths[0]"),
        Example("naming many fields", FieldMask(paths=["text"] * 101), within=".paths"),
    ),
    Timestamp.DESCRIPTOR.full_name: (
        Example("with negative nanoseconds", Timestamp(seconds=5, nanos=-1)),
        Example("with too many nanoseconds", Timestamp(seconds=5, nanos=1_000_000_000)),
        Example("before all years", Timestamp(seconds=-62_135_596_801)),
        Example("after all years", Timestamp(seconds=253_402_300_800)),
        Example("at the beginning", Timestamp(seconds=-62_135_596_800), refused=False),
        Example("at the end", Timestamp(seconds=253_402_300_799, nanos=999_999_999), refused=False),
    ),
    Duration.DESCRIPTOR.full_name: (
        Example("with nanoseconds of another sign", Duration(seconds=5, nanos=-1)),
        Example("with too many nanoseconds", Duration(seconds=5, nanos=1_000_000_000)),
        Example("beyond all spans", Duration(seconds=(1 << 63) - 1)),
    ),
}
