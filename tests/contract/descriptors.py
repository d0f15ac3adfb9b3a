"""The descriptors of the contract's own files."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FileDescriptor

from tests.architecture.project import ROOT


@functools.cache
def own_files() -> tuple[FileDescriptor, ...]:
    """The descriptors of all files below protos/seda."""
    names = sorted(path.relative_to(ROOT / "protos") for path in (ROOT / "protos/seda").rglob("*.proto"))
    modules = [".".join(name.with_suffix("").parts) + "_pb2" for name in names]
    return tuple(importlib.import_module(module).DESCRIPTOR for module in modules)


@functools.cache
def own_messages() -> tuple[Descriptor, ...]:
    """All messages of the contract, nested ones too."""

    def nested(message: Descriptor) -> Iterator[Descriptor]:
        yield message
        for inner in message.nested_types:
            yield from nested(inner)

    return tuple(
        each
        for file in own_files()
        for message in file.message_types_by_name.values()
        for each in nested(message)
    )


def input_fields(message: Any) -> list[Any]:
    """The fields of a message that a server reads in a request; it ignores OUTPUT_ONLY ones.

    The Python and C descriptors of protobuf have no common type.
    """
    return [
        field
        for field in message.fields
        if field_behavior_pb2.OUTPUT_ONLY
        not in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]
    ]
