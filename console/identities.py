"""Whom a call is made as: demo people, staff and services of a development suite, whose tokens are made here."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from console.settings import ConsoleSettings
from ops.data_dir import jwt_secret
from ops.database.admin import grant
from ops.database.connection import admin_dsn
from ops.dev_tokens import development_token
from ops.seed_data import PEOPLE
from ops.tokens import full_email
from sedaclient.auth import ServiceToken

_LIFETIME_SECONDS: Final = 3_600
_RENEW_SECONDS: Final = 600
STAFF: Final = {"moderator": "MODERATOR", "admin": "ADMIN"}
SERVICE: Final = "service"


@dataclass(frozen=True, slots=True)
class Identity:
    """One that calls can be made as. `email` is empty for a service."""

    id: str
    label: str
    role: str
    email: str


_IDENTITIES = (
    *(Identity(name, shown, "user", full_email(name)) for name, shown in PEOPLE.items()),
    *(Identity(name, name.capitalize(), name, full_email(name)) for name in STAFF),
    Identity(SERVICE, "Gateway", SERVICE, ""),
)


class Identities:
    """The identities of a suite, none outside of one, and their tokens, renewed before they expire."""

    def __init__(self, settings: ConsoleSettings) -> None:
        self._environ = settings.environ
        self.known = {each.id: each for each in _IDENTITIES} if settings.mints_tokens else {}
        self._tokens: dict[str, tuple[str, float]] = {}
        self._granted: set[str] = set()
        self._service: ServiceToken | None = None

    async def token(self, name: str, target: str) -> tuple[str, float]:
        """Return a token for calls to the process `target`, and when it expires on the system's clock.

        Raises KeyError for an unknown identity, CliError when there is no secret, and what a grant of a role raises.
        """
        identity = self.known[name]
        if identity.id == SERVICE:
            return self._service_token(target)
        token, expires = self._tokens.get(name, ("", 0.0))
        if expires - time.time() < _RENEW_SECONDS:
            audience = self._environ.get("SEDA_JWT_AUDIENCE", "authenticated")
            token = development_token(
                jwt_secret(self._environ), identity.email, _LIFETIME_SECONDS, audience=audience
            )
            expires = time.time() + _LIFETIME_SECONDS
            self._tokens[name] = token, expires
        if name in STAFF and name not in self._granted:
            # On first use, so that a suite that nobody moderates has no staff.
            await grant(admin_dsn(self._environ), identity.email, STAFF[name], environment="development")
            self._granted.add(name)
        return token, expires

    def _service_token(self, target: str) -> tuple[str, float]:
        if self._service is None:
            self._service = ServiceToken.from_env("gateway", self._environ)
        # It is replaced after half of its five minutes.
        return self._service.token(target), time.time() + 150
