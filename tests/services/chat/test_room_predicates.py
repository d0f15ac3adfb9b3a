"""A statement of one room compares the room's id with its parameter at each table, in each of its queries.

So a partition or a shard is found by the parameter alone, also below an EXISTS or a LATERAL join, where PostgreSQL does
not carry an equality over. What a statement says is read from PostgreSQL's own tree of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any, NamedTuple

import asyncpg
import pytest

from tests.postgres import Database
from tests.query_tree import Node, nodes, query_tree
from tests.services.test_statements import STATEMENTS

_WIDER = {
    "of a user, in all rooms": (
        *("access_to_my_rooms", "my_rooms", "my_invitations_page", "find_remaining", "room_by_request_id"),
        *("export_kinds", "export_invitations", "export_memberships", "export_mentions", "export_messages"),
        *("export_moderation", "export_pins", "export_reactions", "export_reports", "export_revisions"),
        *("export_rooms", "export_sanctions"),
    ),
    "of several rooms, which are given": (
        *("access_to_rooms", "last_revs", "lock_rooms", "lock_rooms_skip_locked", "moved_rooms"),
        *("send_context", "write_batch"),
    ),
    "a search in all rooms, or in one": (
        *("search_recent", "search_words", "search_track", "search_author", "search_words_track"),
        *("search_words_author", "search_track_author", "search_words_track_author", "searched_messages"),
    ),
    "the list of public rooms": (
        *("public_rooms_prefix", "public_rooms_substring", "public_rooms_words", "public_rooms_fuzzy"),
    ),
    "the janitor looks for work in all rooms": (
        *("expired_tombstones", "messages_missing_search_text", "rooms_missing_search_name"),
        *("next_messages_with_search_text", "next_rooms_with_search_name"),
        *("set_rooms_search_name", "replace_rooms_search_name"),
    ),
}
"""Statements that are of more than one room, and why."""
WIDER = {f"chat.{name}" for names in _WIDER.values() for name in names}
CHAT = sorted(name for name in STATEMENTS if name.startswith("chat."))

_EXTERNAL, _RELATION, _INSERT, _UUID_EQUALS = "0", "0", "3", "2972"
_INNER, _LEFT, _RIGHT = "0", "1", "3"


class Use(NamedTuple):
    """A table of rooms in a query, and the parameters that its room's id is compared with or written from."""

    table: str
    parameters: frozenset[int]


async def uses(connection: asyncpg.Connection[Any], text: str) -> list[Use]:
    """Return each use of a table of rooms in a statement."""
    rows = await connection.fetch(
        "SELECT c.oid::text AS table, c.relname, a.attnum::text AS column"
        "  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = 'chat'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
        "   AND a.attname = CASE c.relname WHEN 'rooms' THEN 'id' ELSE 'room_id' END"
    )
    keys = {row["table"]: (row["relname"], row["column"]) for row in rows}
    tree = await query_tree(connection, text)
    return [use for query in nodes(tree, "QUERY") for use in _uses(query, keys)]


def _uses(query: Node, keys: dict[str, tuple[str, str]]) -> Iterator[Use]:
    relations = query["rtable"]
    for index, conditions in _filtered(query["jointree"], ()):
        relation = relations[int(index) - 1]
        if relation["rtekind"] == _RELATION and relation["relid"] in keys:
            table, column = keys[relation["relid"]]
            compared = (_compared(each, index, column) for each in conditions)
            yield Use(table, frozenset(each for each in compared if each is not None))
    if query["commandType"] == _INSERT:
        target = relations[int(query["resultRelation"]) - 1]
        if target["relid"] in keys:
            table, column = keys[target["relid"]]
            value = _parameter(_value(query, column))
            yield Use(table, frozenset() if value is None else frozenset({value}))


def _filtered(item: Node, above: tuple[Node, ...]) -> Iterator[tuple[str, tuple[Node, ...]]]:
    """Yield each relation of a query's FROM, by its number, with the conditions that its rows meet."""
    if item[""] == "RANGETBLREF":
        yield item["rtindex"], above
        return
    own = (*above, *_conjuncts(item["quals"]))
    if item[""] == "FROMEXPR":
        for each in item["fromlist"] if item["fromlist"] != "<>" else ():
            yield from _filtered(each, own)
        return
    # The condition of an outer join chooses rows of its inner side alone.
    kind = item["jointype"]
    yield from _filtered(item["larg"], own if kind in {_INNER, _RIGHT} else above)
    yield from _filtered(item["rarg"], own if kind in {_INNER, _LEFT} else above)


def _conjuncts(condition: Node | str | list[Node]) -> Iterator[Node]:
    """Yield the conditions that are joined by AND."""
    if isinstance(condition, dict) and condition[""] == "BOOLEXPR" and condition["boolop"] == "and":
        for each in condition["args"]:
            yield from _conjuncts(each)
    elif isinstance(condition, dict):
        yield condition


def _compared(condition: Node, index: str, column: str) -> int | None:
    """Return the parameter with which a condition compares a column of a relation; None for any other condition."""
    if condition[""] != "OPEXPR" or condition["opno"] != _UUID_EQUALS:
        return None
    left, right = condition["args"]
    for var, other in ((left, right), (right, left)):
        if var[""] == "VAR" and (var["varno"], var["varattno"], var["varlevelsup"]) == (index, column, "0"):
            return _parameter(other)
    return None


def _value(query: Node, column: str) -> Node | None:
    """Return what an INSERT writes into a column, also when it comes from the list of its SELECT."""
    for entry in query["targetList"]:
        if entry["resno"] == column:
            value: Node = entry["expr"]
            if value[""] == "VAR" and (source := query["rtable"][int(value["varno"]) - 1]).get("subquery"):
                return _value(source["subquery"], value["varattno"])
            return value
    return None


def _parameter(value: Node | None) -> int | None:
    if value is None or value[""] != "PARAM" or value["paramkind"] != _EXTERNAL:
        return None
    return int(value["paramid"])


def without_predicate(found: list[Use]) -> list[str] | None:
    """Return the tables that a statement of one room uses without the room's parameter; None when it is of no one room."""
    parameters = Counter(each for use in found for each in use.parameters)
    if not found:
        return []
    if not parameters:
        return None
    room = parameters.most_common(1)[0][0]
    return [use.table for use in found if room not in use.parameters]


@pytest.fixture(scope="module")
async def service(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.app_dsn("chat"))
    yield connection
    await connection.close()


async def test_each_statement_of_one_room_names_it_at_each_table(service: asyncpg.Connection) -> None:
    faults, wider = {}, set()
    for name in CHAT:
        missing = without_predicate(await uses(service, STATEMENTS[name][1].text))
        if missing is None or (name in WIDER and missing):
            wider.add(name)
        elif missing:
            faults[name] = missing
    assert faults == {}
    assert wider == WIDER


_PINNED = "EXISTS (SELECT 1 FROM chat.pins p WHERE p.room_id = {room} AND p.message_id = m.id)"
_MESSAGE = "SELECT m.seq, {more} FROM chat.messages m WHERE {room} AND m.seq > 3"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT 1", []),
        ("SELECT user_id FROM chat.user_counters WHERE user_id = $1", []),
        (_MESSAGE.format(more=_PINNED.format(room="$1"), room="m.room_id = $1"), []),
        (_MESSAGE.format(more=_PINNED.format(room="m.room_id"), room="m.room_id = $1"), ["pins"]),
        (_MESSAGE.format(more="1", room="($1::uuid IS NULL OR m.room_id = $1)"), None),
        (_MESSAGE.format(more="1", room="m.room_id = ANY (ARRAY[$1::uuid])"), None),
        (_MESSAGE.format(more="1", room="m.id = $1"), None),
        (
            "SELECT FROM chat.rooms r LEFT JOIN chat.pins p ON p.room_id = $1 AND r.id = $1",
            ["rooms"],
        ),
        ("SELECT FROM chat.rooms r LEFT JOIN chat.pins p ON p.room_id = $1 WHERE $1 = r.id", []),
        ("SELECT FROM chat.rooms r JOIN chat.pins p ON p.room_id = r.id WHERE r.id = $1", ["pins"]),
        ("SELECT FROM chat.rooms r JOIN chat.pins p ON p.room_id = $2 WHERE r.id = $1", ["pins"]),
        (
            "SELECT FROM chat.rooms r, LATERAL (SELECT FROM chat.pins WHERE room_id = r.id) p WHERE r.id = $1",
            ["pins"],
        ),
        (
            "WITH p AS (SELECT * FROM chat.pins) SELECT FROM chat.rooms r JOIN p ON p.room_id = $1 WHERE r.id = $1",
            ["pins"],
        ),
        ("UPDATE chat.pins SET rev = 2 WHERE room_id = $1 AND message_id = $2", []),
        ("UPDATE chat.pins p SET rev = 2 FROM chat.rooms r WHERE p.room_id = r.id AND r.id = $1", ["pins"]),
        ("DELETE FROM chat.pins p USING chat.rooms r WHERE p.room_id = $1", ["rooms"]),
        ("INSERT INTO chat.threads (room_id, root_id, reply_count) VALUES ($1, $2, 0)", []),
        ("INSERT INTO chat.threads (room_id, root_id, reply_count) SELECT $1, $2, 0", []),
        (
            "INSERT INTO chat.pins SELECT room_id, id, user_id, now(), NULL, 1 FROM chat.messages WHERE room_id = $1",
            ["pins"],
        ),
        (
            "INSERT INTO chat.threads (room_id, root_id, reply_count) SELECT room_id, id, 0 FROM chat.messages",
            None,
        ),
    ],
)
async def test_a_missing_predicate_is_found(
    service: asyncpg.Connection, text: str, expected: list[str] | None
) -> None:
    assert without_predicate(await uses(service, text)) == expected
