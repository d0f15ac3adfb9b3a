"""Each documented reason is one error class with the documented code, and each class is documented."""

from __future__ import annotations

import importlib

import pytest

import servicekit.errors
from servicekit.errors import ServiceError
from tests.contract.responses import SERVICES, Reason, reasons


def classes(module: str) -> dict[str, set[type[ServiceError]]]:
    """The error classes that a module defines, by their reasons."""
    found: dict[str, set[type[ServiceError]]] = {}
    for value in vars(importlib.import_module(module)).values():
        own = isinstance(value, type) and issubclass(value, ServiceError) and value.__module__ == module
        if own and "reason" in vars(value):
            found.setdefault(value.reason, set()).add(value)
    return found


@pytest.mark.parametrize("package", ["rpc", *SERVICES])
def test_reasons_and_error_classes_are_one_to_one(package: str) -> None:
    modules = {"rpc": "servicekit.errors", "gateway": "gateway.domain.errors"}
    module = modules.get(package, f"services.{package}.domain.errors")
    documented = {name: each for name, each in reasons(package).items() if name != "UNSPECIFIED"}
    made = classes(module)
    assert made.keys() == documented.keys()
    assert {reason: len(each) for reason, each in made.items()} == dict.fromkeys(documented, 1)
    codes = {reason: kind.code.name for reason, kinds in made.items() for kind in kinds}
    assert codes == {reason: each.code for reason, each in documented.items()}


def test_no_slice_reuses_a_reason_of_all() -> None:
    for package in SERVICES:
        assert reasons(package).keys() & reasons("rpc").keys() <= {"UNSPECIFIED"}


def test_the_classes_are_found() -> None:
    assert classes("servicekit.errors")["CONFLICT"] == {servicekit.errors.ConflictError}
    assert reasons("rpc")["CONFLICT"] == Reason("ABORTED", retry=False)
