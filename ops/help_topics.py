"""Help texts that cover several commands: `seda help TOPIC`."""

from __future__ import annotations

TOPICS = {
    "exit-codes": """\
Exit codes
  0    done
  1    action needed; see the message
  2    the command line is wrong
  3    another process holds the lock; try again later
  4    refused because it is not safe
  5    a migration failed
  6    the database differs from the migrations
  64+  seda call: 64 plus the gRPC code, as grpcurl does (78 is UNAVAILABLE)
  130  interrupted; seda up ends with 0 on Ctrl-C

Treat a code that is not listed as failure.
""",
    "environment": """\
Environment
  SEDA_HOME        data folder of seda up; default: .seda in the working directory
  SEDA_NAME        named instance, with a folder and ports of its own; what --name sets
  SEDA_PORT_BASE   first port of the suite; default: 7400
  DATABASE_URL     your own PostgreSQL 15 or newer, as administrator, or DATABASE_URL_FILE; default: one of our own;
                   a URL of the role seda_ro, which seda status -o env sets, does not count
  SEDA_PG_BIN      folder with the programs of an installed PostgreSQL
  SEDA_TOKEN       bearer token that seda call sends
  SEDA_GATEWAY     address that seda call connects to; default: the running suite's, or 127.0.0.1:7400
  SEDA_JWT_SECRET  secret of user tokens, or SEDA_JWT_SECRET_FILE; default: generated in the data folder
  SEDA_BACKUP_LOCATION   where backups are: a folder or s3://bucket/prefix; default: backups in the data folder.
                   S3 takes AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and AWS_ENDPOINT_URL
  NO_COLOR, CLICOLOR=0, TERM=dumb   no colour;  CLICOLOR_FORCE=1  colour even when piped
  CI               no progress animation

The settings of the services are in README and .env.example.
""",
    "json": """\
JSON
  Every command takes --json and then writes one object to stdout:
    {"ok":true,"data":...}
    {"ok":false,"error":{"code":"PORT_TAKEN","message":...,"why":...,"fix":...,"retry":false}}
  From seda up comes one event a line, the last of the start being
    {"event":"ready","gateway":"127.0.0.1:7400",...}
  Backups and restorations write events of their progress first, and the result on the last line.

  Times are RFC 3339, ids and 64-bit numbers are strings, absent values are null. Fields are added, never
  removed or renamed. Piped output is not JSON without --json.
""",
    "tokens": """\
Tokens
  export SEDA_TOKEN=$(seda token --email ada@demo.seda.fm)
  seda call GetUser

  A development token names a user by e-mail address; the same address is always the same user. It is signed with
  the secret of the data folder (or SEDA_JWT_SECRET), lasts 12 hours, and is accepted by every service unless
  SEDA_ENV is production. seda call --as ada makes one for a single call.

  With a role, the user is given it first:
  seda token --email ada@demo.seda.fm --role ADMIN
""",
}
