"""Fetch a server's methods from its reflection service, without generated code."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection_pb2

from ops.errors import CliError, Exit

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

# Both versions have the same messages on the wire; the newer name is tried first, as grpcurl does.
_PATHS = tuple(
    f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo" for version in ("v1", "v1alpha")
)
_INFRASTRUCTURE = ("grpc.reflection.",)
_SUGGESTIONS, _MIN_SIMILARITY = 3, 0.8


class Reflection:
    """A server's descriptors, fetched as they are needed. Raises grpc.RpcError when the server doesn't answer.

    They go into a separate pool: the server's contract counts, not the installed one. `files` are what they were made
    from, by name. `timeout` is the limit of each request in seconds.
    """

    def __init__(self, channel: grpc.Channel, timeout: float) -> None:
        self.channel = channel
        self.timeout = timeout
        self.pool = descriptor_pool.DescriptorPool()
        self.files: dict[str, descriptor_pb2.FileDescriptorProto] = {}

    def services(self) -> list[str]:
        """Return the full names of all services but reflection itself."""
        (response,) = self._request([reflection_pb2.ServerReflectionRequest(list_services="")])
        names = sorted(each.name for each in response.list_services_response.service)
        return [each for each in names if not each.startswith(_INFRASTRUCTURE)]

    def service(self, name: str) -> ServiceDescriptor:
        """Return one service. Raises CliError UNKNOWN_METHOD when the server has none of that name."""
        (response,) = self._request([reflection_pb2.ServerReflectionRequest(file_containing_symbol=name)])
        if not response.HasField("file_descriptor_response"):
            close = _similar(name, self.services())
            raise _unknown(f"The server has no service {name}.", close)
        self._add(response.file_descriptor_response.file_descriptor_proto)
        return self.pool.FindServiceByName(name)

    def method(self, wanted: str) -> MethodDescriptor:
        """Find a method by its full name, by Service/Method, or by its own name where only one of the own services has it."""
        service_part, _, name = wanted.strip("/").replace("/", ".").rpartition(".")
        if "." in service_part:
            candidates = [self.service(service_part)]
        else:
            candidates = [
                self.service(each)
                for each in self.services()
                if not service_part or each.endswith(f".{service_part}")
            ]
        found = [each.methods_by_name[name] for each in candidates if name in each.methods_by_name]
        # Watch alone is the one of the server's own services, not of its health.
        found = [each for each in found if not each.full_name.startswith("grpc.")] or found
        if len(found) == 1:
            return found[0]
        if found:
            raise CliError(
                "AMBIGUOUS_METHOD",
                f"{wanted} is a method of {len(found)} services.",
                fix="Use the full name: " + "  ".join(_short(each) for each in found),
                exit_code=Exit.USAGE,
            )
        known = [each.name for service in candidates for each in service.methods]
        raise _unknown(f"The server has no method {wanted}.", _similar(name, known))

    def _add(self, serialized: Iterable[bytes]) -> None:
        """Add files to the pool, those they import first, fetching those that the server did not include."""
        files = {}
        for data in serialized:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            files[file.name] = file
        for name in list(files):
            self._add_file(name, files)

    def _add_file(self, name: str, files: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
        if name in self.files:
            return
        if name not in files:
            (response,) = self._request([reflection_pb2.ServerReflectionRequest(file_by_filename=name)])
            for data in response.file_descriptor_response.file_descriptor_proto:
                file = descriptor_pb2.FileDescriptorProto.FromString(data)
                files.setdefault(file.name, file)
        self.files[name] = files[name]
        for imported in files[name].dependency:
            self._add_file(imported, files)
        self.pool.Add(files[name])

    def _request(
        self, requests: list[reflection_pb2.ServerReflectionRequest]
    ) -> list[reflection_pb2.ServerReflectionResponse]:
        for path in _PATHS:
            call = self.channel.stream_stream(
                path,
                request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
                response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
            )
            try:
                return list(call(iter(requests), timeout=self.timeout))
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED or path == _PATHS[-1]:
                    raise
        raise AssertionError  # pragma: no cover - the last path returns or raises


def _short(method: MethodDescriptor) -> str:
    return f"{method.containing_service.full_name}/{method.name}"


def _similar(name: str, known: Iterable[str]) -> list[str]:
    # Case-insensitive: sendmessage suggests SendMessage.
    by_folded = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), by_folded, n=_SUGGESTIONS, cutoff=_MIN_SIMILARITY)
    return [by_folded[each] for each in close]


def _unknown(message: str, close: list[str]) -> CliError:
    fix = f"Did you mean: {', '.join(close)}?" if close else "See what there is: seda call list"
    return CliError("UNKNOWN_METHOD", message, fix=fix, exit_code=Exit.USAGE)
