"""The comments of proto files, by the full names of what they describe."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorProto

# Field numbers in FileDescriptorProto and below, as paths in source info have them.
_FILE = {4: "message_type", 5: "enum_type", 6: "service"}
_MESSAGE = {2: "field", 3: "nested_type", 4: "enum_type"}
_ENUM, _SERVICE = {2: "value"}, {2: "method"}
_BELOW = {
    "message_type": _MESSAGE,
    "nested_type": _MESSAGE,
    "enum_type": _ENUM,
    "service": _SERVICE,
}


def comments_of(files: Iterable[FileDescriptorProto]) -> dict[str, str]:
    """Return the comments of services, methods, messages, fields, enums and their values: `pkg.Enum.VALUE`."""
    return {name: text for file in files for name, text in _comments(file)}


def _comments(file: FileDescriptorProto) -> Iterator[tuple[str, str]]:
    for location in file.source_code_info.location:
        name = _name(file, location.path) if location.leading_comments else None
        if name is not None:
            yield name, _text(location.leading_comments)


def _name(file: FileDescriptorProto, path: Iterable[int]) -> str | None:
    """Follow a path of alternating field numbers and indexes; None when it leads to anything but a named part."""
    names, node, fields = [file.package], file, _FILE
    numbers = iter(path)
    # A path of odd length ends in an attribute, not in a part.
    for number in numbers:
        index = next(numbers, None)
        if number not in fields or index is None:
            return None
        kind = fields[number]
        parts: Any = getattr(node, kind)
        if index >= len(parts):
            return None
        node, fields = parts[index], _BELOW.get(kind, {})
        names.append(node.name)
    return ".".join(filter(None, names)) if len(names) > 1 else None


def _text(comment: str) -> str:
    """Return a comment without its indentation; lines of one paragraph are joined."""
    paragraphs = "\n".join(line.strip() for line in comment.strip().splitlines()).split("\n\n")
    return "\n\n".join(" ".join(each.split()) for each in paragraphs)
