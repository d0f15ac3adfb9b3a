"""`seda token`: development tokens and roles."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ops.data_dir import jwt_secret
from ops.dev_tokens import development_token
from ops.errors import CliError, Exit
from sedaclient.auth import MIN_SECRET_BYTES

if TYPE_CHECKING:
    from ops.console import Console

DEMO_DOMAIN = "demo.seda.fm"


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A signed token with its user's e-mail address and its expiry."""

    token: str
    email: str
    expires: datetime


def full_email(name: str) -> str:
    """Return an e-mail address in lower case; a bare name is a demo user."""
    address = name.strip().lower()
    address = address if "@" in address else f"{address}@{DEMO_DOMAIN}"
    local, _, domain = address.partition("@")
    if not local or not domain or not address.isprintable() or " " in address or "@" in domain:
        raise CliError("EMAIL_INVALID", f"{name!r} is no e-mail address.", exit_code=Exit.USAGE)
    return address


def make_token(email: str, hours: float) -> SignedToken:
    """Sign a development token. Raises CliError when there is no fit secret, or in production."""
    if os.environ.get("SEDA_ENV") == "production":
        raise CliError(
            "NOT_FOR_PRODUCTION",
            "Development tokens are not accepted when SEDA_ENV is production.",
            fix="Sign in as your users do, or unset SEDA_ENV for a development suite.",
            exit_code=Exit.UNSAFE,
        )
    address, secret = full_email(email), jwt_secret()
    if len(secret) < MIN_SECRET_BYTES:
        raise CliError(
            "TOKEN_SECRET_SHORT",
            f"The secret has {len(secret)} bytes; {MIN_SECRET_BYTES} are the least.",
            fix="Set SEDA_JWT_SECRET to a longer one, the same for all processes.",
        )
    lifetime = timedelta(hours=hours)
    audience = os.environ.get("SEDA_JWT_AUDIENCE", "authenticated")
    signed = development_token(secret, address, int(lifetime.total_seconds()), audience=audience)
    return SignedToken(signed, address, datetime.now(UTC) + lifetime)


def grant_role(email: str, role: str, console: Console) -> None:
    """Give a user a role, as `seda admin grant` does, and report it on stderr."""
    import asyncio

    from ops.database.admin import DEVELOPMENT, grant
    from ops.database.connection import admin_dsn

    environment = os.environ.get("SEDA_ENV", DEVELOPMENT)
    granted = asyncio.run(grant(admin_dsn(), full_email(email), role.upper(), environment=environment))
    console.message(f"{full_email(email)} {'is now' if granted.changed else 'already was'} {granted.after}.")
