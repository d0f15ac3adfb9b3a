"""Secrets from the environment, or from a file named by the same variable with _FILE."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from ops.errors import CliError

ServiceUrl = Literal["SEDA_USERS_DATABASE_URL", "SEDA_CHAT_DATABASE_URL", "SEDA_TRACKS_DATABASE_URL"]
SecretName = Literal[
    "DATABASE_URL",
    "SEDA_DIRECT_DATABASE_URL",
    "SEDA_BACKUP_DATABASE_URL",
    "SEDA_BACKUP_RECIPIENTS",
    "SEDA_BACKUP_IDENTITY",
    "SEDA_JWT_SECRET",
    ServiceUrl,
]
SERVICE_URLS: tuple[ServiceUrl, ...] = get_args(ServiceUrl)

READER = "seda_ro"
"""The role of people who look at the data."""

COMMAND_VARIABLES = {
    "SEDA_DIRECT_DATABASE_URL": (
        "",
        "administrator's DSN that bypasses a pooler, for migrations; default: `DATABASE_URL`",
    ),
    "SEDA_HOME": (".seda", "data directory of `seda up`"),
    "SEDA_NAME": ("", "named instance that `seda` works on, with a data directory and ports of its own"),
    "SEDA_PORT_BASE": ("7400", "first port of `seda up`"),
    "SEDA_PG_BIN": (
        "",
        "directory of the PostgreSQL programs that `seda up` runs; default: the embedded server",
    ),
    "SEDA_GATEWAY": (
        "",
        "address that `seda call` connects to, `host:port`; default: the suite running here",
    ),
    "SEDA_TOKEN": ("", "bearer token of `seda call`"),
    "SEDA_IMPORT_URL": ("", "URL of the original's database, for `seda import`"),
    "SEDA_BACKUP_LOCATION": (
        "",
        "where backups are: a directory or `s3://bucket/prefix`; default: `backups` in the data directory",
    ),
    "SEDA_BACKUP_DATABASE_URL": (
        "",
        "DSN of `seda backup create`, such as of the role seda_backup; default: the administrator's",
    ),
    "SEDA_BACKUP_RECIPIENTS": (
        "",
        "public age keys to encrypt backups for, best as `SEDA_BACKUP_RECIPIENTS_FILE`",
    ),
    "SEDA_BACKUP_IDENTITY": (
        "",
        "secret age key that reads encrypted backups, best as `SEDA_BACKUP_IDENTITY_FILE`",
    ),
    "SEDA_ADMIN_ACTIONS_DAYS": (
        "90",
        "days for which `seda maintain run purge` keeps administrative actions, from 30, or `forever`",
    ),
    "SEDA_MODERATION_LOGS_DAYS": ("forever", "the same for the moderation log of rooms"),
}
"""Variables that only the `seda` command reads, each with its default and its meaning."""


def secret(environ: Mapping[str, str], name: SecretName) -> str | None:
    """Return the value of a variable, or the text of the file that its _FILE names; None without either.

    Raises CliError SETTING_INVALID, which never shows the value, when both are there or the file is of no use.
    """
    value, path = environ.get(name), environ.get(f"{name}_FILE")
    if not path:
        return value or None
    if value:
        raise CliError(
            "SETTING_INVALID",
            f"{name} is set twice, also as {name}_FILE.",
            fix=f"unset {name}   or: unset {name}_FILE",
        )
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(
            "SETTING_INVALID",
            f"{name}_FILE names {path}, which can't be read.",
            why=getattr(error, "strerror", None) or "It is not text.",
            fix="Correct the path or the file's permissions.",
        ) from error
    if not text:
        raise CliError("SETTING_INVALID", f"{name}_FILE names {path}, which is empty.")
    return text


def database_url(environ: Mapping[str, str]) -> str | None:
    """Return DATABASE_URL or the text of its file, unless it logs in as the role that only reads.

    Such a one comes from `seda status -o env` and is for other programs: with it nothing could be administered.
    """
    url = secret(environ, "DATABASE_URL")
    try:
        return None if urlsplit(url or "").username == READER else url
    except ValueError:
        return url
