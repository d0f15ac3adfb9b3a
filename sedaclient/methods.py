"""The methods of the contract as a client sees them, read from the descriptors of the generated code."""

from __future__ import annotations

import functools
import importlib
import pkgutil
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from google.protobuf import message_factory
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message

import seda

# Services whose names have no plural; of the others the client's attribute is the plural: MessageService is `messages`.
_WITHOUT_PLURAL = frozenset(
    {"admin", "author_data", "catalog", "crawler", "gateway", "identity", "live", "moderation"}
)


@dataclass(frozen=True, slots=True)
class ClientMethod:
    """One method of the contract.

    `read_only`: the contract declares NO_SIDE_EFFECTS. `idempotent`: it declares that or IDEMPOTENT.
    """

    service: str
    name: str
    request_type: type[Message]
    response_type: type[Message]
    server_streaming: bool
    read_only: bool
    idempotent: bool

    @property
    def full_name(self) -> str:
        """As in `seda.chat.v1.MessageService.SendMessage`."""
        return f"{self.service}.{self.name}"

    @property
    def short_name(self) -> str:
        """As in `chat.SendMessage`."""
        return f"{self.audience}.{self.name}"

    @property
    def path(self) -> str:
        """As on the wire: `/seda.chat.v1.MessageService/SendMessage`."""
        return f"/{self.service}/{self.name}"

    @property
    def audience(self) -> str:
        """The process that serves the method, as service tokens name it: `chat`."""
        return self.service.split(".")[1]

    @property
    def takes_request_id(self) -> bool:
        """Whether a `request_id` makes retries of a call safe."""
        return "request_id" in self.request_type.DESCRIPTOR.fields_by_name

    @classmethod
    def of(cls, descriptor: MethodDescriptor, **more: object) -> Self:
        """The method of a descriptor; `more` are the fields that a subclass adds."""
        level = descriptor.GetOptions().idempotency_level
        return cls(
            service=descriptor.containing_service.full_name,
            name=descriptor.name,
            request_type=message_factory.GetMessageClass(descriptor.input_type),
            response_type=message_factory.GetMessageClass(descriptor.output_type),
            server_streaming=descriptor.server_streaming,
            read_only=level == MethodOptions.NO_SIDE_EFFECTS,
            idempotent=level != MethodOptions.IDEMPOTENCY_UNKNOWN,
            **more,
        )


def attribute_name(service: ServiceDescriptor) -> str:
    """The attribute of a client that has a service's methods: `messages` for seda.chat.v1.MessageService."""
    noun = re.sub(r"(?<!^)(?=[A-Z])", "_", service.name.removesuffix("Service")).lower()
    return noun if noun in _WITHOUT_PLURAL else f"{noun}s"


@functools.cache
def services() -> Mapping[str, Sequence[ClientMethod]]:
    """The methods of every service in the generated code, by the attribute of a client that has them."""
    found: dict[str, Sequence[ClientMethod]] = {}
    for descriptor in service_descriptors():
        found[attribute_name(descriptor)] = [ClientMethod.of(each) for each in descriptor.methods]
    return found


def service_descriptors() -> list[ServiceDescriptor]:
    """Every service in the generated code, in the order of their modules."""
    modules = pkgutil.walk_packages(seda.__path__, "seda.")
    return [
        service
        for module in modules
        if module.name.endswith("_service_pb2")
        for service in importlib.import_module(module.name).DESCRIPTOR.services_by_name.values()
    ]
