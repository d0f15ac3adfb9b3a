"""What DATABASE_URL may be: as platforms, Prisma and poolers write it."""

from __future__ import annotations

import pytest

from ops.database.connection import admin_dsn
from ops.errors import CliError
from servicekit.database_url import read_database_url

SECRET = "hush4711"


@pytest.mark.parametrize(
    ("url", "read", "ignored"),
    [
        ("postgres://u:p@h/d", "postgresql://u:p@h/d", ()),
        ("  PostgreSQL://u:p@h/d\n", "postgresql://u:p@h/d", ()),
        ("postgresql:///d?host=/run/pg", "postgresql:///d?host=/run/pg", ()),
        ("postgresql://u:p@h:1,[::1]:2/d?", "postgresql://u:p@h:1,[::1]:2/d", ()),
        ("postgresql://u:p%23%2F%3F%40@h/d", "postgresql://u:p%23%2F%3F%40@h/d", ()),
        (
            "postgres://h/d?connect_timeout=10&sslmode=require",
            "postgresql://h/d?sslmode=require",
            ("connect_timeout",),
        ),
        ("postgres://h/d?channel_binding=prefer", "postgresql://h/d", ("channel_binding",)),
        ("postgres://h/d?schema=public", "postgresql://h/d", ("schema",)),
        (
            "postgres://h/d?pgbouncer=true&connection_limit=1",
            "postgresql://h/d",
            ("pgbouncer", "connection_limit"),
        ),
        ("postgres://h/d?options=endpoint%3Dx", "postgresql://h/d?options=endpoint%3Dx", ()),
    ],
)
def test_urls_are_understood(url: str, read: str, ignored: tuple[str, ...]) -> None:
    assert read_database_url(url) == (read, ignored)
    assert admin_dsn({"DATABASE_URL": url}) == read


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (f"mysql://u:{SECRET}@h/d", "must be an address"),
        (f"{SECRET}", "must be an address"),
        (f"postgresql://u:{SECRET}#x@h/d", "%23"),
        (f"postgresql://u:{SECRET}/x@h/d", "%2F"),
        (f"postgresql://u:1/{SECRET}@h/d", "%2F"),
        (f"postgresql://u:{SECRET}?x@h/d", "%3F"),
        (f"postgresql://u:1?{SECRET}=1@h/d", "%3F"),
        (f"postgresql://u:1?sslmode={SECRET}@h/d", "%3F"),
        (f"postgresql://u:p@h:{SECRET}/d", "port"),
        (f"postgresql://u:p@[h/d?{SECRET}", "is no URL"),
        (f"postgresql://u:p@h/d?{SECRET}", "without a name"),
        (f"postgresql://u:p@h/d?channel_binding=require&x={SECRET}", "channel_binding"),
        (f"postgresql://u:p@h/d?search_path={SECRET}", "search_path"),
    ],
)
def test_other_urls_are_refused_without_a_part_of_them(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        read_database_url(url)
    assert SECRET not in str(raised.value)
    with pytest.raises(CliError) as told:
        admin_dsn({"DATABASE_URL": url})
    assert told.value.code == "DATABASE_URL_INVALID"
    assert SECRET not in f"{told.value} {told.value.__dict__}"
