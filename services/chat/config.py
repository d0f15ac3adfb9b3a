"""Settings of the chat service."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from servicekit.settings import PostgresUrl, ServiceSettings


class Settings(ServiceSettings):
    """What every service has (servicekit.settings), with chat's ports and its own way into PostgreSQL."""

    process: ClassVar[str] = "chat"
    upstreams: ClassVar[tuple[str, ...]] = ("users", "tracks")

    port: int = Field(7402, ge=0, le=65_535, description="port of the contract")
    admin_port: int = Field(7412, ge=0, le=65_535, description="port of health and reflection, plain text")
    metrics_port: int = Field(7422, ge=0, le=65_535, description="port of Prometheus metrics, HTTP; 0: none")
    send_rate_per_second: float = Field(
        10, gt=0, description="messages a second that one user may send or edit on average"
    )
    send_burst: float = Field(20, ge=1, description="messages that one user may send or edit at once")
    room_rate_per_second: float = Field(
        1, gt=0, description="rooms a second that one user may create on average"
    )
    room_burst: float = Field(30, ge=1, description="rooms that one user may create at once")
    join_rate_per_second: float = Field(
        1, gt=0, description="rooms a second that one user may join on average"
    )
    join_burst: float = Field(30, ge=1, description="rooms that one user may join at once")
    reaction_rate_per_second: float = Field(
        10, gt=0, description="reactions a second that one user may give or take back on average"
    )
    reaction_burst: float = Field(30, ge=1, description="reactions that one user may make at once")
    search_rate_per_second: float = Field(
        1, gt=0, description="searches a second that one user may make on average"
    )
    search_burst: float = Field(10, ge=1, description="searches that one user may make at once")
    invitation_rate_per_second: float = Field(
        0.2, gt=0, description="invitations a second that one user may send on average"
    )
    invitation_burst: float = Field(20, ge=1, description="invitations that one user may make at once")
    report_rate_per_second: float = Field(
        0.1, gt=0, description="reports a second that one user may make on average"
    )
    report_burst: float = Field(10, ge=1, description="reports that one user may make at once")
    page_cache_mib: int = Field(
        32, ge=0, le=4096, description="MiB for pages of messages that many read; 0: each is made anew"
    )
    janitor_interval_seconds: float = Field(
        60, gt=0, description="seconds between two looks for what has to be emptied or folded"
    )
    slice_database_url: PostgresUrl | None = Field(
        None, validation_alias="SEDA_CHAT_DATABASE_URL", description="chat's own way into PostgreSQL"
    )
