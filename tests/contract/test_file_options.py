"""Every own proto file names its packages in other languages; services for other services are internal."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileOptions

from servicekit.methods import is_service_only
from tests.contract.descriptors import own_files


@pytest.mark.parametrize("file", own_files(), ids=lambda file: file.name)
def test_file_names_the_packages_of_other_languages(file: FileDescriptor) -> None:
    parts = file.package.split(".")
    options = file.GetOptions()
    assert isinstance(options, FileOptions)
    assert options.go_package == f"seda.fm/protos/{'/'.join(parts)};{''.join(parts[1:])}"
    assert options.java_package == f"fm.{file.package}"
    assert options.java_multiple_files
    assert options.csharp_namespace == ".".join(part.capitalize() for part in parts)


@pytest.mark.parametrize("file", own_files(), ids=lambda file: file.name)
def test_services_for_other_services_alone_are_internal(file: FileDescriptor) -> None:
    for service in file.services_by_name.values():
        assert is_service_only(service) == (".internal." in file.package), service.full_name
