"""Settings of the tracks service."""

from __future__ import annotations

from servicekit.settings import ServiceSettings


class Settings(ServiceSettings):
    """Only what every service has: see servicekit.settings for each with its unit and default."""
