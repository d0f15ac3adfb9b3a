"""What a server offers, as the page needs it: its services and methods, and the types of one method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool

from console.comments import comments_of
from console.contract import differences, packaged_comments
from console.limits import limits_of
from ops.call.reflect import Reflection
from seda.rpc.v1 import annotations_pb2
from sedaclient.methods import attribute_name

Json = dict[str, Any]
_TYPES: dict[int, str] = {
    number: name.removeprefix("TYPE_").lower() for name, number in FieldDescriptorProto.Type.items()
}


@dataclass(frozen=True, slots=True)
class Catalog:
    """The contract of a server at one moment. `differing` names what is not as in the packaged contract."""

    pool: DescriptorPool
    services: Mapping[str, Mapping[str, MethodDescriptor]]
    comments: Mapping[str, str] = field(repr=False)
    differing: list[str]

    def method(self, path: str) -> MethodDescriptor | None:
        """The method of a path such as `seda.chat.v1.RoomService/GetRoom`."""
        service, _, name = path.partition("/")
        return self.services.get(service, {}).get(name)

    def list_services(self) -> list[Json]:
        """Services with their methods: names, comments and badges."""
        return [
            {
                "name": name,
                "comment": self.comments.get(name, ""),
                "methods": [self._method(each) for each in methods.values()],
            }
            for name, methods in self.services.items()
        ]

    def describe(self, method: MethodDescriptor) -> Json:
        """A method with all types that its request and its reply are made of."""
        messages: dict[str, Json] = {}
        enums: dict[str, Json] = {}
        todo: list[Descriptor] = [method.input_type, method.output_type]
        while todo:
            message = todo.pop()
            if message.full_name in messages:
                continue
            messages[message.full_name] = self._message(message)
            for each in message.fields:
                if each.message_type is not None:
                    todo.append(each.message_type)
                elif each.enum_type is not None and each.enum_type.full_name not in enums:
                    enums[each.enum_type.full_name] = self._enum(each.enum_type)
        return {
            **self._method(method),
            "client": attribute_name(method.containing_service),
            "file": method.containing_service.file.name,
            "requestFile": method.input_type.file.name,
            "request": method.input_type.full_name,
            "response": method.output_type.full_name,
            "messages": messages,
            "enums": enums,
        }

    def _method(self, method: MethodDescriptor) -> Json:
        options = MethodOptions.FromString(method.GetOptions().SerializeToString())
        access = options.Extensions[annotations_pb2.access]
        return {
            "path": f"{method.containing_service.full_name}/{method.name}",
            "name": method.name,
            "comment": self.comments.get(method.full_name, ""),
            "streams": method.server_streaming,
            "takesStream": method.client_streaming,
            "access": annotations_pb2.Access.Name(access).removeprefix("ACCESS_").lower() if access else "",
            "reads": options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS,
            "repeatable": options.idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN,
        }

    def _message(self, message: Descriptor) -> Json:
        proto = DescriptorProto()
        message.CopyToProto(proto)
        return {
            "name": message.name,
            "comment": self.comments.get(message.full_name, ""),
            "fields": list(map(self._field, message.fields, proto.field)),
        }

    def _field(self, each: FieldDescriptor, proto: FieldDescriptorProto) -> Json:
        oneof = each.containing_oneof
        entry = each.message_type if each.message_type and each.message_type.GetOptions().map_entry else None
        kind = each.message_type or each.enum_type
        behavior = proto.options.Extensions[field_behavior_pb2.field_behavior]
        return {
            "name": each.json_name,
            "proto": each.name,
            "type": "map" if entry else _TYPES[each.type],
            "comment": self.comments.get(each.full_name, ""),
            "limits": limits_of(proto.options),
            "required": field_behavior_pb2.REQUIRED in behavior,
            "output": field_behavior_pb2.OUTPUT_ONLY in behavior,
            "repeated": bool(each.is_repeated) and not entry,
            "optional": bool(each.has_presence),
            "oneof": oneof.name if oneof is not None and not proto.proto3_optional else None,
            "ref": kind.full_name if kind is not None else None,
        }

    def _enum(self, enum: EnumDescriptor) -> Json:
        return {
            "comment": self.comments.get(enum.full_name, ""),
            "values": [
                {"name": each.name, "comment": self.comments.get(f"{enum.full_name}.{each.name}", "")}
                for each in enum.values
            ],
        }


def read_catalog(reflection: Reflection) -> Catalog:
    """Ask the server for all that it offers. Raises grpc.RpcError."""
    services = {name: reflection.service(name) for name in reflection.services()}
    # Its own comments count, where it has any.
    comments = {**packaged_comments(), **comments_of(reflection.files.values())}
    methods = {name: dict(each.methods_by_name) for name, each in services.items()}
    return Catalog(reflection.pool, methods, comments, differences(reflection.pool, reflection.files))
