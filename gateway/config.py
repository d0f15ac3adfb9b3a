"""Settings of the gateway."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from servicekit.setting_types import Target
from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the gateway process. It has no database."""

    process: ClassVar[str] = "gateway"
    has_database: ClassVar[bool] = False
    max_connection_streams: ClassVar[int] = 256

    port: int = Field(7400, ge=0, le=65_535, description="gRPC port of the services")
    admin_port: int = Field(
        7410, ge=0, le=65_535, description="admin port, plaintext gRPC: health and reflection"
    )
    metrics_port: int = Field(7420, ge=0, le=65_535, description="metrics port, HTTP: Prometheus")
    users_target: Target = Field(
        "127.0.0.1:7401", description="address of users: `host:port[,host:port]` or `dns:///name:port`"
    )
    chat_target: Target = Field("127.0.0.1:7402", description="address of chat")
    tracks_target: Target = Field("127.0.0.1:7403", description="address of tracks")
