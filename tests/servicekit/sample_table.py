"""A table for tests of the database layer, and statements about it. Its rows are (id, name, size, made_at)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import asyncpg

from servicekit import errors
from servicekit.clock import Micros
from servicekit.database import Database, PoolOptions
from servicekit.sql import Command, Query

SETUP = """
    CREATE TABLE public.things (
        id int PRIMARY KEY,
        name text CONSTRAINT things_name_key UNIQUE,
        size int CONSTRAINT things_size_check CHECK (size >= 0),
        made_at timestamptz
    );
    -- Makes the commit of a row named 'slow' take a while.
    CREATE FUNCTION public.dawdle() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN IF new.name LIKE 'slow%' THEN PERFORM pg_sleep(0.7); END IF; RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON public.things DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION public.dawdle();
"""


class NameTakenError(errors.ServiceError, code=errors.Code.ALREADY_EXISTS, reason="NAME_TAKEN"):
    """A sample error of a domain."""

    default_message = "the name is taken"


class SizeError(NameTakenError):
    """A second sample error."""


class Thing(NamedTuple):
    id: int
    name: str | None
    made_at: Micros | None


class Number(NamedTuple):
    number: int


class Text(NamedTuple):
    text: str


class Instant(NamedTuple):
    at: Micros


ADD = Command[int, str | None]("things.add", "INSERT INTO public.things (id, name) VALUES ($1, $2)")
ADD_UNIQUE = Command[int, str | None, int](
    "things.add_unique",
    "INSERT INTO public.things (id, name, size) VALUES ($1, $2, $3)",
    violations={"things_name_key": NameTakenError, "things_size_check": SizeError},
)
ADD_AT = Query[Thing, int, Micros | None](
    "things.add_at", "INSERT INTO public.things (id, made_at) VALUES ($1, $2) RETURNING id, name, made_at"
)
BY_ID = Query[Thing, int]("things.by_id", "SELECT id, name, made_at FROM public.things WHERE id = $1")
ALL = Query[Thing]("things.all", "SELECT id, name, made_at FROM public.things ORDER BY id")
COUNT = Query[Number]("things.count", "SELECT count(*)::int4 AS number FROM public.things")
RENAME_ALL = Command[str | None]("things.rename_all", "UPDATE public.things SET name = $1")
CLEAR = Command[()]("things.clear", "DELETE FROM public.things")
LOCK = Query[Thing, int](
    "things.lock", "SELECT id, name, made_at FROM public.things WHERE id = $1 FOR UPDATE"
)
SLEEP = Query[Text, float]("things.sleep", "SELECT pg_sleep($1)::text AS text")
BACKEND = Query[Number]("things.backend", "SELECT pg_backend_pid() AS number")
SETTING = Query[Text, str]("things.setting", "SELECT current_setting($1) AS text")
AT = Query[Instant, str]("things.at", "SELECT $1::text::timestamptz AS at")
SHOWN = Query[Text, Micros](
    "things.shown", "SELECT to_char($1::timestamptz AT TIME ZONE 'UTC', 'BCYYYY-MM-DD HH24:MI:SS.US') AS text"
)


@asynccontextmanager
async def opened(dsn: str, **options: Any) -> AsyncIterator[Database]:
    """A pool on the things."""
    given: dict[str, Any] = {"name": "things", "min_size": 1, "max_size": 4} | options
    database = Database(dsn, PoolOptions(**given))
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def activity(administrator: asyncpg.Connection[Any], state: str) -> int:
    """How many of the pool's connections are in a state: active, idle, idle in transaction; or sleep in SQL."""
    count: int = await administrator.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'things' AND $1 IN (state, CASE wait_event WHEN 'PgSleep' THEN 'sleeping' END)",
        state,
    )
    return count
