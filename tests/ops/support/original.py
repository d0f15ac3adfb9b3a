"""A database of the original with rows that do not fit, made from the benchmark's dataset."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from bench import dataset
from bench.dataset import uid
from ops.postgres import find_binaries
from tests.ops.support import optional_tables
from tests.postgres import Database

FITTING = {
    # A room that nobody owns any more but somebody is in.
    "ownerless room": str(uid("r", 3)),
    # A reply to a reply.
    "deep reply": "10000000-0000-4000-8000-0000000000aa",
    # A message whose track has no URL.
    "track by id": "10000000-0000-4000-8000-0000000000ab",
}
# Real links instead of the dataset's invented ones, some deleted messages, and no foreign keys, as after a
# restoration of single tables.
_PREPARE = f"""
    UPDATE messages SET track_ref = jsonb_set(track_ref, '{{url}}',
           to_jsonb('https://open.spotify.com/track/' || left(md5(id), 22))) WHERE track_ref IS NOT NULL;
    UPDATE artist_profiles SET spotify_url = 'https://open.spotify.com/artist/' || left(md5(id), 22);
    UPDATE messages SET deleted_at = created_at + interval '1 hour' WHERE hashtext(id) % 50 = 0;
    DELETE FROM reactions r USING reactions o
     WHERE r.message_id = o.message_id AND r.user_id = o.user_id AND r.emoji = o.emoji AND r.id > o.id;
    DO $$ DECLARE c record; BEGIN
      FOR c IN SELECT conrelid::regclass AS t, conname FROM pg_constraint WHERE contype = 'f' LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname);
      END LOOP;
    END $$;
    DROP INDEX idx_artist_profiles_user, idx_users_supabase_id;
    UPDATE rooms SET created_by = 'gone' WHERE id = '{FITTING["ownerless room"]}';
    INSERT INTO messages SELECT '{FITTING["deep reply"]}', room_id, user_id, 'TEXT', 'a reply to a reply', NULL, id,
           created_at + interval '1 second', NULL FROM messages WHERE parent_id IS NOT NULL ORDER BY created_at LIMIT 1;
    INSERT INTO reactions
    SELECT '20000000-0000-4000-9000-0000000000' || n, '{FITTING["track by id"]}', '{uid("u", 5)}', chr(x'1F3B6'::int + n)
      FROM generate_series(10, 29) n;
    {optional_tables.PREPARE}
    INSERT INTO messages (id, room_id, user_id, type, track_ref)
    VALUES ('{FITTING["track by id"]}', '{uid("r", 5)}', '{uid("u", 5)}', 'TRACK_REF',
            '{{"provider": "Deezer", "providerId": "3135556"}}');
"""
_ROOM, _USER, _MESSAGE = uid("r", 1), uid("u", 1), uid("m", 1)
_NUMBERS = iter(range(1, 1_000))


def _new() -> str:
    return f"20000000-0000-4000-8000-{next(_NUMBERS):012d}"


def _message(
    reason: str, outcome: str = "skipped", **values: object
) -> tuple[str, str, str, dict[str, object]]:
    row = {
        "id": _new(),
        "room_id": str(_ROOM),
        "user_id": str(_USER),
        "type": "TEXT",
        "text": "hello",
        **values,
    }
    return "messages", outcome, reason, row


def _user(reason: str, **values: object) -> tuple[str, str, str, dict[str, object]]:
    number = _new()
    row = {"id": number, "email": f"{number}@example.test", "supabase_id": number, **values}
    return "users", "skipped", reason, {**row, "updated_at": "2025-01-01"}


def _reaction(reason: str, **values: object) -> tuple[str, str, str, dict[str, object]]:
    row = {"id": _new(), "message_id": str(_MESSAGE), "user_id": str(_USER), "emoji": "🎷", **values}
    return "reactions", "skipped", reason, row


def _member(reason: str, **values: object) -> tuple[str, str, str, dict[str, object]]:
    return (
        "room_memberships",
        "skipped",
        reason,
        {"id": _new(), "room_id": str(_ROOM), "user_id": str(_USER), **values},
    )


def _room(reason: str, outcome: str = "skipped", **values: object) -> tuple[str, str, str, dict[str, object]]:
    return "rooms", outcome, reason, {"id": _new(), "name": "A room", "created_by": str(_USER), **values}


def _artist(
    reason: str, outcome: str = "skipped", **values: object
) -> tuple[str, str, str, dict[str, object]]:
    # User 0 has a profile in the dataset, users 1 to 3 have none.
    return (
        "artist_profiles",
        outcome,
        reason,
        {"id": _new(), "user_id": str(uid("u", 1)), "artist_name": "Ada", **values},
    )


_TOO_LONG = _message("TEXT_TOO_LONG", text="x" * 4_001)
_BAD_ROOM = _room("ROOM_NAME_INVALID", name="\x07")
_SAXOPHONE = _reaction("")[3]
BROKEN: list[tuple[str, str, str, dict[str, object]]] = [
    _user("ID_INVALID", id="7"),
    _user("EMAIL_INVALID", email="nobody"),
    _user("EMAIL_TAKEN", email="USER5@example.test"),
    _user("SUBJECT_INVALID", supabase_id=""),
    _user("SUBJECT_TAKEN", supabase_id=str(uid("s", 5))),
    _artist("USER_UNKNOWN", user_id="gone"),
    _artist("ARTIST_NAME_INVALID", artist_name=" "),
    _artist("WEBSITE_URL_DROPPED", "changed", website_url="http://ada.example.test/"),
    _artist("DUPLICATE", id="ffffffff-0000-4000-8000-000000000000", user_id=str(uid("u", 0))),
    _artist("VERIFIED_DROPPED", "changed", user_id=str(uid("u", 2)), verified=True),
    _artist("BIO_CHANGED", "changed", user_id=str(uid("u", 3)), bio="b" * 2_001),
    _BAD_ROOM,
    _room("OWNER_UNKNOWN", created_by="gone"),
    _room("NAME_CHANGED", "changed", name="n" * 81),
    _room("DESCRIPTION_CHANGED", "changed", description="d" * 501),
    ("rooms", "changed", "OWNER_REPLACED", {"id": FITTING["ownerless room"]}),
    (
        "moderation_logs",
        "skipped",
        "ROOM_SKIPPED",
        {"id": _new(), "room_id": _BAD_ROOM[3]["id"], "moderator_id": str(_USER), "action": "MUTE_MEMBER"},
    ),
    *optional_tables.BROKEN,
    _member("USER_UNKNOWN", user_id="gone"),
    _member("ROOM_UNKNOWN", room_id="gone"),
    _member("ROOM_SKIPPED", room_id=_BAD_ROOM[3]["id"]),
    _message("ID_INVALID", id="8"),
    _message("USER_UNKNOWN", user_id="gone"),
    _TOO_LONG,
    _message("TEXT_INVALID", text="a\x07b"),
    _message("EMPTY", text=" "),
    _message("SYSTEM_MESSAGE", type="SYSTEM"),
    _message(
        "TRACK_INVALID", type="TRACK_REF", text=None, track_ref='{"url": "https://music.example.test/1"}'
    ),
    _message("TRACK_DROPPED", "changed", type="TRACK_REF", track_ref='{"provider": "spotify"}'),
    _message("PARENT_UNKNOWN", "changed", parent_id="gone"),
    _message("ROOM_UNKNOWN", room_id="gone"),
    _message("ROOM_SKIPPED", room_id=_BAD_ROOM[3]["id"]),
    _reaction("EMOJI_INVALID", emoji="great"),
    _reaction(
        "TOO_MANY_EMOJIS", message_id=FITTING["track by id"], id="f0000000-0000-4000-8000-000000000001"
    ),
    _reaction("USER_UNKNOWN", user_id="gone"),
    _reaction("MESSAGE_UNKNOWN", message_id="gone"),
    _reaction("MESSAGE_SKIPPED", message_id=_TOO_LONG[3]["id"]),
    ("reactions", "skipped", "DUPLICATE", {**_SAXOPHONE, "id": "f0000000-0000-4000-8000-000000000000"}),
]
"""Table, outcome, reason and values of each row that does not fit; the last one repeats a row that does."""


async def make_original(database: Database, *, users: int, rooms: int, roots: int) -> None:
    """Fill an empty database with the original's tables: rows that fit, and all of BROKEN."""
    script = Path(dataset.__file__).parent / "baselines" / "dataset.sql"
    dataset.psql(
        find_binaries().program("psql"), database.admin_dsn, script, users=users, rooms=rooms, messages=roots
    )
    connection = await asyncpg.connect(database.admin_dsn)
    try:
        await connection.execute(_PREPARE)
        for table, _, _, row in [*BROKEN, ("reactions", "", "", _SAXOPHONE)]:
            if row.keys() == {"id"}:
                continue
            columns, values = ", ".join(row), ", ".join(map(_literal, row.values()))
            await connection.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})")
    finally:
        await connection.close()


async def use_camel_case(connection: asyncpg.Connection) -> None:
    """Name all columns as Prisma does without @map."""
    columns = await connection.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND column_name LIKE '%\\_%'"
    )
    for table, name in columns:
        first, *rest = name.split("_")
        await connection.execute(
            f'ALTER TABLE {table} RENAME COLUMN {name} TO "{first + "".join(map(str.title, rest))}"'
        )


def _literal(value: object) -> str:
    if value is None:
        return "NULL"
    return "E'" + str(value).replace("\x07", "\\x07").replace("'", "''") + "'"
