"""Settings of the users service."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from servicekit.setting_types import PostgresUrl
from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the users process."""

    process: ClassVar[str] = "users"

    port: int = Field(7401, ge=0, le=65_535, description="gRPC port of the services")
    admin_port: int = Field(
        7411, ge=0, le=65_535, description="admin port, plaintext gRPC: health and reflection"
    )
    metrics_port: int = Field(7421, ge=0, le=65_535, description="metrics port, HTTP: Prometheus")
    slice_database_url: PostgresUrl | None = Field(
        None,
        validation_alias="SEDA_USERS_DATABASE_URL",
        description="DSN of users; default, except in production: `DATABASE_URL` with the role users_app",
    )
