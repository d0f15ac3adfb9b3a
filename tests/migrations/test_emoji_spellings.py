"""The migration that merges the spellings of one emoji."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path

from migrations.heads import FOLDER
from ops.database.init import init_database
from ops.database.migrate import deploy
from tests.postgres import Database, administrator

REVISION = "20261129_1050"
PLAIN, COLOURED, ZAP = "\u2764", "\u2764\ufe0f", "\u26a1"


async def test_spellings_of_an_emoji_are_merged(blank_database: Database, tmp_path: Path) -> None:
    before = tmp_path / "migrations"
    shutil.copytree(FOLDER, before, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (before / "chat" / "versions").glob("2*.py"):
        if file.name >= REVISION:
            file.unlink()
    await init_database(blank_database.admin_dsn)
    await deploy(blank_database.admin_dsn, folder=before)
    room, quiet, message = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    ada, bob, cleo = (uuid.uuid4() for _ in range(3))
    async with administrator(blank_database.server, blank_database.name) as admin:
        await admin.executemany(
            "INSERT INTO chat.rooms (id, name, rev) VALUES ($1, 'Rare grooves', 1)", [(room,), (quiet,)]
        )
        await admin.executemany(
            "INSERT INTO chat.room_counters (room_id, last_seq, last_rev, member_count) VALUES ($1, 1, 9, 1)",
            [(room,), (quiet,)],
        )
        await admin.executemany(
            """
            INSERT INTO chat.reactions (room_id, message_id, user_id, emoji, created_at, removed_at, rev)
            VALUES ($1, $2, $3, $4, now(), CASE WHEN $5 THEN now() END, 9)
            """,
            [
                (room, message, ada, PLAIN, False),
                (room, message, ada, COLOURED, False),
                (room, message, bob, COLOURED, False),
                (room, message, cleo, PLAIN, False),
                (room, message, cleo, COLOURED, True),
                (room, message, bob, ZAP, False),
                (quiet, message, bob, ":vinyl:", False),
                (quiet, message, bob, COLOURED, False),
            ],
        )
        await admin.executemany(
            "INSERT INTO chat.reaction_tallies (room_id, message_id, emoji, count, first_at)"
            " VALUES ($1, $2, $3, $4, to_timestamp($5))",
            [
                (room, message, PLAIN, 2, 100),
                (room, message, COLOURED, 2, 200),
                (room, message, ZAP, 1, 300),
                (quiet, message, COLOURED, 1, 400),
            ],
        )
        await deploy(blank_database.admin_dsn)
        tallies = await admin.fetch(
            "SELECT room_id, emoji, count, extract(epoch FROM first_at)::int FROM chat.reaction_tallies ORDER BY 4"
        )
        assert list(map(tuple, tallies)) == [
            (room, COLOURED, 3, 100),
            (room, ZAP, 1, 300),
            (quiet, COLOURED, 1, 400),
        ]
        active = await admin.fetch(
            "SELECT user_id, emoji FROM chat.reactions WHERE room_id = $1 AND removed_at IS NULL", room
        )
        assert {(row["user_id"], row["emoji"]) for row in active} == {
            (ada, COLOURED),
            (bob, COLOURED),
            (cleo, COLOURED),
            (bob, ZAP),
        }
        # Pages and watchers see a change of the room, and of no other.
        counters = await admin.fetch("SELECT room_id, last_rev FROM chat.room_counters")
        assert {row["room_id"]: row["last_rev"] for row in counters} == {room: 10, quiet: 9}
        assert await admin.fetchval("SELECT count(*) FROM chat.reactions WHERE rev = 10") == 4
