"""A server with reflection whose methods are made for the console's tests, from a contract that is written here."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha import reflection

CONTRACT = """
syntax = "proto3";
package probe;
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
// Methods of all kinds.
service Probe {
  // Returns what it is given. <img src=x onerror=alert(1)>
  rpc Echo(Everything) returns (Everything);
  // Counts.
  rpc Count(Number) returns (stream Everything);
  // Never answers.
  rpc Wait(Number) returns (Number);
  // Answers with so many bytes.
  rpc Big(Number) returns (Everything);
  // Takes a stream.
  rpc Collect(stream Number) returns (Number);
%s
}
message Number { int64 value = 1; }
enum Colour { COLOUR_UNSPECIFIED = 0; COLOUR_RED = 1; COLOUR_BLUE = 2; }
// A message with a field of each kind.
message Everything {
  string text = 1;
  int64 wide = 2;
  uint64 unsigned_wide = 3;
  int32 narrow = 4;
  double real = 5;
  float single = 6;
  bool flag = 7;
  bytes data = 8;
  Colour colour = 9;
  optional string maybe_text = 10;
  optional int64 maybe_wide = 11;
  optional bool maybe_flag = 12;
  optional Colour maybe_colour = 13;
  repeated string texts = 14;
  repeated int64 wides = 15;
  repeated Everything children = 16;
  map<string, string> labels = 17;
  map<int32, Everything> by_number = 18;
  map<bool, int64> by_flag = 19;
  oneof choice { string as_text = 20; int64 as_number = 21; Everything as_everything = 22; bool as_flag = 23; }
  google.protobuf.Timestamp time = 24;
  google.protobuf.Duration span = 25;
  google.protobuf.FieldMask mask = 26;
  google.protobuf.Struct object = 27;
  google.protobuf.Value anything = 28;
  google.protobuf.ListValue list = 29;
  google.protobuf.Any any = 30;
  google.protobuf.StringValue wrapped_text = 31;
  google.protobuf.Int64Value wrapped_wide = 32;
  google.protobuf.BoolValue wrapped_flag = 33;
  google.protobuf.BytesValue wrapped_data = 34;
  repeated google.protobuf.Timestamp times = 35;
  Everything self = 36;
  sfixed64 fixed = 37;
}
"""


@dataclass
class ProbeTarget:
    """The address, the calls that were received, and an event for the one that is cancelled."""

    address: str
    calls: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    everything: Any = None


def compiled(extra: str = "") -> DescriptorPool:
    """The contract, with more methods if there are any."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "probe.proto").write_text(CONTRACT % extra)
        output = Path(folder, "set.binpb")
        command = [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"-I{folder}",
            "--include_imports",
            "--include_source_info",
        ]
        subprocess.run([*command, f"--descriptor_set_out={output}", "probe.proto"], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(output.read_bytes()).file
    pool = DescriptorPool()
    for each in files:
        pool.Add(each)
    return pool


class _Handlers(grpc.GenericRpcHandler):
    def __init__(self, target: ProbeTarget) -> None:
        self._target = target

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        service, _, name = details.method.strip("/").partition("/")
        if service != "probe.Probe":
            return None
        handle = getattr(self, f"_{name.lower()}", self._echo)
        self._metadata = {key: str(value) for key, value in details.invocation_metadata or ()}
        if name == "Count":
            return grpc.unary_stream_rpc_method_handler(self._count)

        async def run(data: bytes, context: Any) -> bytes:
            self._target.calls.append((name, data, self._metadata))
            answer: bytes = await handle(data, context)
            return answer

        return grpc.unary_unary_rpc_method_handler(run)

    async def _echo(self, data: bytes, _context: object) -> bytes:
        return data

    async def _wait(self, _data: bytes, _context: object) -> bytes:
        self._target.waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            self._target.cancelled.set()
        raise AssertionError

    async def _big(self, data: bytes, _context: object) -> bytes:
        texts = ["x" * 100] * (_number(data) // 102)
        return bytes(self._target.everything(texts=texts).SerializeToString())

    async def _count(self, data: bytes, context: Any) -> None:
        for number in range(_number(data)):
            await context.write(self._target.everything(wide=number, text="tick").SerializeToString())


def _number(data: bytes) -> int:
    # A varint in field 1, as int64 is on the wire.
    number = 0
    for place, byte in enumerate(data[1:]):
        number |= (byte & 0x7F) << (7 * place)
    return number


@contextlib.asynccontextmanager
async def probe_target(extra: str = "", port: int = 0) -> AsyncIterator[ProbeTarget]:
    """Serve the contract until the end."""
    pool = await asyncio.to_thread(compiled, extra)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    target = ProbeTarget("")
    target.everything = message_factory.GetMessageClass(pool.FindMessageTypeByName("probe.Everything"))
    server.add_generic_rpc_handlers((_Handlers(target),))
    reflection.enable_server_reflection(["probe.Probe"], server, pool=pool)
    target.address = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    await server.start()
    try:
        yield target
    finally:
        await server.stop(0)
