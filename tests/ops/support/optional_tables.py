"""The original's tables that not every database of it has: rows that fit, and rows that do not."""

from __future__ import annotations

import hashlib
import itertools
import json

from bench.dataset import uid

Broken = tuple[str, str, str, dict[str, object]]
"""Table, outcome, reason and values of a row that does not fit."""

# Users 0, 46 and 73 have profiles in the dataset, whatever its size.
_ARTISTS = (0, 46, 73)
_OF_PROFILES = "', '".join(str(uid("u", number)) for number in _ARTISTS)
_CODE = "'seda-verify-' || translate(left(md5(id), 26), '0189', 'wxyz')"
PREPARE = f"""
    UPDATE artist_profiles SET verified = (hashtext(id) % 2 = 0 OR user_id IN ('{_OF_PROFILES}')), verified_at = NULL;
    UPDATE artist_profiles SET verified_at = created_at + interval '1 day' WHERE verified;
    UPDATE artist_profiles SET artist_name = 'Velvet Sea' WHERE user_id = '{uid("u", 0)}';
    CREATE TABLE verification_requests (id text PRIMARY KEY, user_id text, claim_code text, status text, target_url text,
           created_at timestamp(3) DEFAULT '2024-03-01', expires_at timestamp(3));
    INSERT INTO verification_requests
    SELECT md5('claim' || id)::uuid, user_id, {_CODE}, CASE WHEN verified THEN 'APPROVED' ELSE 'PENDING' END, spotify_url,
           created_at, created_at + interval '2 days' FROM artist_profiles;
    CREATE TABLE admin_actions (id text PRIMARY KEY, admin_id text, action text, target_id text, details jsonb,
           created_at timestamp(3) DEFAULT '2024-03-01');
    INSERT INTO admin_actions
    SELECT md5('action' || id)::uuid, '{uid("u", 2)}', 'setRole', id, '{{"reason": "They asked for it."}}', created_at
      FROM users WHERE hashtext(id) % 10 = 0;
    CREATE TABLE track_refs (id text PRIMARY KEY, provider text, provider_id text, url text UNIQUE, title text, artist text,
           artwork text, duration int, created_at timestamp(3) DEFAULT '2024-03-01', UNIQUE (provider, provider_id));
    INSERT INTO track_refs
    SELECT md5('track' || id)::uuid, 'spotify', right(track_ref ->> 'url', 22), track_ref ->> 'url', track_ref ->> 'title',
           track_ref ->> 'artist', 'https://i.scdn.co/image/' || id, 200, created_at - interval '1 hour'
      FROM messages WHERE track_ref IS NOT NULL;
    CREATE TABLE moderation_logs (id text PRIMARY KEY, room_id text, moderator_id text, action text, reason text,
           created_at timestamp(3) DEFAULT '2024-03-01');
    INSERT INTO moderation_logs
    SELECT md5('log' || id || n)::uuid, id, '{uid("u", 3)}', 'DELETE_MESSAGE', 'Spam ' || n, created_at + n * interval '1 day'
      FROM rooms, generate_series(1, 3) n;
    ALTER TABLE reactions ADD COLUMN created_at timestamp(3);
    UPDATE reactions SET created_at = timestamp '2025-06-01' WHERE hashtext(id) % 2 = 0;
    CREATE TABLE crawler_cache (id text PRIMARY KEY, url text UNIQUE, content text, status_code int, expires_at timestamp(3));
    ALTER TABLE users ADD COLUMN avatar text, ADD COLUMN nickname text;
    UPDATE users SET avatar = 'https://img.example.com/1.png' WHERE id = '{uid("u", 7)}';
    CREATE TABLE playlists (id text PRIMARY KEY, name text);
    INSERT INTO playlists VALUES ('1', 'Late'), ('2', 'Later');
    CREATE TABLE _prisma_migrations (id text PRIMARY KEY);
    INSERT INTO _prisma_migrations VALUES ('1');
"""
UNKNOWN = [
    {"table": "playlists", "column": None, "outcome": "unknown", "reason": "TABLE_UNKNOWN", "rows": 2},
    {"table": "users", "column": "avatar", "outcome": "unknown", "reason": "COLUMN_UNKNOWN", "rows": 1},
]
_NUMBERS = itertools.count(1)
_LONG = "x" * 600
ROOM = str(uid("r", 1))


def _row(table: str, reason: str, outcome: str = "skipped", /, **values: object) -> Broken:
    return table, outcome, reason, {"id": f"30000000-0000-4000-8000-{next(_NUMBERS):012d}", **values}


def _claim(reason: str, outcome: str = "skipped", /, **values: object) -> Broken:
    row = {
        "user_id": str(uid("u", 46)),
        "status": "PENDING",
        "target_url": "https://sea.example.com/",
        **values,
    }
    return _row("verification_requests", reason, outcome, **({"claim_code": _code()} | row))


def _action(reason: str, outcome: str = "skipped", /, **values: object) -> Broken:
    row = {"admin_id": str(uid("u", 2)), "action": "MUTE_USER", "target_id": str(uid("u", 5)), **values}
    return _row("admin_actions", reason, outcome, **row)


def _log(reason: str, outcome: str = "skipped", /, **values: object) -> Broken:
    row = {"room_id": ROOM, "moderator_id": str(uid("u", 3)), "action": "MUTE_MEMBER", **values}
    return _row("moderation_logs", reason, outcome, **row)


def _track(reason: str, outcome: str = "skipped", /, **values: object) -> Broken:
    row = {"provider": "deezer", "title": "Title", "artist": "Artist", **values}
    return _row("track_refs", reason, outcome, **row)


def _code() -> str:
    return f"seda-verify-{'a' * 24}{chr(ord('a') + next(_NUMBERS) % 26)}z"


def _page(user: int) -> str:
    """The page of an artist of the dataset."""
    return f"https://open.spotify.com/artist/{hashlib.md5(str(uid('a', user)).encode(), usedforsecurity=False).hexdigest()[:22]}"


LOOKALIKE = _row(
    "artist_profiles",
    "VERIFIED_DROPPED",
    "changed",
    user_id=str(uid("u", 4)),
    artist_name="VeIvet Sea",
    verified=True,
    verified_at="2025-01-01",
)
BROKEN: list[Broken] = [
    LOOKALIKE,
    _claim("ID_INVALID", id="9"),
    _claim("ARTIST_UNKNOWN", user_id=str(uid("u", 5))),
    _claim("VALUE_MISSING", target_url=None),
    _claim("TARGET_INVALID", target_url="https://localhost/"),
    _claim("STATUS_UNKNOWN", status="MAYBE"),
    _claim("CODE_REPLACED", "changed", claim_code="CLAIM-1234"),
    _claim("DUPLICATE"),
    _claim("TARGET_TAKEN", status="VERIFIED", target_url=_page(0)),
    _claim("VERIFIED_DROPPED", "changed", status="verified", user_id=str(uid("u", 4))),
    _claim("TIME_UNKNOWN", "changed", created_at=None, target_url="https://sea.example.com/other"),
    _action("ID_INVALID", id="9"),
    _action("USER_UNKNOWN", admin_id="gone"),
    _action("TARGET_INVALID", target_id="everybody"),
    _action("ACTION_INVALID", action="42"),
    _action("ACTION_UNKNOWN", "changed", action="banUser"),
    _action("DETAILS_CHANGED", "changed", details=json.dumps({"words": _LONG})),
    _track("ID_INVALID", id="9", provider_id="1", url="https://www.deezer.com/track/1"),
    _track("TRACK_INVALID", provider="tape", provider_id="2", url="https://music.example.test/2"),
    _track(
        "PROVIDER_ID_CHANGED", "changed", provider_id="three", url="https://www.deezer.com/en/track/3?utm=x"
    ),
    _track("DUPLICATE", provider_id="3", url="https://www.deezer.com/track/3"),
    _track("DURATION_CHANGED", "changed", provider_id="4", url="https://www.deezer.com/track/4", duration=0),
    _track(
        "ARTWORK_CHANGED",
        "changed",
        provider_id="5",
        url="https://www.deezer.com/track/5",
        artwork="http://img.example.com/5",
    ),
    _log("ID_INVALID", id="9"),
    _log("USER_UNKNOWN", moderator_id="gone"),
    _log("ACTION_INVALID", action=""),
    _log("ACTION_UNKNOWN", "changed", action="warn"),
    _log("REASON_CHANGED", "changed", reason=_LONG),
    _log("ROOM_UNKNOWN", room_id="gone"),
    _row("crawler_cache", "NOT_TAKEN_OVER", url="https://example.com/", content="<html>", status_code=200),
]
