"""Settings of the chat service."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr

from sedaclient.channels import is_loopback
from servicekit.setting_types import PostgresUrl, Target
from servicekit.settings import ServiceSettings

_WITHOUT_NATS = ("postgres", "none")


def _hints(value: str) -> str:
    if value in _WITHOUT_NATS:
        return value
    urls = [urlsplit(each) for each in value.split(",")]
    if any(each.scheme not in {"nats", "tls"} or not each.hostname for each in urls):
        raise ValueError("must be postgres, none, or nats:// or tls:// and a host, several with commas")
    if len({each.scheme for each in urls}) > 1:
        raise ValueError("must be nats:// or tls:// for all servers")
    if any(each.username or each.password or each.path or each.query for each in urls):
        raise ValueError("must have nothing but hosts and ports; credentials are SEDA_HINTS_CREDENTIALS")
    return value


class Settings(ServiceSettings):
    """The common settings of servicekit.settings, with chat's ports, limits and DSN."""

    process: ClassVar[str] = "chat"

    port: int = Field(7402, ge=0, le=65_535, description="gRPC port of the services")
    admin_port: int = Field(
        7412, ge=0, le=65_535, description="admin port, plaintext gRPC: health and reflection"
    )
    metrics_port: int = Field(7422, ge=0, le=65_535, description="metrics port, HTTP: Prometheus")
    users_target: Target = Field(
        "127.0.0.1:7401", description="address of users: `host:port[,host:port]` or `dns:///name:port`"
    )
    tracks_target: Target = Field("127.0.0.1:7403", description="address of tracks")
    send_rate_per_second: float = Field(
        10, gt=0, description="messages a second that one user may send or edit on average, per process"
    )
    send_burst: float = Field(20, ge=1, description="messages that one user may send or edit in a burst")
    room_rate_per_second: float = Field(
        1, gt=0, description="rooms a second that one user may create on average, per process"
    )
    room_burst: float = Field(30, ge=1, description="rooms that one user may create in a burst")
    join_rate_per_second: float = Field(
        1, gt=0, description="rooms a second that one user may join on average, per process"
    )
    join_burst: float = Field(30, ge=1, description="rooms that one user may join in a burst")
    reaction_rate_per_second: float = Field(
        10, gt=0, description="reactions a second that one user may add or remove on average, per process"
    )
    reaction_burst: float = Field(
        30, ge=1, description="reactions that one user may add or remove in a burst"
    )
    search_rate_per_second: float = Field(
        1, gt=0, description="searches a second that one user may make on average, per process"
    )
    search_burst: float = Field(10, ge=1, description="searches that one user may make in a burst")
    search_timeout_ms: int = Field(
        1000,
        ge=1,
        le=30_000,
        description="milliseconds after which a statement of SearchMessages is cancelled",
    )
    max_searches: int = Field(
        4,
        ge=1,
        description="concurrent searches, half of them of one user; fewer than SEDA_DB_POOL_MAX, if that is more than 1",
    )
    max_queued_searches: int = Field(
        16, ge=0, description="searches that wait for a slot, up to SEDA_MAX_QUEUE_WAIT_MS; more are rejected"
    )
    invitation_rate_per_second: float = Field(
        0.2, gt=0, description="invitations a second that one user may send on average, per process"
    )
    invitation_burst: float = Field(20, ge=1, description="invitations that one user may send in a burst")
    report_rate_per_second: float = Field(
        0.1, gt=0, description="reports a second that one user may make on average, per process"
    )
    report_burst: float = Field(10, ge=1, description="reports that one user may make in a burst")
    room_write_rate_per_second: float = Field(
        10,
        gt=0,
        description="other writes in rooms a second, such as pins, sanctions and read markers, that one user may make"
        " on average, per process",
    )
    room_write_burst: float = Field(60, ge=1, description="such writes that one user may make in a burst")
    room_search_rate_per_second: float = Field(
        5,
        gt=0,
        description="searches for public rooms a second that one user may make on average, per process",
    )
    room_search_burst: float = Field(
        20, ge=1, description="searches for public rooms that one user may make in a burst"
    )
    watch_rate_per_second: float = Field(
        0.5, gt=0, description="streams a second that one user may open on average, per process"
    )
    watch_burst: float = Field(20, ge=1, description="streams that one user may open in a burst")
    watch_max_age_seconds: float = Field(
        110, gt=0, le=240, description="seconds after which a stream ends, up to a tenth more or less"
    )
    watch_heartbeat_seconds: float = Field(
        25, gt=0, le=120, description="seconds without a change after which a stream sends a heartbeat"
    )
    hints: Annotated[str, AfterValidator(_hints)] = Field(
        "postgres",
        description="how processes wake the streams of each other: `postgres` (NOTIFY), NATS servers as"
        " `nats://host:port` or `tls://host:port`, with commas, or `none`: changes of other processes then come a little"
        " later; behind a transaction pooler `postgres` is `none`",
    )
    hints_credentials: SecretStr | None = Field(
        None, description="of the NATS servers in SEDA_HINTS: `user:password`, or a token"
    )
    page_cache_mib: int = Field(
        32, ge=0, le=4096, description="MiB of the cache of ListMessages, pages and messages; 0 disables it"
    )
    janitor_interval_seconds: float = Field(
        60, gt=0, description="seconds between two runs of the janitor: purges, search backfill"
    )
    slice_database_url: PostgresUrl | None = Field(
        None,
        validation_alias="SEDA_CHAT_DATABASE_URL",
        description="DSN of chat; default, except in production: `DATABASE_URL` with the role chat_app",
    )

    @property
    def nats_urls(self) -> list[str]:
        """The NATS servers that carry hints; empty: none do."""
        return [] if self.hints in _WITHOUT_NATS else self.hints.split(",")

    def cross_field_errors(self) -> Iterator[tuple[str, str]]:
        """See the base class."""
        yield from super().cross_field_errors()
        plain = [urlsplit(each).hostname or "" for each in self.nats_urls if not each.startswith("tls:")]
        if self.nats_urls and find_spec("nats") is None:
            yield "SEDA_HINTS", "requires the package of the extra `nats`: seda-backend[nats]"
        if not (self.allow_plaintext or all(map(is_loopback, plain))):
            yield "SEDA_HINTS", "is not loopback; it requires tls://, or SEDA_ALLOW_PLAINTEXT=1"
        if self.hints_credentials and not self.nats_urls:
            yield "SEDA_HINTS_CREDENTIALS", "requires NATS servers in SEDA_HINTS"
