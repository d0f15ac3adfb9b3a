"""The version of this installation."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def _installed_version() -> str:
    try:
        return version("seda-backend")
    except PackageNotFoundError:
        return "unknown"


VERSION = _installed_version()
