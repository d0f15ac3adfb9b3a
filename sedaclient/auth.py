"""Who calls: the bearer tokens of users and services. No token is in a repr or a log."""

from __future__ import annotations

import base64
import hmac
import inspect
import json
import math
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

SERVICE_ISSUER = "seda-services"
DELEGATION_AUDIENCE = "seda"
"""The audience of a service token that acts for a user: as a user's token, it is for the whole suite."""
_LIFETIME = 300
_CACHE_SIZE = 10_000
MIN_SECRET_BYTES = 32


class Auth(Protocol):
    """Where tokens come from."""

    def bearer(self, audience: str, user_id: str | None, *, fresh: bool) -> str | Awaitable[str]:
        """The token of a call to the process `audience`, by a service for a user, if any; `fresh`: the last was refused."""


class TokenSource:
    """Tokens from a function, async only for AsyncSeda; each is used until it is refused or `lifetime` seconds old."""

    def __init__(self, fetch: Callable[[], str | Awaitable[str]], lifetime: float = 60.0) -> None:
        self._fetch, self._lifetime = fetch, lifetime
        self._token, self._until = "", 0.0

    def bearer(self, _audience: str, user_id: str | None, *, fresh: bool) -> str | Awaitable[str]:
        """The token; raises ValueError for a client that acts for a user."""
        if user_id is not None:
            raise ValueError("acting for a user takes a ServiceToken")
        if not fresh and time.monotonic() < self._until:
            return self._token
        fetched: Any = self._keep_soon() if inspect.iscoroutinefunction(self._fetch) else self._fetch()
        return self._keep(fetched) if isinstance(fetched, str) else fetched

    async def _keep_soon(self) -> str:
        fetched: Any = self._fetch()
        return self._keep(await fetched)

    def _keep(self, token: str) -> str:
        self._token, self._until = token.strip(), time.monotonic() + self._lifetime
        return self._token


class StaticToken(TokenSource):
    """A token that does not change."""

    def __init__(self, token: str) -> None:
        super().__init__(lambda: token, math.inf)


class TokenFile(TokenSource):
    """A token in a file that is replaced from outside, as a projected volume's; a new one counts within a second."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(lambda: Path(path).read_text(encoding="utf-8"), 1.0)


class SigningKey(Protocol):
    """A private key, such as an Ed25519PrivateKey of the package cryptography."""

    def sign(self, data: bytes, /) -> bytes:
        """The signature of some bytes."""


class ServiceTokenSigner:
    """Signs a service's tokens: with a shared secret by HS256, with a key by Ed25519.

    A token is valid for five minutes and reused for half of that.
    """

    def __init__(self, service: str, key: bytes | SigningKey, now: Callable[[], float] = time.time) -> None:
        self.service, self._key, self._now = service, key, now
        header = {"alg": "HS256"} if isinstance(key, bytes) else {"alg": "Ed25519", "kid": service}
        self._header = _encode(json.dumps(header).encode())
        self._signed: dict[tuple[str, str | None], tuple[str, float]] = {}

    def token(self, target: str, on_behalf_of: str | None = None) -> str:
        """A token that this service may use at `target`, optionally on behalf of a user id."""
        now, key = self._now(), (target, on_behalf_of)
        signed, until = self._signed.get(key, ("", 0.0))
        if now < until:
            return signed
        claims: dict[str, str | int] = {"iss": SERVICE_ISSUER, "aud": target, "sub": self.service}
        claims |= {"iat": int(now), "exp": int(now) + _LIFETIME}
        if on_behalf_of is not None:
            claims["on_behalf_of"] = on_behalf_of
        data = f"{self._header}.{_encode(json.dumps(claims).encode())}"
        if isinstance(self._key, bytes):
            signature = hmac.digest(self._key, data.encode(), "sha256")
        else:
            signature = self._key.sign(data.encode())
        self._signed.pop(key, None)
        if len(self._signed) >= _CACHE_SIZE:
            self._signed.pop(next(iter(self._signed)), None)
        self._signed[key] = (signed := f"{data}.{_encode(signature)}"), now + _LIFETIME / 2
        return signed

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.service!r})"


class ServiceToken(ServiceTokenSigner):
    """The identity of a service of yours, which signs its tokens itself; it alone may act for users."""

    @classmethod
    def from_env(cls, service: str, environ: Mapping[str, str] = os.environ) -> ServiceToken:
        """From SEDA_SERVICE_KEY, an Ed25519 key in PEM form, or SEDA_SERVICE_SECRET, or files that either with _FILE names.

        A key needs the package cryptography. Raises ValueError when both or none
        are set or the value can't be used, OSError for an unreadable file.
        """
        key, secret = (_setting(environ, f"SEDA_SERVICE_{kind}") for kind in ("KEY", "SECRET"))
        if bool(key) == bool(secret):
            raise ValueError("set one of SEDA_SERVICE_KEY, SEDA_SERVICE_SECRET and their variants with _FILE")
        if secret and len(secret.encode()) < MIN_SECRET_BYTES:
            raise ValueError(f"SEDA_SERVICE_SECRET must be at least {MIN_SECRET_BYTES} bytes long")
        return cls(service, secret.encode() if secret else load_signing_key(key))

    def bearer(self, audience: str, user_id: str | None, *, fresh: bool) -> str:
        """The token for a process, or, acting for a user, for the suite."""
        target = audience if user_id is None else DELEGATION_AUDIENCE
        if fresh:
            self._signed.pop((target, user_id), None)
        return self.token(target, user_id)


def _setting(environ: Mapping[str, str], name: str) -> str:
    path = environ.get(f"{name}_FILE")
    return (Path(path).read_text(encoding="utf-8") if path else environ.get(name, "")).strip()


def load_signing_key(pem: str) -> SigningKey:
    """The private Ed25519 key of a PEM text; raises ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - an extra
    from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415 - an extra

    try:
        key = load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("not a private Ed25519 key in PEM form")  # noqa: TRY004 - a wrong value
    return key


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
