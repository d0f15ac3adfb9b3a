"""Settings of the users service."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from servicekit.setting_types import PostgresUrl, Target
from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the users process."""

    process: ClassVar[str] = "users"

    port: int = Field(7401, ge=0, le=65_535, description="gRPC port of the services")
    admin_port: int = Field(
        7411, ge=0, le=65_535, description="admin port, plaintext gRPC: health and reflection"
    )
    metrics_port: int = Field(7421, ge=0, le=65_535, description="metrics port, HTTP: Prometheus")
    chat_target: Target = Field("127.0.0.1:7402", description="address of chat")
    tracks_target: Target = Field("127.0.0.1:7403", description="address of tracks")
    erasure_read_rate_per_second: float = Field(
        20, gt=0, description="calls of GetErasure a second on average, of all clients together, per process"
    )
    erasure_read_burst: float = Field(100, ge=1, description="calls of GetErasure in a burst")
    erasure_interval_seconds: float = Field(
        5, gt=0, description="seconds between two looks for due steps of erasures"
    )
    artist_search_rate_per_second: float = Field(
        5, gt=0, description="searches for artists a second that one user may make on average, per process"
    )
    artist_search_burst: float = Field(
        20, ge=1, description="searches for artists that one user may make in a burst"
    )
    artist_search_cache_ms: int = Field(
        1000,
        ge=0,
        le=60_000,
        description="milliseconds for which a page of a search for artists is reused; 0: not at all",
    )
    artist_write_rate_per_second: float = Field(
        0.2,
        gt=0,
        description="changes a second of their artist profile that one user may make on average, per process",
    )
    artist_write_burst: float = Field(
        20, ge=1, description="changes of their artist profile that one user may make in a burst"
    )
    verification_rate_per_second: float = Field(
        0.2,
        gt=0,
        description="starts, checks and cancellations of claims a second that one user may make on average, per process",
    )
    verification_burst: float = Field(
        20, ge=1, description="starts, checks and cancellations of claims that one user may make in a burst"
    )
    verification_concurrency: int = Field(
        16, ge=1, le=512, description="concurrent checks of claims that users started"
    )
    verification_interval_seconds: float = Field(
        5, gt=0, le=3_600, description="seconds between looks for re-checks and expired claims"
    )
    slice_database_url: PostgresUrl | None = Field(
        None,
        validation_alias="SEDA_USERS_DATABASE_URL",
        description="DSN of users; default, except in production: `DATABASE_URL` with the role users_app",
    )
