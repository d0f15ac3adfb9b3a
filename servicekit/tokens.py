"""Bearer tokens: verification of user and service JWTs."""

from __future__ import annotations

import hashlib
import json
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from joserfc import jws
from joserfc.errors import JoseError

from sedaclient.auth import DELEGATION_AUDIENCE, SERVICE_ISSUER
from servicekit.cache import Cache
from servicekit.errors import TokenExpiredError, TokenInvalidError
from servicekit.jwks import Key, KeySource

DEVELOPMENT_ISSUER = "seda-development"
MAX_TOKEN_CHARACTERS = 4096
_LEEWAY = 30
_MAX_SERVICE_LIFETIME = 600
_CACHE_SECONDS = 60
_CACHE_SIZE = 10_000
# Supabase tokens with these roles have no user.
_NO_USER_ROLES = frozenset({"anon", "service_role"})
# No control characters and no lone surrogates, which can't be stored.
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}")
_USER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_EMAIL = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,254}")
_TEXT_CLAIMS = ("iss", "aud", "sub", "email", "role", "on_behalf_of")


class UnknownKeyError(TokenInvalidError):
    """The token names an unknown key; a refresh may find it."""


@dataclass(frozen=True, slots=True)
class UserToken:
    """A verified user token. `expires` is in seconds since 1970."""

    subject: str
    email: str
    expires: float

    @property
    def share_key(self) -> str:
        """The user whose share of the concurrent calls a call with the token uses."""
        return self.subject

    @property
    def caller_key(self) -> tuple[str, str]:
        """What a Caller is resolved by: the subject and the e-mail address."""
        return self.subject, self.email


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A verified service token: its service and, if any, the user on whose behalf it acts.

    A `delegation` acts as that user at all processes, as the user's own token would; other tokens act as their service.
    """

    service: str
    on_behalf_of: str | None
    expires: float
    delegation: bool = False

    @property
    def share_key(self) -> str | None:
        """As of a user's token: the user on whose behalf it acts."""
        return self.on_behalf_of

    @property
    def caller_key(self) -> tuple[str, str]:
        """What a Caller is resolved by: no subject, and the id of the user that a delegation acts for."""
        return "", self.on_behalf_of or ""


@dataclass(kw_only=True, slots=True)
class TokenVerifier:
    """Verifies tokens; valid ones are cached by their hash until they expire, 60 s at most.

    A token whose issuer is `seda-services` is a service's and is checked with the services' keys; any other
    is a user's. Each kind has one family of keys, one issuer and one audience; a service token's audience is the
    service that it is for, here `service`.
    """

    user_keys: KeySource
    user_issuer: str
    user_audience: str
    service_keys: KeySource
    service: str
    accept_development: bool
    require_verified_email: bool = False
    now: Callable[[], float] = time.time
    _verified: Cache[bytes, UserToken | ServiceToken] = field(default_factory=lambda: Cache(_CACHE_SIZE))

    def verify(self, token: str) -> UserToken | ServiceToken:
        """Verify a token; raises TokenInvalidError, TokenExpiredError, or UnknownKeyError when `refresh` may help."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenInvalidError("the token is too long")
        now = self.now()
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        verified = self._verified.get(digest, now)
        if verified is None:
            verified = self._verify(token, now)
            self._verified.put(digest, verified, min(verified.expires, now + _CACHE_SECONDS))
        return verified

    async def refresh(self) -> None:
        """Fetch new keys of user tokens."""
        await self.user_keys.refresh()

    def _verify(self, token: str, now: float) -> UserToken | ServiceToken:
        signed, claims = _read(token)
        # The unverified issuer only selects the keys; every claim is verified with them below.
        service = claims.get("iss") == SERVICE_ISSUER
        keys = self.service_keys if service else self.user_keys
        kid = signed.headers().get("kid")
        key = keys.find(kid if isinstance(kid, str) else None)
        if key is None:
            raise UnknownKeyError("the token is signed with an unknown key")
        _check_signature(signed, key, keys.algorithms)
        _check_types(claims)
        expires = _check_times(claims, now)
        delegation = service and claims.get("aud") == DELEGATION_AUDIENCE
        wanted = (SERVICE_ISSUER, self.service) if service else (self.user_issuer, self.user_audience)
        if delegation:
            wanted = (SERVICE_ISSUER, DELEGATION_AUDIENCE)
        if (claims.get("iss"), claims.get("aud")) != wanted:
            raise TokenInvalidError("the token has another issuer or audience")
        subject = claims.get("sub") or ""
        if not _SUBJECT.fullmatch(subject):
            raise TokenInvalidError("the token has no subject, or an invalid one")
        if service:
            # With one key per service, a service can't sign in another's name.
            if len(keys.algorithms) > 1 and kid != subject:
                raise TokenInvalidError("the token is signed with another service's key")
            issued = claims.get("iat")
            if issued is None or expires > issued + _MAX_SERVICE_LIFETIME:
                raise TokenInvalidError("the service token is valid for more than ten minutes")
            user_id = claims.get("on_behalf_of")
            if delegation and not _USER_ID.fullmatch(user_id or ""):
                raise TokenInvalidError("the token names no user to act for")
            return ServiceToken(subject, user_id, expires, delegation)
        return self._user(claims, subject, expires)

    def _user(self, claims: dict[str, Any], subject: str, expires: float) -> UserToken:
        if claims.get("role") in _NO_USER_ROLES:
            raise TokenInvalidError("the token has no user")
        if claims["iss"] == DEVELOPMENT_ISSUER and not self.accept_development:
            raise TokenInvalidError("development tokens are not accepted here")
        email = claims.get("email") or ""
        if email and self.require_verified_email and not _is_email_verified(claims):
            raise TokenInvalidError("the token's e-mail address is not verified")
        # An invalid address counts as none; users then returns EMAIL_REQUIRED.
        return UserToken(subject, email if _EMAIL.fullmatch(email) else "", expires)


def _read(token: str) -> tuple[jws.CompactSignature, dict[str, Any]]:
    """The parsed token and its unverified claims."""
    try:
        signed = jws.extract_compact(token.encode())
        claims = json.loads(signed.payload)
        if isinstance(signed.headers(), dict) and isinstance(claims, dict):
            return signed, claims
    except (JoseError, ValueError, TypeError, RecursionError):
        pass
    raise TokenInvalidError("the token is malformed")


def _check_signature(signed: jws.CompactSignature, key: Key, algorithms: Sequence[str]) -> None:
    try:
        valid = jws.validate_compact(signed, key, algorithms=algorithms)
    except (JoseError, ValueError, TypeError, KeyError):
        valid = False
    if not valid:
        raise TokenInvalidError("the token's signature is invalid")


def _check_types(claims: dict[str, Any]) -> None:
    for name in _TEXT_CLAIMS:
        if not isinstance(claims.get(name, ""), str | None):
            raise TokenInvalidError(f"the token's claim {name} is not text")


def _check_times(claims: dict[str, Any], now: float) -> float:
    """The expiry of a token that is valid now."""
    expires = claims.get("exp")
    if not _is_instant(expires):
        raise TokenInvalidError("the token has no expiry")
    if expires + _LEEWAY <= now:
        raise TokenExpiredError
    for name in ("nbf", "iat"):
        value = claims.get(name)
        if value is not None and (not _is_instant(value) or value > now + _LEEWAY):
            raise TokenInvalidError("the token is not valid yet")
    return expires


def _is_email_verified(claims: dict[str, Any]) -> bool:
    """Whether the issuer says so: in OpenID Connect's claim, or where Supabase writes it.

    Users can write their user_metadata themselves: docs/decisions/0021-verified-email.md.
    """
    verified, metadata = claims.get("email_verified"), claims.get("user_metadata")
    if verified is None and isinstance(metadata, dict):
        verified = metadata.get("email_verified")
    return verified is True


def _is_instant(value: object) -> TypeGuard[float]:
    # Python's JSON accepts NaN and Infinity, which would pass every comparison.
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)
