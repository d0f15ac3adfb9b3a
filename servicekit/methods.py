"""The methods of the contract, read from the descriptors."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message

from seda.rpc.v1 import annotations_pb2

# Not part of our contract: public, and exempt from the concurrency limit and the log.
_EXEMPT = frozenset({"grpc.health.v1.Health"})


class Access(enum.StrEnum):
    """The access level of a method."""

    PUBLIC = "PUBLIC"
    USER = "USER"
    MODERATOR = "MODERATOR"
    ADMIN = "ADMIN"
    SERVICE = "SERVICE"


class ContractError(Exception):
    """A method lacks a required option; the process must not start."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the contract.

    `read_only`: the contract declares NO_SIDE_EFFECTS. `idempotent`: it declares that or IDEMPOTENT.
    `exempt` methods (health) skip the concurrency limit and are not logged.
    """

    service: str
    name: str
    access: Access
    callers: frozenset[str]
    request_type: type[Message]
    response_type: type[Message]
    server_streaming: bool
    read_only: bool
    idempotent: bool
    exempt: bool = False

    @property
    def full_name(self) -> str:
        """As in `seda.chat.v1.MessageService.SendMessage`."""
        return f"{self.service}.{self.name}"

    @property
    def path(self) -> str:
        """As on the wire: `/seda.chat.v1.MessageService/SendMessage`."""
        return f"/{self.service}/{self.name}"

    @property
    def takes_request_id(self) -> bool:
        """Whether a `request_id` makes retries of a call safe."""
        return "request_id" in self.request_type.DESCRIPTOR.fields_by_name


def is_service_only(service: ServiceDescriptor) -> bool:
    """Whether only other services may call the service."""
    return any(_access(method) is Access.SERVICE for method in service.methods)


def methods_of(service: ServiceDescriptor) -> list[Method]:
    """The methods of a service; raises ContractError when one has no access option."""
    methods = [_method(descriptor) for descriptor in service.methods]
    if len({method.access is Access.SERVICE for method in methods}) > 1:
        raise ContractError(f"{service.full_name} mixes SERVICE methods with others")
    return methods


def _method(descriptor: MethodDescriptor) -> Method:
    options = descriptor.GetOptions()
    service = descriptor.containing_service.full_name
    access = Access.PUBLIC if service in _EXEMPT else _access(descriptor)
    callers = frozenset(options.Extensions[annotations_pb2.callers])
    if (access is Access.SERVICE) != bool(callers):
        raise ContractError(f"{descriptor.full_name}: `callers` belongs to ACCESS_SERVICE, and only there")
    return Method(
        service=service,
        name=descriptor.name,
        access=access,
        callers=callers,
        request_type=message_factory.GetMessageClass(descriptor.input_type),
        response_type=message_factory.GetMessageClass(descriptor.output_type),
        server_streaming=descriptor.server_streaming,
        read_only=options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS,
        idempotent=options.idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN,
        exempt=service in _EXEMPT,
    )


def _access(descriptor: MethodDescriptor) -> Access:
    number = descriptor.GetOptions().Extensions[annotations_pb2.access]
    if number == annotations_pb2.ACCESS_UNSPECIFIED:
        raise ContractError(
            f"{descriptor.full_name} does not say who may call it (option seda.rpc.v1.access)"
        )
    return Access(annotations_pb2.Access.Name(number).removeprefix("ACCESS_"))
