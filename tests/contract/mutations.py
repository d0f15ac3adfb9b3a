"""Mutated requests: one field changed per the rules in the descriptors, with the expected verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from google.protobuf import message_factory
from google.protobuf.message import Message

from buf.validate import validate_pb2
from tests.contract import rules
from tests.contract.descriptors import input_fields
from tests.contract.rules import UNSET, Example, Field

Descriptor = Any
Known = Mapping[str, Sequence[Any]]


class Mutation(NamedTuple):
    """A request in which one field was changed: the field as BadRequest names it, and whether it is refused."""

    field: str
    what: str
    request: Message
    refused: bool


class _Place(NamedTuple):
    """A message inside a request, and the way to it: names of fields and indices."""

    path: str
    way: tuple[str | int, ...]
    message: Message

    def inner(self, field: Field) -> _Place:
        value = getattr(self.message, field.name)
        if field.is_repeated:
            last = len(value) - 1
            return _Place(f"{self.path}{field.name}[{last}].", (*self.way, field.name, last), value[last])
        return _Place(f"{self.path}{field.name}.", (*self.way, field.name), value)


def valid_requests(descriptor: Descriptor, known: Known) -> list[Message]:
    """Requests that the rules allow, with every field filled: as many as the widest oneof has fields.

    `known` are values for fields by their names, or for those of one message alone by `Message.field`.
    """
    count = max((len(one.fields) for one in _oneofs(descriptor)), default=1)
    return [_filled(descriptor, known, choice) for choice in range(count)]


def mutations(descriptor: Descriptor, known: Known) -> list[Mutation]:
    """All mutations of a request; raises UnknownRuleError."""
    found = {
        (each.field, each.what): each
        for request in valid_requests(descriptor, known)
        for each in _of_message(request, _Place("", (), request))
    }
    return list(found.values())


def unlimited(descriptor: Descriptor, prefix: str = "") -> Iterator[str]:
    """The fields of a request that take more than any limit says, by their paths."""
    for field in input_fields(descriptor):
        if not rules.is_limited(field):
            yield f"{prefix}{field.name}"
        if _is_ours(field):
            yield from unlimited(field.message_type, f"{prefix}{field.name}.")


def _is_ours(field: Field) -> bool:
    return field.message_type is not None and not field.message_type.full_name.startswith("google.")


def _oneofs(descriptor: Descriptor) -> Iterator[Any]:
    yield from (one for one in descriptor.oneofs if len(one.fields) > 1)
    for field in input_fields(descriptor):
        if _is_ours(field):
            yield from _oneofs(field.message_type)


def _filled(descriptor: Descriptor, known: Known, choice: int) -> Message:
    message: Message = message_factory.GetMessageClass(descriptor)()
    for field in input_fields(descriptor):
        one = field.containing_oneof
        if one is not None and one.fields[choice % len(one.fields)] is not field:
            continue
        if field.is_repeated:
            # Two items, so that a wrong index is visible.
            count = min(2, rules.of(field).repeated.max_items or 2)
            _put(message, field.name, [_value(field, known, choice, number) for number in range(count)])
        else:
            _put(message, field.name, _value(field, known, choice, 0))
    return message


def _value(field: Field, known: Known, choice: int, number: int) -> Any:
    if _is_ours(field):
        return _filled(field.message_type, known, choice)
    values = known.get(f"{field.containing_type.name}.{field.name}") or known.get(field.name)
    if values:
        return values[number % len(values)]
    return rules.valid(
        field, rules.of(field).repeated.items if field.is_repeated else rules.of(field), number
    )


def _of_message(request: Message, place: _Place) -> Iterator[Mutation]:
    for example in rules.message_rules(place.message.DESCRIPTOR):
        changes = dict.fromkeys(example.value, UNSET)
        yield Mutation(place.path.rstrip("."), example.what, _changed(request, place, changes), refused=True)
    for field in input_fields(place.message.DESCRIPTOR):
        one = field.containing_oneof
        if one is not None and not place.message.HasField(field.name):
            continue
        for path, example in _of_field(place, field):
            changed = _changed(request, place, {field.name: example.value})
            yield Mutation(f"{path}{example.within}", example.what, changed, example.refused)
        if _is_ours(field):
            yield from _of_message(request, place.inner(field))


def _of_field(place: _Place, field: Field) -> Iterator[tuple[str, Example]]:
    path = f"{place.path}{field.name}"
    own = rules.of(field)
    if not field.is_repeated:
        # A resource's optional id: methods that create it ignore it, those that update it need it.
        optional_id = field.name == "id" and own.ignore == validate_pb2.IGNORE_IF_ZERO_VALUE
        for example in rules.examples(field, own):
            if not optional_id or example.value not in {"", UNSET}:
                yield path, example
        return
    value = list(getattr(place.message, field.name))
    for example in rules.list_sizes(field):
        filler = [rules.valid(field, own.repeated.items, number) for number in range(example.value)]
        items = [value[-1]] * example.value if field.message_type is not None else filler
        yield path, example._replace(value=items)
    if field.message_type is None:
        for example in rules.examples(field, own.repeated.items):
            yield f"{path}[{len(value) - 1}]", example._replace(value=[*value[:-1], example.value])


def _changed(request: Message, place: _Place, changes: Mapping[str, Any]) -> Message:
    copy = type(request)()
    copy.CopyFrom(request)
    target: Any = copy
    for step in place.way:
        target = target[step] if isinstance(step, int) else getattr(target, step)
    for name, value in changes.items():
        _put(target, name, value)
    return copy


def _put(message: Message, name: str, value: Any) -> None:
    if value is UNSET or isinstance(value, list):
        message.ClearField(name)
    if isinstance(value, list):
        getattr(message, name).extend(value)
    elif isinstance(value, Message):
        getattr(message, name).CopyFrom(value)
    elif value is not UNSET:
        setattr(message, name, value)
