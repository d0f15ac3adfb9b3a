"""A client of ExportMyData that keeps what it received."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import grpc

from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from tests.services.running import user


@dataclass
class Export:
    """What one or several streams have sent: the messages, and of the chunks all lines."""

    parts: list[pb.ExportMyDataResponse] = field(default_factory=list)

    @property
    def chunks(self) -> list[pb.ExportChunk]:
        """The chunks in order."""
        return [part.chunk for part in self.parts if part.HasField("chunk")]

    @property
    def content(self) -> bytes:
        """All lines."""
        return b"".join(chunk.json_lines for chunk in self.chunks)

    def records(self) -> list[tuple[str, str, dict[str, Any]]]:
        """The records with their services and kinds, in order."""
        return [
            (chunk.service, chunk.kind, json.loads(line))
            for chunk in self.chunks
            for line in chunk.json_lines.splitlines()
        ]

    async def receive(self, channel: grpc.aio.Channel, email: str, resume_token: str = "") -> None:
        """Keep what one stream sends until it ends or fails."""
        async for part in open_stream(channel, email, resume_token):
            self.parts.append(part)

    def check_frame(self) -> None:
        """The stream begins with its manifest, ends with its summary, and the summary fits."""
        manifest, *_, summary = self.parts
        assert manifest.HasField("manifest")
        assert summary.HasField("summary")
        assert all(part.HasField("chunk") for part in self.parts[1:-1])
        announced = [(each.service, each.kind) for each in manifest.manifest.kinds]
        seen = [(service, kind) for service, kind, _ in self.records()]
        assert [each for each in announced if each in set(seen)] == list(dict.fromkeys(seen))
        counts = {(each.service, each.kind): each.row_count for each in summary.summary.counts}
        assert counts == Counter(seen)
        assert summary.summary.sha256 == hashlib.sha256(self.content).digest()
        assert all(0 < len(chunk.json_lines) <= 256 << 10 for chunk in self.chunks)
        assert all(chunk.json_lines.endswith(b"\n") for chunk in self.chunks)


def open_stream(channel: grpc.aio.Channel, email: str, resume_token: str = "") -> Any:
    """Begin or resume an export."""
    request = pb.ExportMyDataRequest(resume_token=resume_token)
    return GatewayServiceStub(channel).ExportMyData(request, metadata=user(email))


async def export(channel: grpc.aio.Channel, email: str, resume_token: str = "") -> Export:
    """All of one stream."""
    done = Export()
    await done.receive(channel, email, resume_token)
    return done
