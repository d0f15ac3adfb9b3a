"""Settings of the tracks service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field, FilePath, field_validator

from servicekit.setting_types import PostgresUrl, Target
from servicekit.settings import Environment, ServiceSettings, variable
from services.tracks.domain.web.addresses import DenyList
from services.tracks.domain.web.host_overrides import parse_host_overrides

_ENDPOINT = r"^https://[^?#\s]+[^/?#\s]$"


class Settings(ServiceSettings):
    """Settings of the tracks process."""

    process: ClassVar[str] = "tracks"

    port: int = Field(7403, ge=0, le=65_535, description="gRPC port of the services")
    admin_port: int = Field(
        7413, ge=0, le=65_535, description="admin port, plaintext gRPC: health and reflection"
    )
    metrics_port: int = Field(7423, ge=0, le=65_535, description="metrics port, HTTP: Prometheus")
    users_target: Target = Field(
        "127.0.0.1:7401", description="address of users: `host:port[,host:port]` or `dns:///name:port`"
    )
    slice_database_url: PostgresUrl | None = Field(
        None,
        validation_alias="SEDA_TRACKS_DATABASE_URL",
        description="DSN of tracks; default, except in production: `DATABASE_URL` with the role tracks_app",
    )
    search_rate_per_second: float = Field(
        1, gt=0, description="searches a second that one user may make on average, per process"
    )
    search_burst: float = Field(10, ge=1, description="searches that one user may make in a burst")
    fetch_rate_per_second: float = Field(
        0.5,
        gt=0,
        description="fetches a second that one user may cause on average, per process: by links to follow, new tracks,"
        " refreshes and pages to verify",
    )
    fetch_burst: float = Field(20, ge=1, description="fetches that one user may cause in a burst")
    fetch_link_concurrency: int = Field(
        64, ge=4, le=512, description="concurrent fetches of users' links; at most a quarter for one user"
    )
    fetch_unknown_host_concurrency: int = Field(
        8,
        ge=4,
        le=512,
        description="concurrent fetches of users' links at hosts of no provider; at most a quarter for one user",
    )
    fetch_verification_concurrency: int = Field(
        16, ge=4, le=512, description="concurrent fetches for other services; at most a quarter for one user"
    )
    enrich: bool = Field(True, description="fetch titles and artists from providers in the background")
    enrich_concurrency: int = Field(
        2, ge=1, le=20, description="concurrent fetches from one provider, per process"
    )
    youtube_oembed_url: str = Field(
        "https://www.youtube.com/oembed", pattern=_ENDPOINT, description="oEmbed endpoint of YouTube"
    )
    spotify_oembed_url: str = Field(
        "https://open.spotify.com/oembed", pattern=_ENDPOINT, description="oEmbed endpoint of Spotify"
    )
    soundcloud_oembed_url: str = Field(
        "https://soundcloud.com/oembed", pattern=_ENDPOINT, description="oEmbed endpoint of SoundCloud"
    )
    deezer_tracks_url: str = Field(
        "https://api.deezer.com/track",
        pattern=_ENDPOINT,
        description="track endpoint of Deezer, without the id",
    )
    apple_lookup_url: str = Field(
        "https://itunes.apple.com/lookup", pattern=_ENDPOINT, description="lookup endpoint of Apple"
    )
    fetch_contact: str = Field(
        "https://seda.fm/crawler",
        pattern=r"^https://[\x21-\x7e]{1,200}$",
        description="contact URL of the crawler, part of its User-Agent",
    )
    fetch_deny: str | None = Field(
        None,
        description="hosts (with their subdomains) and networks that are never fetched from, comma-separated",
    )
    fetch_host_rate_per_second: float = Field(
        5,
        gt=0,
        le=1_000,
        description="requests a second to one web host on average, per process",
    )
    fetch_host_burst: float = Field(
        10, ge=1, le=1_000, description="requests to one web host in a burst; at most 2 run concurrently"
    )
    fetch_host_overrides: str | None = Field(
        None,
        description="loopback servers that replace web hosts, `name=address:port`, comma-separated; development only",
    )
    fetch_ca_file: FilePath | None = Field(
        None, description="additional PEM certificate authority of web hosts; development only"
    )

    @field_validator("fetch_deny")
    @classmethod
    def _deny_list(cls, text: str | None) -> str | None:
        DenyList.parse(text or "")
        return text

    @field_validator("fetch_host_overrides")
    @classmethod
    def _host_overrides(cls, text: str | None) -> str | None:
        parse_host_overrides(text or "")
        return text

    def cross_field_errors(self) -> Iterator[tuple[str, str]]:
        """Yield the errors of every process, and those of the development settings."""
        yield from super().cross_field_errors()
        # Both let private servers replace public ones.
        for name in ("fetch_host_overrides", "fetch_ca_file"):
            if self.env is not Environment.DEVELOPMENT and getattr(self, name):
                yield variable(type(self), name), "is for SEDA_ENV=development alone"
