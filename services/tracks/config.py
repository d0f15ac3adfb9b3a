"""Settings of the tracks service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field, FilePath, field_validator

from servicekit.settings import Environment, PostgresUrl, ServiceSettings, variable
from services.tracks.domain.web.addresses import DenyList
from services.tracks.domain.web.host_overrides import read_stand_ins

_ENDPOINT = r"^https://[^?#\s]+[^/?#\s]$"


class Settings(ServiceSettings):
    """What every service has, with the ports and the DSN of this one."""

    process: ClassVar[str] = "tracks"
    upstreams: ClassVar[tuple[str, ...]] = ("users",)

    port: int = Field(7403, ge=0, le=65_535, description="port of the contract")
    admin_port: int = Field(7413, ge=0, le=65_535, description="port of health and reflection, plain text")
    metrics_port: int = Field(7423, ge=0, le=65_535, description="port of Prometheus metrics, HTTP")
    slice_database_url: PostgresUrl | None = Field(
        None,
        validation_alias="SEDA_TRACKS_DATABASE_URL",
        description="DSN of tracks; default: DATABASE_URL with the role tracks_app",
    )
    search_rate_per_second: float = Field(
        1, gt=0, description="searches a second that one user may make on average"
    )
    search_burst: float = Field(10, ge=1, description="searches that one user may make at once")
    enrich: bool = Field(True, description="ask providers for titles and artists, in the background")
    enrich_concurrency: int = Field(2, ge=1, le=20, description="tracks of one provider asked for at once")
    youtube_oembed_url: str = Field(
        "https://www.youtube.com/oembed", pattern=_ENDPOINT, description="YouTube's oEmbed endpoint"
    )
    spotify_oembed_url: str = Field(
        "https://open.spotify.com/oembed", pattern=_ENDPOINT, description="Spotify's oEmbed endpoint"
    )
    soundcloud_oembed_url: str = Field(
        "https://soundcloud.com/oembed", pattern=_ENDPOINT, description="SoundCloud's oEmbed endpoint"
    )
    deezer_tracks_url: str = Field(
        "https://api.deezer.com/track",
        pattern=_ENDPOINT,
        description="Deezer's tracks, each below it by number",
    )
    apple_lookup_url: str = Field(
        "https://itunes.apple.com/lookup", pattern=_ENDPOINT, description="Apple's lookup endpoint"
    )
    fetch_contact: str = Field(
        "https://seda.fm/crawler",
        pattern=r"^https://[\x21-\x7e]{1,200}$",
        description="where whoever is asked for pages finds out who asks; part of the User-Agent",
    )
    fetch_deny: str | None = Field(
        None, description="hosts with all below them, and networks, that are never asked, with commas"
    )
    fetch_host_rate_per_second: float = Field(
        5,
        gt=0,
        le=1_000,
        description="requests a second to one web host on average, in each process of tracks",
    )
    fetch_host_burst: float = Field(
        10, ge=1, le=1_000, description="requests to one web host in a burst; 2 run at once"
    )
    fetch_host_overrides: str | None = Field(
        None,
        description="servers on loopback that stand for web hosts: name=address:port, with commas; development only",
    )
    fetch_ca_file: FilePath | None = Field(
        None, description="PEM authority of web hosts' certificates beside the system's; development only"
    )

    @field_validator("fetch_deny")
    @classmethod
    def _deny_list(cls, text: str | None) -> str | None:
        DenyList.read(text or "")
        return text

    @field_validator("fetch_host_overrides")
    @classmethod
    def _stand_ins(cls, text: str | None) -> str | None:
        read_stand_ins(text or "")
        return text

    def cross_field_errors(self) -> Iterator[tuple[str, str]]:
        """What every process says, and what this one has for development."""
        yield from super().cross_field_errors()
        # Both make private servers answer for public ones.
        for name in ("fetch_host_overrides", "fetch_ca_file"):
            if self.env is not Environment.DEVELOPMENT and getattr(self, name):
                yield variable(type(self), name), "is for SEDA_ENV=development alone"
