"""What the methods of a server mean: the contract that this version was built with, and how the server's differs."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    ServiceDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from console.comments import comments_of

_FILE = Path(__file__).parent / "contract.binpb"
_MOST_NAMED = 20
_KINDS = {"Descriptor": DescriptorProto, "EnumDescriptor": EnumDescriptorProto}


@functools.cache
def packaged_files() -> dict[str, FileDescriptorProto]:
    """The files of the packaged contract by their names, with comments."""
    files = FileDescriptorSet.FromString(_FILE.read_bytes())
    return {each.name: each for each in files.file}


@functools.cache
def packaged_comments() -> dict[str, str]:
    """The comments of the packaged contract."""
    return comments_of(packaged_files().values())


def differences(pool: DescriptorPool, files: Iterable[str]) -> list[str]:
    """Name the messages, enums and services of a server that are not those of the packaged contract, 20 at most.

    A server that has none of its files is another one, and compared with nothing.
    """
    ours = _packaged_pool()
    common = [each for each in files if each in packaged_files() and each.startswith("seda/")]
    names = (
        name for file in common for name in _differing(pool.FindFileByName(file), ours.FindFileByName(file))
    )
    return sorted(set(names))[:_MOST_NAMED]


@functools.cache
def _packaged_pool() -> DescriptorPool:
    pool = DescriptorPool()
    for file in packaged_files().values():
        pool.Add(file)
    return pool


def _differing(theirs: Any, ours: Any) -> Iterator[str]:  # noqa: ANN401 - file descriptors of any backend
    for kind in ("message_types_by_name", "enum_types_by_name"):
        here, there = (dict(getattr(each, kind)) for each in (ours, theirs))
        for name in here.keys() | there.keys():
            if name not in here or name not in there or _proto(here[name]) != _proto(there[name]):
                yield (here.get(name) or there[name]).full_name
    # A server lists the services that it has, which are not all of a file's.
    for name, service in dict(theirs.services_by_name).items():
        known = dict(ours.services_by_name).get(name)
        if known is None or _proto(known) != _proto(service):
            yield service.full_name


def _proto(descriptor: Any) -> bytes:  # noqa: ANN401 - as above
    proto: Message = _KINDS.get(type(descriptor).__name__, ServiceDescriptorProto)()
    descriptor.CopyToProto(proto)
    if isinstance(proto, DescriptorProto):
        _drop_json_names(proto)
    return proto.SerializeToString(deterministic=True)


def _drop_json_names(message: DescriptorProto) -> None:
    """Some generators write them and some don't; they follow from the names."""
    for field in message.field:
        field.ClearField("json_name")
    for nested in message.nested_type:
        _drop_json_names(nested)
