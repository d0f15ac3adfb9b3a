"""pg_dump and pg_restore: which of the installed ones to run, and how to hand them a DSN without its secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from ops.errors import CliError
from ops.postgres.binaries import client_programs

# The first version whose pg_restore sets transaction_timeout, which older servers don't know.
_SETS_TRANSACTION_TIMEOUT = 17
_PRIVATE = ("SEDA_", "DATABASE_URL", "AWS_")


@dataclass(frozen=True, slots=True)
class Target:
    """Arguments and environment with which a PostgreSQL program reaches a database."""

    arguments: tuple[str, ...]
    environ: dict[str, str]


def find_pg_dump(server_major: int) -> tuple[str, int]:
    """Return pg_dump of the server's version, else of the next newer, and its version. Raises CliError PG_DUMP_MISSING.

    An older one refuses, and one that is much newer makes archives that pg_restore of this server's version can't read.
    """
    found = [each for each in client_programs("pg_dump") if each[1] >= server_major]
    if not found:
        raise _missing("pg_dump", f"version {server_major} or newer", server_major)
    return min(found, key=lambda each: each[1])


def find_pg_restore(dump_major: int, server_major: int | None = None) -> str:
    """Return a pg_restore that reads archives of `dump_major` and, if given, writes to a server of `server_major`.

    Raises CliError PG_RESTORE_MISSING.
    """
    found = [each for each in client_programs("pg_restore") if each[1] >= dump_major]
    if server_major is None:
        if not found:
            raise _missing("pg_restore", f"version {dump_major} or newer", dump_major)
        return min(found, key=lambda each: each[1])[0]
    for path, major in sorted(found, key=lambda each: (each[1] != server_major, each[1])):
        if major < _SETS_TRANSACTION_TIMEOUT or server_major >= _SETS_TRANSACTION_TIMEOUT:
            return path
    raise _missing(
        "pg_restore",
        f"a version that reads archives of {dump_major} and writes to {server_major}",
        server_major,
    )


def on_database(dsn: str, name: str) -> str:
    """Return a DSN that leads to another database of the same server."""
    parts = urlsplit(dsn)
    query = [each for each in parse_qsl(parts.query) if each[0] not in {"dbname", "database"}]
    return parts._replace(
        path=f"/{quote(name, safe='')}", query=urlencode(query, safe="/:,", quote_via=quote)
    ).geturl()


def database_name(dsn: str) -> str:
    """Return the name of the database that a DSN leads to."""
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    user = unquote(parts.username or "") or query.get("user") or os.environ.get("PGUSER", "")
    return query.get("dbname") or query.get("database") or unquote(parts.path.lstrip("/")) or user


def as_target(dsn: str, environ: Mapping[str, str] = os.environ) -> Target:
    """Return how libpq's programs reach a DSN. The password is in the child's environment alone, never in arguments."""
    parts = urlsplit(dsn)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    query = dict(parse_qsl(parts.query))
    secret = query.pop("password", "") or unquote(password)
    role = query.pop("role", "")
    name = quote(database_name(dsn), safe="")
    query = {key: value for key, value in query.items() if key not in {"dbname", "database", "sslpassword"}}
    text = f"postgresql://{user}{'@' if user else ''}{hosts}/{name}"
    query["application_name"] = "seda backup"
    child = {key: value for key, value in environ.items() if not key.startswith(_PRIVATE)}
    if secret:
        child["PGPASSWORD"] = secret
    # libpq takes no + for a space.
    arguments = (f"--dbname={text}?{urlencode(query, safe='/:,', quote_via=quote)}", "--no-password")
    return Target((*arguments, *((f"--role={role}",) if role else ())), child)


def _missing(program: str, need: str, major: int) -> CliError:
    return CliError(
        f"{program.upper()}_MISSING",
        f"No {program} of the right version was found.",
        why=f"It takes {need}.",
        fix=f"Install the client programs of PostgreSQL {major} (Debian: postgresql-client-{major}),"
        ' or name their folder in SEDA_PG_BIN, or: pip install "seda-backend[embedded]"',
    )
