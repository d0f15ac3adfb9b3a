"""Settings of the chat service."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, SecretStr

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """What every service has (servicekit.settings), with chat's ports and its own way into PostgreSQL."""

    process: ClassVar[str] = "chat"

    port: int = Field(7402, ge=0, le=65_535, description="port of the contract")
    admin_port: int = Field(7412, ge=0, le=65_535, description="port of health and reflection, plain text")
    metrics_port: int = Field(7422, ge=0, le=65_535, description="port of Prometheus metrics, HTTP; 0: none")
    send_rate: float = Field(10, gt=0, description="messages a second that one user may send on average")
    send_burst: float = Field(20, ge=1, description="messages that one user may send at once")
    slice_database_url: SecretStr | None = Field(
        None, validation_alias="SEDA_CHAT_DATABASE_URL", description="chat's own way into PostgreSQL"
    )
