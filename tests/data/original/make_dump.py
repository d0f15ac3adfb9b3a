"""Makes dump.sql beside it: a database of the original that Prisma made and filled. Needs Node, npm and a registry.

    python -m tests.data.original.make_dump

Prisma Migrate makes the tables of schema.prisma, and fill.mjs writes the rows through Prisma's client. All of it is
installed in a temporary folder. What Prisma downloads beside its packages is not needed: any program passes for it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from bench.processes import free_port
from ops.postgres import THROWAWAY_SETTINGS, Cluster, find_binaries

FOLDER = Path(__file__).parent
DUMP = FOLDER / "dump.sql"
_SOURCES = ("schema.prisma", "prisma.config.mjs", "package.json", "fill.mjs")
_MIGRATION = "migrations/20250101000000_init/migration.sql"
# Commands of psql, and a setting that older servers do not have.
_NOT_SQL = re.compile(r"^(\\|SET transaction_timeout|--).*\n", re.MULTILINE)


def fingerprint() -> str:
    """Return the digest of all that the dump is made of."""
    return hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in _SOURCES)).hexdigest()


def main() -> None:
    """Make the dump."""
    binaries = find_binaries()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        work.chmod(0o755)
        for each in _SOURCES:
            shutil.copy(FOLDER / each, work)
        with Cluster(work / "data", binaries, free_port(), settings=THROWAWAY_SETTINGS) as server:
            true = shutil.which("true") or ""
            environ = os.environ | {
                "DATABASE_URL": server.dsn(),
                "PRISMA_SCHEMA_ENGINE_BINARY": true,
                "PRISMA_QUERY_ENGINE_LIBRARY": true,
                "CHECKPOINT_DISABLE": "1",
                "PRISMA_HIDE_UPDATE_MESSAGE": "1",
            }

            def run(*command: str) -> str:
                done = subprocess.run(
                    command, cwd=work, env=environ, stdout=subprocess.PIPE, check=True, text=True
                )
                return done.stdout

            run("npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund")
            prisma = str(work / "node_modules/.bin/prisma")
            tables = run(
                *(
                    prisma,
                    "migrate",
                    "diff",
                    "--from-empty",
                    "--to-schema-datamodel",
                    "schema.prisma",
                    "--script",
                )
            )
            (work / _MIGRATION).parent.mkdir(parents=True)
            (work / _MIGRATION).write_text(tables, encoding="utf-8")
            (work / "migrations/migration_lock.toml").write_text(
                'provider = "postgresql"\n', encoding="utf-8"
            )
            run(prisma, "migrate", "deploy")
            run(prisma, "generate")
            run("node", "fill.mjs")
            dump = run(str(binaries.program("pg_dump")), "--no-owner", "--rows-per-insert=1000", server.dsn())
    text = re.sub(r"\n{2,}", "\n", _NOT_SQL.sub("", dump))
    DUMP.write_text(f"-- Made by make_dump.py of {fingerprint()}\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
