"""Settings of the tracks service."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service has, with the ports and the DSN of this one."""

    process: ClassVar[str] = "tracks"

    port: int = Field(7403, ge=0, le=65_535, description="port of the contract")
    admin_port: int = Field(7413, ge=0, le=65_535, description="port of health and reflection, plain text")
    metrics_port: int = Field(7423, ge=0, le=65_535, description="port of Prometheus metrics, HTTP")
    slice_database_url: SecretStr | None = Field(
        None,
        validation_alias="SEDA_TRACKS_DATABASE_URL",
        description="DSN of tracks; default: DATABASE_URL with the role tracks_app",
    )
