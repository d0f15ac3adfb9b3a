"""PostgreSQL's own parsed and analysed form of a statement, as nested values.

The server prints the trees of its parser with debug_print_rewritten. Names are resolved there: a column is the number of
its relation and its own, whatever the statement called them, and views and `SELECT *` are expanded.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import asyncpg

Node = dict[str, Any]
"""A node: its type under "", its fields by name. Lists are lists, all else is text; `<>` is nothing."""

_TOKEN = re.compile(r"[(){}]|(?:\\.|[^\s(){}\\])+", re.DOTALL)


async def query_tree(connection: asyncpg.Connection[Any], text: str) -> Node:
    """Return the tree of a statement; its parameters may be $1, $2..."""
    printed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def listen(_: object, message: Any) -> None:
        if message.message == "rewritten parse tree:" and not printed.done():
            printed.set_result(message.detail)

    connection.add_log_listener(listen)
    await connection.execute(
        "SET client_min_messages = log; SET debug_pretty_print = off; SET debug_print_rewritten = on"
    )
    try:
        await connection.prepare(text)
        (query,) = _parse(await asyncio.wait_for(printed, 10))
    finally:
        await connection.execute(
            "RESET debug_print_rewritten; RESET client_min_messages; RESET debug_pretty_print"
        )
        connection.remove_log_listener(listen)
    assert isinstance(query, dict)
    return query


def nodes(tree: object, kind: str) -> Iterator[Node]:
    """Yield all nodes of a kind, at any depth."""
    if isinstance(tree, dict):
        if tree[""] == kind:
            yield tree
        for field in tree.values():
            yield from nodes(field, kind)
    elif isinstance(tree, list):
        for each in tree:
            yield from nodes(each, kind)


def _parse(text: str) -> list[Any]:
    """Return the nodes of a printed list of trees."""
    stack: list[list[Any]] = [[]]
    for token in _TOKEN.findall(text):
        if token in "({":
            stack.append([])
        elif token in ")}":
            items = stack.pop()
            stack[-1].append(_node(items) if token == "}" else items)
        else:
            stack[-1].append(token)
    (top,) = stack
    return top[0] if isinstance(top[0], list) else top


def _node(items: list[Any]) -> Node:
    """Return a node of its printed parts: the type, then names with a colon, each followed by its value.

    A value of several parts, as that of a constant, counts by its first.
    """
    node: Node = {"": items[0]}
    name = ""
    for item in items[1:]:
        if isinstance(item, str) and item.startswith(":"):
            name = item[1:]
        else:
            node.setdefault(name, item)
    return node
