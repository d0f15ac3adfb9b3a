"""The message classes of baselines/baseline.proto, made when they are needed: nothing generated is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

_FOLDER = Path(__file__).parent / "baselines"
LIST_MESSAGES, SEND_MESSAGE = "/baseline.v1.Chat/ListMessages", "/baseline.v1.Chat/SendMessage"
SEARCH_ARTISTS, GET_USER = "/baseline.v1.Chat/SearchArtists", "/baseline.v1.Chat/GetUser"


class BaselineContract:
    """The baselines' request and response classes, by their names."""

    def __init__(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / "baseline.binpb"
            status = protoc.main(
                ["protoc", f"-I{_FOLDER}", f"--descriptor_set_out={target}", "baseline.proto"]
            )
            if status != 0:
                raise RuntimeError("baseline.proto can't be compiled")
            files = descriptor_pb2.FileDescriptorSet.FromString(target.read_bytes())
        self._pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            self._pool.Add(file)

    def __getattr__(self, name: str) -> Any:
        """The class of a message."""
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(f"baseline.v1.{name}"))
