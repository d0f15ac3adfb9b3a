"""probe.v1: the methods that no slice has yet, compiled from tests/protos when a test first asks for them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import grpc_tools
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

# The imported protos must be known before their importer.
from buf.validate import validate_pb2  # noqa: F401 - see above
from seda.rpc.v1 import annotations_pb2, validation_pb2  # noqa: F401 - see above
from servicekit.methods import Method, methods_of

_ROOT = Path(__file__).parent
_NAME = "probe/v1/probe_service.proto"


def _compiled() -> Any:
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    folders = (_ROOT / "protos", _ROOT.parent / "protos", well_known)
    with tempfile.TemporaryDirectory() as temporary:
        result = Path(temporary) / "probe.binpb"
        arguments = [*(f"-I{folder}" for folder in folders), f"--descriptor_set_out={result}", _NAME]
        if protoc.main(["protoc", *arguments]) != 0:
            raise RuntimeError(f"protoc does not take {_NAME}")
        (file,) = FileDescriptorSet.FromString(result.read_bytes()).file
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindFileByName(_NAME)


FILE = _compiled()
SERVICE = FILE.services_by_name["ProbeService"]
INTERNAL_SERVICE = FILE.services_by_name["ProbeInternalService"]
METHODS: dict[str, Method] = {
    method.name: method for service in (SERVICE, INTERNAL_SERVICE) for method in methods_of(service)
}
ProbeRequest: Any = message_factory.GetMessageClass(FILE.message_types_by_name["ProbeRequest"])
ProbeResponse: Any = message_factory.GetMessageClass(FILE.message_types_by_name["ProbeResponse"])
EmptyRequest: Any = message_factory.GetMessageClass(FILE.message_types_by_name["EmptyRequest"])
EmptyResponse: Any = message_factory.GetMessageClass(FILE.message_types_by_name["EmptyResponse"])
