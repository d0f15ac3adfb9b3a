"""The last wall: rows that no rule of a service would write are refused by the tables themselves."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.postgres import Database, administrator

ROOM, OTHER = uuid.UUID(int=1), uuid.UUID(int=2)
TRACK = '{"provider": "spotify"}'
HASH = b"h" * 32


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[asyncpg.Connection]:
    """A connection whose changes are rolled back."""
    async with administrator(database.server, database.name) as made:
        transaction = made.transaction()
        await transaction.start()
        yield made
        await transaction.rollback()


async def insert(connection: asyncpg.Connection, table: str, **values: Any) -> None:
    names = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", *values.values())


async def message(connection: asyncpg.Connection, **changes: Any) -> None:
    instant = await connection.fetchval("SELECT now()")
    row = {"room_id": ROOM, "seq": 5, "id": uuid.uuid4(), "user_id": OTHER, "type": "TEXT", "text": "hello"}
    filled = {name: instant if value == "now" else value for name, value in changes.items()}
    await insert(connection, "chat.messages", **(row | {"created_at": instant, "rev": 9} | filled))


GOOD: dict[str, dict[str, Any]] = {
    "text": {},
    "text of 4000 wide letters": {"text": "💿" * 4000},
    "track without text": {"type": "TRACK", "text": None, "track_id": OTHER, "track": TRACK},
    "track with text": {"type": "TRACK", "track_id": OTHER, "track": TRACK},
    "system": {"type": "SYSTEM", "text": None, "system_event": "JOINED"},
    "reply": {"root_id": OTHER, "root_seq": 4},
    "reply to a reply": {"root_id": OTHER, "root_seq": 3, "reply_to_id": ROOM},
    "with a request": {"request_id": OTHER, "payload_hash": HASH},
    "deleted": {"deleted_at": "now", "deleted_by": OTHER, "deletion_type": "MODERATOR"},
    "purged": {"text": None, "deleted_at": "now", "deletion_type": "AUTHOR"},
    "purged track": {"type": "TRACK", "text": None, "deleted_at": "now", "deletion_type": "ACCOUNT_ERASED"},
    "of an erased author": {"user_id": None},
}
BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "no text": ("messages_content_check", {"text": None}),
    "empty text": ("messages_text_check", {"text": ""}),
    "text too long": ("messages_text_check", {"text": "x" * 4001}),
    "seq 0": ("messages_order_check", {"seq": 0}),
    "rev before seq": ("messages_order_check", {"rev": 4}),
    "unknown type": ("messages_type_check", {"type": "IMAGE", "text": None, "system_event": "X"}),
    "track without a track": ("messages_content_check", {"type": "TRACK"}),
    "track without its snapshot": ("messages_track_check", {"type": "TRACK", "track_id": OTHER}),
    "snapshot that is a list": ("messages_track_check", {"type": "TRACK", "track_id": OTHER, "track": "[]"}),
    "text with a track": ("messages_content_check", {"track_id": OTHER, "track": TRACK}),
    "text with an event": ("messages_content_check", {"system_event": "JOINED"}),
    "system without an event": ("messages_content_check", {"type": "SYSTEM", "text": None}),
    "reply without the root's seq": ("messages_thread_check", {"root_id": OTHER}),
    "reply before its root": ("messages_thread_check", {"root_id": OTHER, "root_seq": 5}),
    "answer without a thread": ("messages_thread_check", {"reply_to_id": OTHER}),
    "request without a hash": ("messages_request_check", {"request_id": OTHER}),
    "hash without a request": ("messages_request_check", {"payload_hash": HASH}),
    "short hash": ("messages_request_check", {"request_id": OTHER, "payload_hash": b"h"}),
    "deleted without a kind": ("messages_deletion_check", {"deleted_at": "now"}),
    "deleted by, but live": ("messages_deletion_check", {"deleted_by": OTHER}),
    "unknown deletion": ("messages_deletion_type_check", {"deleted_at": "now", "deletion_type": "OTHER"}),
}


@pytest.mark.parametrize("changes", GOOD.values(), ids=GOOD.keys())
async def test_a_good_message_is_taken(changes: dict[str, Any], connection: asyncpg.Connection) -> None:
    await message(connection, **changes)


@pytest.mark.parametrize(("constraint", "changes"), BAD.values(), ids=BAD.keys())
async def test_a_bad_message_is_refused(
    constraint: str, changes: dict[str, Any], connection: asyncpg.Connection
) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await message(connection, **changes)
    assert caught.value.constraint_name == constraint


@pytest.mark.parametrize(
    ("key", "second"),
    [
        ("messages_pkey", {"seq": 5}),
        ("messages_room_id_id_key", {"seq": 6, "id": OTHER}),
        ("messages_room_id_user_id_request_id_key", {"seq": 6, "request_id": OTHER, "payload_hash": HASH}),
    ],
)
async def test_keys_of_messages(key: str, second: dict[str, Any], connection: asyncpg.Connection) -> None:
    await message(connection, id=OTHER, request_id=OTHER, payload_hash=HASH)
    await message(connection, **(second | {"room_id": OTHER}))

    with pytest.raises(asyncpg.UniqueViolationError) as caught:
        await message(connection, **second)
    assert caught.value.constraint_name == key


USER: dict[str, Any] = {"email": "ada@example.org", "supabase_id": "s", "display_name": "Ada"}
BAD_USERS: dict[str, tuple[str, dict[str, Any]]] = {
    "capital letters": ("users_email_check", {"email": "Ada@example.org"}),
    "no at sign": ("users_email_check", {"email": "ada"}),
    "too long": ("users_email_check", {"email": "a" * 250 + "@x.org"}),
    "no address": ("users_identity_check", {"email": None}),
    "no subject": ("users_identity_check", {"supabase_id": None}),
    "long name": ("users_display_name_check", {"display_name": "x" * 51}),
    "unknown role": ("users_role_check", {"role": "ARTIST"}),
}


@pytest.mark.parametrize(("constraint", "changes"), BAD_USERS.values(), ids=BAD_USERS.keys())
async def test_a_bad_user_is_refused(
    constraint: str, changes: dict[str, Any], connection: asyncpg.Connection
) -> None:
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await insert(connection, "users.users", id=uuid.uuid4(), **(USER | changes))
    assert caught.value.constraint_name == constraint


async def test_an_erased_user_keeps_nothing(connection: asyncpg.Connection) -> None:
    await insert(connection, "users.users", id=OTHER, **USER)
    with pytest.raises(asyncpg.CheckViolationError):
        async with connection.transaction():
            await connection.execute("UPDATE users.users SET erased_at = now()")
    await connection.execute(
        "UPDATE users.users SET erased_at = now(), email = NULL, supabase_id = NULL, display_name = ''"
    )
    # Many erased rows stand side by side, and the address is free again.
    await insert(connection, "users.users", id=ROOM, **USER)


async def test_an_address_beyond_ascii_is_taken(connection: asyncpg.Connection) -> None:
    for number, name in enumerate(("жук", "i̇stanbul", "ß", "ςσ")):
        await insert(
            connection,
            "users.users",
            id=uuid.uuid4(),
            email=f"{name}@example.org".lower(),
            supabase_id=str(number),
            display_name=name,
        )


async def test_a_link_at_its_longest_fits_its_index(connection: asyncpg.Connection) -> None:
    """A b-tree refuses entries over 2,704 bytes, so the limits count bytes and lie below that."""
    await insert(
        connection,
        "tracks.track_refs",
        id=OTHER,
        provider="soundcloud",
        provider_id=secrets.token_hex(256),
        url=f"https://soundcloud.com/{secrets.token_hex(1012)}",
    )
    await insert(connection, "tracks.track_aliases", alias_key=secrets.token_hex(1024), track_id=OTHER)
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await insert(connection, "tracks.track_aliases", alias_key="ж" * 1025, track_id=OTHER)
    assert caught.value.constraint_name == "track_aliases_alias_key_check"


async def test_one_sanction_of_a_kind_at_a_time(connection: asyncpg.Connection) -> None:
    await insert(connection, "chat.rooms", id=ROOM, name="Room", created_by=OTHER, rev=1)
    instant = await connection.fetchval("SELECT now()")
    values: dict[str, Any] = {
        "room_id": ROOM,
        "user_id": OTHER,
        "reason": "spam",
        "starts_at": instant,
        "rev": 1,
    }
    await insert(connection, "chat.sanctions", id=uuid.uuid4(), kind="MUTE", ended_at=instant, **values)
    await insert(connection, "chat.sanctions", id=uuid.uuid4(), kind="MUTE", **values)
    await insert(connection, "chat.sanctions", id=uuid.uuid4(), kind="BAN", **values)

    with pytest.raises(asyncpg.UniqueViolationError) as caught:
        await insert(connection, "chat.sanctions", id=uuid.uuid4(), kind="MUTE", **values)
    assert caught.value.constraint_name == "sanctions_room_id_user_id_kind_key"
