"""Authorization headers: valid, of the wrong kind, and invalid in every known way."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

from sedaclient.auth import DELEGATION_AUDIENCE, SERVICE_ISSUER, ServiceTokenSigner
from servicekit.caller import Role
from servicekit.tokens import DEVELOPMENT_ISSUER
from tests.services.running import JWT_SECRET, SERVICE_SECRET, service, user

EMAIL = "fuzz@example.org"
EMAILS = {Role.USER: EMAIL, Role.MODERATOR: "moderator@example.org", Role.ADMIN: "admin@example.org"}
"""The e-mail address of each role, in the running suite and in the probe service."""
SERVICES = ("users", "chat", "tracks", "gateway", "operator")
_HASHES = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}


def user_header(email: str = EMAIL) -> str:
    """A valid header of a user."""
    return user(email)[0][1]


def service_header(name: str, target: str) -> str:
    """A valid header of a service at another one, for five minutes."""
    return service(name, target)[0][1]


def delegation_header(name: str, user_id: str) -> str:
    """A header with which a service acts for a user, for five minutes."""
    signer = ServiceTokenSigner(name, SERVICE_SECRET.encode())
    return f"Bearer {signer.token(DELEGATION_AUDIENCE, user_id)}"


def jwt(claims: Any, secret: str = JWT_SECRET, header: Any = None) -> str:
    """A hand-made token with any claims and header; HS256 unless the header names another algorithm."""
    header = {"alg": "HS256", "typ": "JWT"} if header is None else header
    signed = f"{_encoded(header)}.{_encoded(claims)}"
    name = _HASHES.get(str(header.get("alg")) if isinstance(header, dict) else "", "")
    signature = hmac.new(secret.encode(), signed.encode(), name).digest() if name else b""
    return f"{signed}.{_text(signature)}"


def user_claims(**changes: Any) -> dict[str, Any]:
    """The claims of a valid user token, changed; None removes a claim."""
    now = int(time.time())
    claims = {
        "iss": DEVELOPMENT_ISSUER,
        "aud": "authenticated",
        "sub": "fuzz",
        "email": EMAIL,
        "role": "authenticated",
        "iat": now,
        "exp": now + 600,
    }
    return {name: value for name, value in (claims | changes).items() if value is not None}


def service_claims(**changes: Any) -> dict[str, Any]:
    """The claims of a valid token of chat for the probe service, changed; None removes a claim."""
    now = int(time.time())
    claims = {"iss": SERVICE_ISSUER, "aud": "probe", "sub": "chat", "iat": now, "exp": now + 60}
    return {name: value for name, value in (claims | changes).items() if value is not None}


def bad_headers() -> dict[str, tuple[str | None, str]]:
    """Headers that only public methods accept, by name, each with the expected reason."""
    return {
        **{name: (header, "TOKEN_MISSING") for name, header in _missing().items()},
        **{name: (f"Bearer {token}", "TOKEN_EXPIRED") for name, token in _expired().items()},
        **{name: (f"Bearer {token}", "TOKEN_INVALID") for name, token in _broken().items()},
        **{name: (f"Bearer {token}", "TOKEN_INVALID") for name, token in _forged().items()},
        **{name: (f"Bearer {token}", "TOKEN_INVALID") for name, token in _wrong_claims().items()},
    }


def _missing() -> dict[str, str | None]:
    token = jwt(user_claims())
    return {
        "no header": None,
        "empty": "",
        "scheme alone": "Bearer",
        "scheme and a space": "Bearer ",
        "no scheme": token,
        "another scheme": f"Basic {token}",
    }


def _expired() -> dict[str, str]:
    long_ago = int(time.time()) - 3600
    return {
        "expired": jwt(user_claims(exp=long_ago)),
        "expired for a century": jwt(user_claims(exp=-1)),
        "expired service": jwt(service_claims(exp=long_ago), SERVICE_SECRET),
    }


def _broken() -> dict[str, str]:
    good = jwt(user_claims())
    head, body, signature = good.split(".")
    deep = "[" * 3000
    return {
        "one word": "token",
        "dots": "..",
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.{signature}",
        "five parts": f"{good}.{signature}.{signature}",
        "not base64": f"{head}.%%%.{signature}",
        "not json": f"{head}.{_text(b'{')}.{signature}",
        "not utf-8": f"{head}.{_text(bytes([0xFF, 0xFE]))}.{signature}",
        "deep json": f"{head}.{_text(deep.encode())}.{signature}",
        "deep header": f"{_text(deep.encode())}.{body}.{signature}",
        "claims are a list": jwt([user_claims()]),
        "claims are a number": jwt(1),
        "header is a list": jwt(user_claims(), header=[]),
        "header is empty": jwt(user_claims(), header={}),
        "too long": jwt(user_claims(padding="x" * 4096)),
        "a space at the end": f"{good} x",
        "two tokens": f"{good},{good}",
    }


def _forged() -> dict[str, str]:
    good = jwt(user_claims())
    head, body, signature = good.split(".")
    changed = _encoded(user_claims(sub="somebody else"))
    own_key = {"kty": "oct", "k": _text(b"k" * 32)}
    return {
        "another secret": jwt(user_claims(), "another secret that is long enough, too"),
        "empty signature": f"{head}.{body}.",
        "cut signature": good[:-4],
        "another body": f"{head}.{changed}.{signature}",
        "alg none": jwt(user_claims(), header={"alg": "none"}),
        "alg None": jwt(user_claims(), header={"alg": "None"}),
        "alg NONE with a signature": f"{_encoded({'alg': 'NONE'})}.{body}.{signature}",
        "alg none for a service": jwt(service_claims(), header={"alg": "none"}),
        "alg HS512": jwt(user_claims(), header={"alg": "HS512"}),
        "alg HS384": jwt(user_claims(), header={"alg": "HS384"}),
        "alg RS256": f"{_encoded({'alg': 'RS256'})}.{body}.{signature}",
        "alg is a number": f"{_encoded({'alg': 1})}.{body}.{signature}",
        "brings its key": jwt(user_claims(), "k" * 32, {"alg": "HS256", "jwk": own_key}),
        "names a key": jwt(user_claims(), "k" * 32, {"alg": "HS256", "jku": "http://127.0.0.1:1/keys"}),
        "unknown critical header": jwt(user_claims(), header={"alg": "HS256", "crit": ["x"], "x": 1}),
        "service with the users' secret": jwt(service_claims()),
        "user with the services' secret": jwt(user_claims(), SERVICE_SECRET),
        "user's claims for the services": jwt(user_claims(iss=SERVICE_ISSUER), SERVICE_SECRET),
    }


def _wrong_claims() -> dict[str, str]:
    later = int(time.time()) + 3600
    changes: dict[str, dict[str, Any]] = {
        "no audience": {"aud": None},
        "wrong audience": {"aud": "anybody"},
        "two audiences": {"aud": ["authenticated", "seda"]},
        "audience is an object": {"aud": {"authenticated": 1}},
        "no issuer": {"iss": None},
        "wrong issuer": {"iss": "https://example.org"},
        "no expiry": {"exp": None},
        "expiry is text": {"exp": str(later)},
        "expiry is true": {"exp": True},
        "expiry is a list": {"exp": [later]},
        "expiry is NaN": {"exp": float("nan")},
        "expiry is infinite": {"exp": float("inf")},
        "no subject": {"sub": None},
        "empty subject": {"sub": ""},
        "subject is a number": {"sub": 7},
        "subject with NUL": {"sub": "a\0b"},
        "subject with a lone surrogate": {"sub": "a\ud800b"},
        "subject too long": {"sub": "s" * 300},
        "not before later": {"nbf": later},
        "not before is text": {"nbf": "later"},
        "issued later": {"iat": later},
        "issued NaN": {"iat": float("nan")},
        "role is a list": {"role": []},
        "role is an object": {"role": {}},
        "e-mail is a number": {"email": 7},
        "issuer is a list": {"iss": [DEVELOPMENT_ISSUER]},
        "anonymous": {"role": "anon"},
        "service role": {"role": "service_role"},
    }
    of_services: dict[str, dict[str, Any]] = {
        "service without issue time": {"iat": None},
        "service for more than ten minutes": {"exp": int(time.time()) + 601},
        "service on behalf of a list": {"on_behalf_of": []},
        "service for two targets": {"aud": ["probe", "chat"]},
    }
    return {name: jwt(user_claims(**change)) for name, change in changes.items()} | {
        name: jwt(service_claims(**change), SERVICE_SECRET) for name, change in of_services.items()
    }


def _encoded(value: Any) -> str:
    return _text(json.dumps(value).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
