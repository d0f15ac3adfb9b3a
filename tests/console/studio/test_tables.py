"""What the studio shows of rows: pages, filters, single rows and who refers to them, within bounds."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import asyncpg
import pytest
from structlog.testing import capture_logs

from console.studio import catalog, query
from console.studio import reader as reading
from console.studio.errors import StudioError
from console.studio.query import Filter, Statement
from console.studio.reader import Reader
from tests.console.serving import console_server
from tests.console.studio.conftest import ADA, LONG_TEXT, MESSAGE, ROOM, StudioClient, settings
from tests.postgres import Database

_REFUSED = r"denied|read-only|must be superuser"


async def columns(studio: StudioClient, table: str) -> dict[str, dict[str, Any]]:
    found = await studio.ask("structure", table)
    return {each["name"]: each for each in found["columns"]}


async def cells(studio: StudioClient, table: str, row: dict[str, Any]) -> dict[str, Any]:
    return dict(zip(await columns(studio, table), row["cells"], strict=True))


async def all_pages(studio: StudioClient, table: str, **asked: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after: list[str] = []
    while True:
        page = await studio.ask("page", table, after=after, **asked)
        rows += page["rows"]
        after = page["after"]
        if not after:
            return rows


async def test_every_table_has_a_page_of_bounded_values(studio: StudioClient) -> None:
    found = (await studio.ask("slices"))["slices"]
    assert [each["name"] for each in found] == ["users", "chat", "tracks"]
    shown = 0
    for each in found:
        for table in each["tables"]:
            assert table["comment"]
            assert table["rows"] is None or table["rows"] >= 0
            for row in (await studio.ask("page", f"{each['name']}.{table['name']}"))["rows"]:
                shown += 1
                texts = [one["text"] if isinstance(one, dict) else one for one in row["cells"]]
                assert all(text is None or len(text) <= 2_048 for text in texts)
    assert shown > 300


async def test_values_say_what_they_are(studio: StudioClient) -> None:
    row = await studio.ask("row", "chat.messages", key=[ROOM, "1"])
    assert (await cells(studio, "chat.messages", row))["text"] == LONG_TEXT
    (first, *_) = (await studio.ask("page", "chat.messages", filters=[where("room_id", "=", ROOM)]))["rows"]
    found = await cells(studio, "chat.messages", first)
    assert first["key"] == [ROOM, "1"]
    assert found["text"] == {"text": "x" * 2_048, "length": 4_000}
    assert found["payload_hash"]["length"] == 32
    assert len(found["payload_hash"]["text"]) == 64
    assert found["created_at"] == "2026-11-30T12:00:00.123456Z"
    assert found["root_id"] is None
    ada = await cells(studio, "users.users", await studio.ask("row", "users.users", key=[ADA]))
    assert ada["display_name"] == ""
    assert ada["muted_until"] is None


def where(column: str, operator: str, value: str = "") -> dict[str, str]:
    return {"column": column, "operator": operator, "value": value}


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"descending": True},
        {"order": "created_at"},
        {"order": "created_at", "descending": True},
        {"order": "text"},
        {"order": "root_seq", "descending": True},
    ],
    ids=str,
)
async def test_pages_hold_every_row_once_in_order(
    studio: StudioClient, admin: asyncpg.Connection, asked: dict[str, Any]
) -> None:
    column = asked.get("order", "room_id")
    order = f"{column} {'DESC' if asked.get('descending') else ''}"
    rows = await admin.fetch(
        f"SELECT {column}::text FROM chat.messages WHERE {column} IS NOT NULL ORDER BY {order}"
    )
    found = await all_pages(studio, "chat.messages", rows=200, **asked)
    assert len({tuple(each["key"]) for each in found}) == len(found) == len(rows) > 250
    if column == "room_id":
        assert [each["key"][0] for each in found] == [each[0] for each in rows]


async def test_rows_go_by_numbers_not_by_their_digits(studio: StudioClient) -> None:
    found = await studio.ask("page", "chat.messages", filters=[where("room_id", "=", ROOM)], rows=12)
    assert [each["key"][1] for each in found["rows"]] == [str(each) for each in range(1, 13)]


@pytest.mark.parametrize(
    ("filters", "number"),
    [
        ([where("seq", "<=", "5")], 5),
        ([where("seq", ">", "5"), where("seq", "<>", "7"), where("seq", "<", "9")], 2),
        ([where("text", "contains", "+1")], 299),
        ([where("text", "starts with", "xx")], 1),
        ([where("mention_user_ids", "has", ADA)], 1),
        ([where("created_at", "=", "2026-11-30T12:00:00.123456Z")], 1),
        ([where("edited_at", "is null")], 300),
        ([where("edited_at", "is not null")], 0),
        ([where("payload_hash", "=", "\\x00")], 0),
    ],
    ids=str,
)
async def test_filters_find_rows(studio: StudioClient, filters: list[dict[str, str]], number: int) -> None:
    asked = [where("room_id", "=", ROOM), *filters]
    assert len(await all_pages(studio, "chat.messages", filters=asked)) == number
    assert (await studio.ask("count", "chat.messages", filters=asked))["rows"] == number


async def test_two_partial_indexes_serve_as_one(studio: StudioClient, admin: asyncpg.Connection) -> None:
    tables = await catalog.read(admin, "chat")
    assert tables["messages"].halved["user_id"] == "deleted_at"
    statement = query.count(tables["messages"], [Filter("user_id", "=", ADA)], lambda _: False)
    async with admin.transaction():
        await admin.execute("SET LOCAL enable_seqscan = off")
        plan = await admin.fetch(f"EXPLAIN {statement.sql}", *statement.values)
    assert any("BitmapOr" in line for (line,) in plan)
    asked = [where("user_id", "=", ADA)]
    assert (await studio.ask("count", "chat.messages", filters=asked))["rows"] == 300


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"filters": [where("room_id", "=", "not-an-id")]}, "BAD_VALUE"),
        ({"filters": [where("seq", "=", "9" * 400)]}, "BAD_VALUE"),
        ({"filters": [where("text", "=", "\0")]}, "BAD_VALUE"),
        ({"filters": [where('seq" = 1 --', "=", "1")]}, "NO_COLUMN"),
        ({"filters": [where("seq", "= 1 OR 1 =", "1")]}, "BAD_OPERATOR"),
        ({"filters": [where("seq", "=", "1")] * 9}, "MALFORMED"),
        ({"order": "nothing"}, "NO_COLUMN"),
        ({"order": "track"}, "BAD_ORDER"),
        ({"after": ["1"]}, "BAD_PAGE"),
        ({"after": ["1", "2"]}, "BAD_VALUE"),
        ({"rows": 201}, "MALFORMED"),
        ({"other": 1}, "MALFORMED"),
        ({"filters": [where("text", "=", "a" * 70_000)]}, "TOO_LARGE"),
    ],
    ids=lambda each: str(each)[:40],
)
async def test_senseless_requests_are_refused(
    studio: StudioClient, asked: dict[str, Any], reason: str
) -> None:
    assert await studio.refused("page", "chat.messages", **asked) == reason


async def test_unknown_tables_are_refused(studio: StudioClient) -> None:
    assert await studio.refused("page", "chat.nothing") == "NO_TABLE"
    assert await studio.refused("page", "pg_catalog.pg_authid") == "NO_SLICE"
    assert await studio.refused("row", "users.users", key=[MESSAGE]) == "NO_ROW"
    assert await studio.refused("row", "users.users", key=[]) == "BAD_KEY"


async def test_personal_columns_are_masked_and_each_look_is_logged(studio: StudioClient) -> None:
    by_email = [where("email", "=", "ada@a.example")]
    (row,) = (await studio.ask("page", "users.users", filters=by_email))["rows"]
    found = await cells(studio, "users.users", row)
    assert found["email"] == {"text": "", "length": 13, "masked": 1}
    assert found["supabase_id"] == {"text": "", "length": 14, "masked": 1}
    assert (
        await studio.refused("page", "users.users", filters=[where("email", "starts with", "a")])
        == "COLUMN_MASKED"
    )
    assert await studio.refused("page", "users.users", filters=[where("email", "<", "b")]) == "COLUMN_MASKED"
    assert await studio.refused("page", "users.users", order="email") == "BAD_ORDER"
    exported = await studio.reply("export", "users.users", format="csv", filters=by_email)
    assert b"ada@a.example" not in exported.body
    with capture_logs() as logs:
        assert (await studio.ask("reveal", "users.users", key=[ADA], column="email"))[
            "cell"
        ] == "ada@a.example"
    (line,) = [each for each in logs if each["event"] == "revealed"]
    assert (line["table"], line["column"], line["key"]) == ("users.users", "email", [ADA])
    assert "ada@a.example" not in str(line)


async def test_texts_are_masked_outside_development(seeded: Database) -> None:
    async with console_server(settings(seeded, SEDA_ENV="staging")) as server:
        studio = StudioClient(server)
        row = await studio.ask("row", "chat.messages", key=[ROOM, "1"])
        assert (await cells(studio, "chat.messages", row))["text"] == {
            "text": "",
            "length": 4_000,
            "masked": 1,
        }
        entries = (await studio.ask("timeline", room_id=ROOM))["entries"]
        assert {each["text"] for each in entries} == {None}


async def test_production_is_refused_unless_it_is_allowed(seeded: Database) -> None:
    async with console_server(settings(seeded, SEDA_ENV="production")) as server:
        assert await StudioClient(server).refused("slices") == "UNAVAILABLE"
    allowed = settings(seeded, SEDA_ENV="production", SEDA_CONSOLE_ALLOW_PRODUCTION="1")
    async with console_server(allowed) as server:
        assert (await StudioClient(server).ask("slices"))["slices"][0]["problem"] == ""


async def test_a_row_names_who_refers_to_it_across_slices(studio: StudioClient) -> None:
    row = await studio.ask("row", "users.users", key=[ADA])
    counts = {(each["table"], each["column"]): each["rows"] for each in row["referrers"]}
    assert counts["chat.messages", "user_id"] == 100
    assert counts["chat.messages", "mention_user_ids"] == 1
    assert counts["chat.rooms", "created_by"] == 1
    assert counts["users.artist_profiles", "user_id"] == 0
    (mentioned,) = [each for each in row["referrers"] if each["column"] == "mention_user_ids"]
    (found,) = (await studio.ask("page", mentioned["table"], filters=mentioned["filters"]))["rows"]
    assert found["key"] == [ROOM, "1"]


async def test_references_inside_a_room_keep_to_it(studio: StudioClient) -> None:
    row = await studio.ask("row", "chat.messages", key=[ROOM, "1"])
    filters = {(each["table"], each["column"]): each["filters"] for each in row["referrers"]}
    assert filters["chat.pins", "message_id"] == [
        where("room_id", "=", ROOM),
        where("message_id", "=", MESSAGE),
    ]


async def test_costly_statements_are_asked_for_twice(
    studio: StudioClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "COSTLY", 10.0)
    asked = {"filters": [where("system_event", "=", "NOTHING")]}
    reply = await studio.reply("page", "chat.messages", **asked)
    assert reply.status == 409
    assert reply.lines[0]["anyway"] is True
    assert "begins with system_event" in reply.lines[0]["error"]
    assert (await studio.ask("page", "chat.messages", anyway=True, **asked))["rows"] == []
    assert (
        len(
            (await studio.ask("page", "chat.messages", filters=[where("room_id", "=", ROOM)], rows=1))["rows"]
        )
        == 1
    )


async def test_locked_tables_hold_nobody_up(studio: StudioClient, admin: asyncpg.Connection) -> None:
    async with admin.transaction():
        await admin.execute("LOCK TABLE users.users")
        assert await studio.refused("page", "users.users") == "LOCKED"


@pytest.mark.parametrize("limit", ["SECONDS", "_BEGIN"])
async def test_slow_statements_end(seeded: Database, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """By the server's clock, and by ours."""
    shorter = {"SECONDS": 0.3, "_BEGIN": "BEGIN READ ONLY; SET LOCAL statement_timeout = '100ms'"}
    reader = Reader("chat", seeded.admin_dsn)
    try:
        table = await reader.table("messages")
        monkeypatch.setattr(reading, limit, shorter[limit])
        with pytest.raises(StudioError) as raised:
            await reader.fetch(Statement("SELECT pg_sleep(30)"), table, anyway=True)
        assert (raised.value.reason, raised.value.status) == ("TOO_SLOW", 504)
    finally:
        await reader.close()


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TEMP TABLE t (n int)",
        "SELECT lo_create(0)",
        "UPDATE chat.messages SET text = 'x'",
        "SELECT 1 FROM users.users",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
async def test_the_role_of_the_studio_can_only_read_its_slice(seeded: Database, statement: str) -> None:
    if "lo_create" in statement and seeded.server.major < 16:
        pytest.skip("PostgreSQL 15 lets read-only transactions make large objects; the studio rolls back")
    reader = Reader("chat", seeded.admin_dsn)
    try:
        with pytest.raises(Exception, match=_REFUSED):
            async with reader.transaction() as connection:
                await connection.execute(statement)
        # Not by the transaction alone.
        async with (await reader._connected()).acquire() as connection:
            with pytest.raises(asyncpg.PostgresError, match=_REFUSED):
                await connection.execute(statement)
    finally:
        await reader.close()


async def test_exports_hold_no_formula_and_end_at_ten_thousand_rows(
    studio: StudioClient, admin: asyncpg.Connection
) -> None:
    asked = {"filters": [where("room_id", "=", ROOM)]}
    found = await studio.reply("export", "chat.messages", format="csv", **asked)
    head, *rows = list(csv.reader(io.StringIO(found.body.decode())))
    assert head == list(await columns(studio, "chat.messages"))
    assert len(rows) == 300
    assert {row[head.index("text")] for row in rows[1:]} == {"'=1+1"}
    found = await studio.reply("export", "chat.messages", format="jsonl", **asked)
    lines = [json.loads(each) for each in found.body.splitlines()]
    assert [each["seq"] for each in lines] == [str(each) for each in range(1, 301)]
    assert lines[1]["text"] == "=1+1"
    assert lines[1]["root_id"] is None
    await admin.execute(
        "INSERT INTO chat.leases (name, holder, until)"
        " SELECT 'studio ' || n, gen_random_uuid(), now() FROM generate_series(1, 10100) AS n"
    )
    try:
        found = await studio.reply("export", "chat.leases", format="jsonl")
        assert len(found.body.splitlines()) == 10_000
    finally:
        await admin.execute("DELETE FROM chat.leases WHERE name LIKE 'studio %'")


async def test_the_timeline_of_a_room_holds_all_changes(
    studio: StudioClient, admin: asyncpg.Connection
) -> None:
    room = await admin.fetchval(
        "SELECT room_id::text FROM chat.reactions GROUP BY 1 ORDER BY count(*) DESC LIMIT 1"
    )
    entries, before = [], ""
    while True:
        page = await studio.ask("timeline", room_id=room, before_rev=before)
        entries += page["entries"]
        before = page["before_rev"]
        if not before:
            break
    revs = [int(each["rev"]) for each in entries]
    assert revs == sorted(revs, reverse=True)
    for table in (
        "messages",
        "reactions",
        "pins",
        "room_memberships",
        "room_invitations",
        "sanctions",
        "moderation_logs",
    ):
        number = await admin.fetchval(
            f"SELECT count(*) FROM chat.{table} WHERE room_id = $1::text::uuid", room
        )
        assert [each["table"] for each in entries].count(table) == number
    (newest, *_) = [each for each in entries if each["table"] == "messages"]
    assert (await studio.ask("row", "chat.messages", key=newest["key"]))["key"] == newest["key"]
    assert await studio.refused("timeline", room_id="x") == "BAD_VALUE"
    assert await studio.refused("timeline", room_id=ROOM, before_rev="-1") == "BAD_VALUE"
