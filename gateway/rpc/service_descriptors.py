"""Finds the proto services of each upstream in the generated code, so that a new one needs no line here."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from importlib import import_module

from google.protobuf.descriptor import ServiceDescriptor

from servicekit.methods import is_service_only

_SUFFIX = "_service_pb2"


def services_of(service_name: str) -> list[ServiceDescriptor]:
    """Return every proto service below package `seda.<service_name>`, sorted by name."""
    package = import_module(f"seda.{service_name}")
    found: list[ServiceDescriptor] = []
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.endswith(_SUFFIX):
            found += import_module(module.name).DESCRIPTOR.services_by_name.values()
    return sorted(found, key=lambda service: service.full_name)


def public_services(services: Iterable[ServiceDescriptor]) -> list[ServiceDescriptor]:
    """Return the services that users may call, without the internal ones."""
    return [service for service in services if not is_service_only(service)]
