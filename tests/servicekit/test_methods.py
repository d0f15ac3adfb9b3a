"""What the contract says of each method, and contracts that forget to."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor_pb2 import FileDescriptorProto, MethodOptions
from google.protobuf.descriptor_pool import DescriptorPool

from servicekit.health import HealthService
from servicekit.methods import Access, ContractError, is_service_only, methods_of
from tests.probe import FILE, INTERNAL_SERVICE, METHODS, SERVICE


def test_methods_are_as_the_contract_says() -> None:
    found = {name: (each.access, each.idempotent, each.server_streaming) for name, each in METHODS.items()}
    assert {name for name, each in METHODS.items() if each.read_only} == {"Open", "Ask", "Empty"}
    assert found == {
        "Open": (Access.PUBLIC, True, False),
        "Ask": (Access.USER, True, False),
        "Change": (Access.USER, False, False),
        "Moderate": (Access.MODERATOR, False, False),
        "Administer": (Access.ADMIN, False, False),
        "Watch": (Access.USER, False, True),
        "Empty": (Access.USER, True, False),
        "Serve": (Access.SERVICE, True, False),
    }
    assert METHODS["Serve"].callers == {"chat", "gateway"}
    assert METHODS["Ask"].path == "/probe.v1.ProbeService/Ask"
    assert METHODS["Ask"].full_name == "probe.v1.ProbeService.Ask"
    assert is_service_only(INTERNAL_SERVICE)
    assert not is_service_only(SERVICE)


def broken(change: Any) -> Any:
    """The probe's services with the first method of the first one changed."""
    file = FileDescriptorProto()
    FILE.CopyToProto(file)
    file.name = "probe/broken.proto"
    change(file.service[0], MethodOptions)
    pool = DescriptorPool()
    for name in file.dependency:
        add(pool, name)
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindFileByName(file.name).services_by_name["ProbeService"]


def add(pool: Any, name: str) -> None:
    """A file and what it imports."""
    found = descriptor_pool.Default().FindFileByName(name)
    for dependency in found.dependencies:
        add(pool, dependency.name)
    pool.AddSerializedFile(found.serialized_pb)


def without_access(service: Any, _: Any) -> None:
    service.method[0].options.Clear()


def with_callers(service: Any, _: Any) -> None:
    service.method[0].options.MergeFrom(INTERNAL_SERVICE.methods[0].GetOptions())
    service.method[0].options.MergeFrom(SERVICE.methods[1].GetOptions())


def as_service(service: Any, _: Any) -> None:
    service.method[0].options.CopyFrom(INTERNAL_SERVICE.methods[0].GetOptions())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (without_access, "does not say who may call it"),
        (with_callers, "`callers` belongs to ACCESS_SERVICE"),
        (as_service, "mixes SERVICE methods with others"),
    ],
)
def test_contract_that_forgets_something_stops_the_start(change: Any, why: str) -> None:
    with pytest.raises(ContractError, match=why):
        methods_of(broken(change))


def test_methods_of_health_are_open_to_all_and_exempt() -> None:
    methods = methods_of(HealthService.descriptor)
    assert {(each.name, each.access, each.exempt) for each in methods} == {
        (name, Access.PUBLIC, True) for name in ("Check", "List", "Watch")
    }
    assert not any(each.exempt for each in METHODS.values())
