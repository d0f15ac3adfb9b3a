"""Settings of the gateway."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the gateway process. It has no database."""

    process: ClassVar[str] = "gateway"
    upstreams: ClassVar[tuple[str, ...]] = ("users", "chat", "tracks")
    has_database: ClassVar[bool] = False

    port: int = Field(7400, ge=0, le=65_535, description="gRPC port of the services")
    admin_port: int = Field(
        7410, ge=0, le=65_535, description="admin port, plaintext gRPC: health and reflection"
    )
    metrics_port: int = Field(7420, ge=0, le=65_535, description="metrics port, HTTP: Prometheus")
