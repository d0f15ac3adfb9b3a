"""The comments of the .proto files, which runtime descriptors do not contain."""

from __future__ import annotations

import functools
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc_tools
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from tests.architecture.project import ROOT

_FOLDERS = (ROOT / "protos", ROOT / "tests/protos")
_METHOD = re.compile(r"\bseda(?:\.\w+)+")
_REASON = re.compile(r"\b[A-Z][A-Z_]+[A-Z]\b")
# Field numbers of descriptor.proto.
_MESSAGES, _ENUMS, _SERVICES, _FIELDS, _NESTED, _NESTED_ENUMS, _METHODS, _VALUES = 4, 5, 6, 2, 3, 4, 2, 2


@functools.cache
def proto_comments() -> dict[str, str]:
    """The leading comment of every message, field, enum value and method, by full name, as one line."""
    found = {}
    for file in _files():
        texts = {tuple(each.path): each.leading_comments for each in file.source_code_info.location}
        for path, name in _named(file):
            found[name] = " ".join(texts.get(path, "").split())
    return found


def is_clamped(field: Any) -> bool:
    """Whether a field clamps values to its limit."""
    return "clamped" in proto_comments().get(field.full_name, "")


@functools.cache
def documented_reasons(method: str) -> frozenset[str]:
    """The reasons that a method's comment lists after "Errors:", including those of methods it refers to."""
    errors = proto_comments()[method].partition("Errors:")[2]
    named = {found.rstrip(".") for found in _METHOD.findall(errors)}
    reasons = set(_REASON.findall(_METHOD.sub("", errors)))
    return frozenset(reasons.union(*(documented_reasons(each) for each in named)))


def documented_origins(method: str) -> set[str]:
    """The services whose errors a method's comment lists: its own, and those of the methods it refers to."""
    errors = proto_comments()[method].partition("Errors:")[2]
    named = {found.rstrip(".") for found in _METHOD.findall(errors)}
    return {method.split(".")[1]}.union(*(documented_origins(each) for each in named))


def _files() -> list[FileDescriptorProto]:
    names = [str(path.relative_to(folder)) for folder in _FOLDERS for path in folder.rglob("*.proto")]
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    with tempfile.TemporaryDirectory() as temporary:
        result = Path(temporary) / "all.binpb"
        arguments = [
            *(f"-I{folder}" for folder in (*_FOLDERS, well_known)),
            f"--descriptor_set_out={result}",
            "--include_source_info",
            *(name for name in names if not name.startswith("buf/")),
        ]
        if protoc.main(["protoc", *arguments]) != 0:
            raise RuntimeError("protoc does not take the contract")
        return list(FileDescriptorSet.FromString(result.read_bytes()).file)


def _named(file: FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    for index, message in enumerate(file.message_type):
        yield from _of_message(message, (_MESSAGES, index), f"{file.package}.{message.name}")
    for index, enum in enumerate(file.enum_type):
        yield from _of_enum(enum, (_ENUMS, index), f"{file.package}.{enum.name}")
    for index, service in enumerate(file.service):
        for number, method in enumerate(service.method):
            yield (_SERVICES, index, _METHODS, number), f"{file.package}.{service.name}.{method.name}"


def _of_message(message: Any, path: tuple[int, ...], name: str) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, name
    for index, field in enumerate(message.field):
        yield (*path, _FIELDS, index), f"{name}.{field.name}"
    for index, inner in enumerate(message.nested_type):
        yield from _of_message(inner, (*path, _NESTED, index), f"{name}.{inner.name}")
    for index, enum in enumerate(message.enum_type):
        yield from _of_enum(enum, (*path, _NESTED_ENUMS, index), f"{name}.{enum.name}")


def _of_enum(enum: Any, path: tuple[int, ...], name: str) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, name
    for index, value in enumerate(enum.value):
        yield (*path, _VALUES, index), f"{name}.{value.name}"
