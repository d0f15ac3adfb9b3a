"""Development tokens. Every process accepts them unless SEDA_ENV is production; no process signs them."""

from __future__ import annotations

import time
import uuid
from typing import Any

from joserfc import jwt
from joserfc.jwk import OctKey

from servicekit.tokens import DEVELOPMENT_ISSUER


def development_subject(email: str) -> str:
    """The subject of a development token: a UUIDv5 of the e-mail address."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, email.strip().lower()))


def development_token(
    secret: bytes,
    email: str,
    lifetime_seconds: int = 43_200,
    *,
    audience: str = "authenticated",
    now: float | None = None,
) -> str:
    """A user's token for development. No process accepts it with SEDA_ENV=production."""
    issued = int(time.time() if now is None else now)
    claims: dict[str, Any] = {
        "iss": DEVELOPMENT_ISSUER,
        "aud": audience,
        "sub": development_subject(email),
        "email": email.strip().lower(),
        "email_verified": True,
        "role": "authenticated",
        "iat": issued,
        "exp": issued + lifetime_seconds,
    }
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret))
