"""The services' logins: passwords from the DSNs that the services are given, and SCRAM verifiers made of them."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from urllib.parse import unquote, urlsplit

from ops.database import SERVICES
from ops.env import SERVICE_URLS, secret
from ops.errors import CliError

_ITERATIONS = 4096
_SALT_BYTES = 16


def service_logins(
    environ: Mapping[str, str] = os.environ, services: Collection[str] = SERVICES
) -> dict[str, str]:
    """Return the password of the role of each service, from SEDA_<SERVICE>_DATABASE_URL or its _FILE.

    Raises CliError LOGIN_MISSING, LOGIN_INVALID or SETTING_INVALID, none of which shows a value.
    """
    found = {}
    for service, variable in zip(SERVICES, SERVICE_URLS, strict=True):
        if service not in services:
            continue
        role = f"{service}_app"
        dsn = secret(environ, variable)
        if dsn is None:
            raise CliError(
                "LOGIN_MISSING",
                f"{variable} is not set.",
                why=f"--logins gives {role} the password in it.",
                fix=f"export {variable}=postgresql://{role}:PASSWORD@host:5432/database   Or its file: {variable}_FILE",
            )
        user, password = _credentials(dsn)
        # SASLprep leaves printable ASCII as it is, so that every client makes the same of it.
        if user != role or not (password and password.isascii() and password.isprintable()):
            raise CliError(
                "LOGIN_INVALID",
                f"{variable} has no login of {service}.",
                why=f"It must name the user {role} with a password of printable ASCII characters.",
                fix=f"export {variable}=postgresql://{role}:PASSWORD@host:5432/database",
            )
        found[role] = password
    return found


def scram_verifier(password: str) -> str:
    """Return what PostgreSQL stores in place of a password, so that the password itself is not sent to it."""
    salt = secrets.token_bytes(_SALT_BYTES)
    stored_key, server_key = _keys(password, salt, _ITERATIONS)
    return f"SCRAM-SHA-256${_ITERATIONS}:{_base64(salt)}${_base64(stored_key)}:{_base64(server_key)}"


def verifies(verifier: str | None, password: str) -> bool:
    """Return whether a stored verifier is of this password."""
    kind, _, rest = (verifier or "").partition("$")
    if kind != "SCRAM-SHA-256":
        return False
    (iterations, _, salt), (stored_key, _, _) = (each.partition(":") for each in rest.split("$"))
    return hmac.compare_digest(_keys(password, b64decode(salt), int(iterations))[0], b64decode(stored_key))


def _credentials(dsn: str) -> tuple[str, str]:
    try:
        parts = urlsplit(dsn)
    except ValueError:
        return "", ""
    return unquote(parts.username or ""), unquote(parts.password or "")


def _keys(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """The StoredKey and the ServerKey of RFC 5803."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")


def _base64(data: bytes) -> str:
    return b64encode(data).decode()
