"""A proto service that is not part of the project, like a newly added one."""

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2
from google.protobuf.descriptor import ServiceDescriptor

from seda.rpc.v1 import annotations_pb2

PACKAGE = "unknown.v1"
ECHO = f"/{PACKAGE}.UnknownService/Echo"
FOLLOW = f"/{PACKAGE}.UnknownService/Follow"
INTERNAL = f"/{PACKAGE}.InternalService/Hidden"


def _service(file: descriptor_pb2.FileDescriptorProto, name: str) -> descriptor_pb2.ServiceDescriptorProto:
    service = file.service.add()
    service.name = name
    return service


def _method(
    service: descriptor_pb2.ServiceDescriptorProto,
    name: str,
    access: annotations_pb2.Access.ValueType,
    *callers: str,
) -> descriptor_pb2.MethodDescriptorProto:
    method = service.method.add()
    method.name = name
    method.input_type = method.output_type = f".{empty_pb2.Empty.DESCRIPTOR.full_name}"
    method.options.Extensions[annotations_pb2.access] = access
    method.options.Extensions[annotations_pb2.callers].extend(callers)
    return method


def _add() -> list[ServiceDescriptor]:
    file = descriptor_pb2.FileDescriptorProto(name="unknown/v1/unknown_service.proto", package=PACKAGE)
    file.syntax = "proto3"
    file.dependency.extend([empty_pb2.DESCRIPTOR.name, annotations_pb2.DESCRIPTOR.name])
    open_to_users = _service(file, "UnknownService")
    _method(open_to_users, "Echo", annotations_pb2.ACCESS_USER)
    _method(open_to_users, "Follow", annotations_pb2.ACCESS_USER).server_streaming = True
    _method(_service(file, "InternalService"), "Hidden", annotations_pb2.ACCESS_SERVICE, "gateway")
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return list(pool.FindFileByName(file.name).services_by_name.values())


SERVICES = _add()
