"""The methods of the contract, read from the descriptors."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from seda.rpc.v1 import annotations_pb2
from sedaclient.methods import ClientMethod

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
class Method(ClientMethod):
    """One method of the contract as a server sees it.

    `exempt` methods (health) skip the concurrency limit and are not logged.
    """

    access: Access
    callers: frozenset[str]
    exempt: bool = False


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
    return Method.of(descriptor, access=access, callers=callers, exempt=service in _EXEMPT)


def _access(descriptor: MethodDescriptor) -> Access:
    number = descriptor.GetOptions().Extensions[annotations_pb2.access]
    if number == annotations_pb2.ACCESS_UNSPECIFIED:
        raise ContractError(
            f"{descriptor.full_name} does not say who may call it (option seda.rpc.v1.access)"
        )
    return Access(annotations_pb2.Access.Name(number).removeprefix("ACCESS_"))
