"""Which database the studio reads, and whether it may."""

from __future__ import annotations

from collections.abc import Mapping

from console.studio.errors import StudioError
from console.studio.reader import Reader
from console.studio.tables import Studio
from ops.database import SERVICES
from ops.diagnose.shell import reading_login
from ops.errors import CliError

ALLOW_PRODUCTION = "SEDA_CONSOLE_ALLOW_PRODUCTION"
"""1: rows of a production database may be looked at."""


def open_studio(environ: Mapping[str, str]) -> Studio:
    """Open the studio of a running suite's database, or of DATABASE_URL. Raises StudioError UNAVAILABLE."""
    name = environ.get("SEDA_ENV") or "development"
    if name == "production" and environ.get(ALLOW_PRODUCTION) != "1":
        raise StudioError(
            "UNAVAILABLE", "This is production. To look at rows: seda studio --allow-production", 503
        )
    try:
        dsn, _ = reading_login(environ)
    except CliError as error:
        raise StudioError("UNAVAILABLE", f"{error.message} {error.fix}", 503) from error
    return Studio({each: Reader(each, dsn) for each in SERVICES}, development=name == "development")
