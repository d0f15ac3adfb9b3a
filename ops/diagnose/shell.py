"""`seda db shell`: psql on the database of a suite, or of DATABASE_URL, as a role that only reads."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from ops.data_dir import find_data_dir
from ops.database.connection import admin_dsn
from ops.env import READER, database_url, secret
from ops.errors import CliError
from ops.postgres.binaries import client_programs
from ops.up.status import reader_url


@dataclass(frozen=True, slots=True)
class Psql:
    """How psql is run: its path, arguments and environment. Its password is in the environment alone."""

    path: str
    arguments: tuple[str, ...]
    environ: Mapping[str, str]


def psql(
    service: str | None,
    *,
    write: bool,
    arguments: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> Psql:
    """Return how to open the shell: as the reader of a service, or of all; with `write` as its owner, or the administrator.

    Raises CliError PSQL_MISSING, and DATABASE_URL_MISSING without a database.
    """
    dsn, reader = (admin_dsn(environ), False) if write else reading_login(environ)
    role = f"{service}_{'owner' if write else 'ro'}" if service else None if write else READER
    options = [] if write else ["-c default_transaction_read_only=on"]
    if role is not None and not (reader and role == READER):
        options.append(f"-c role={role}")
    parts = urlsplit(dsn)
    login, _, hosts = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    query = dict(parse_qsl(parts.query))
    password = query.pop("password", "") or unquote(password)
    # libpq takes no + for a space.
    text = urlencode({**query, "application_name": "seda db shell"}, safe="/:,", quote_via=quote)
    given = {name: value for name, value in environ.items() if not name.startswith(("SEDA_", "DATABASE_URL"))}
    given["PGOPTIONS"] = " ".join([*filter(None, [environ.get("PGOPTIONS")]), *options])
    if password:
        given["PGPASSWORD"] = password
    prompt = f"%/{'' if write else ' (read-only)'}%R%x%# "
    target = parts._replace(netloc=f"{user}{'@' if user else ''}{hosts}", query=text).geturl()
    named = (f"--set=PROMPT1={prompt}", f"--set=PROMPT2={prompt}", f"--dbname={target}")
    return Psql(_find(environ), ("psql", *named, *arguments), given)


def reading_login(environ: Mapping[str, str]) -> tuple[str, bool]:
    """Return a DSN for those who read, and whether its login can't do more.

    It can't in a suite with its own PostgreSQL; elsewhere it is the administrator's, to be used in a reading role.
    Raises CliError DATABASE_URL_MISSING without a database.
    """
    data_dir = find_data_dir(environ)
    state = data_dir.running_state()
    own = secret(environ, "SEDA_DIRECT_DATABASE_URL") or database_url(environ)
    if own or state is None or not state.own_postgres:
        return admin_dsn(environ), False
    return reader_url(data_dir, state), True


def _find(environ: Mapping[str, str]) -> str:
    """Return the psql of the PATH, whose keys the user knows, else any other."""
    on_path = shutil.which("psql", path=environ.get("PATH"))
    found = [on_path] if on_path else [path for path, _ in client_programs("psql", environ)]
    if not found:
        raise CliError(
            "PSQL_MISSING",
            "There is no psql on this machine.",
            why="It is not on the PATH, not in SEDA_PG_BIN, and the embedded server is not installed.",
            fix='Install it (Debian: postgresql-client), or: pip install "seda-backend[embedded]"',
        )
    return found[0]
