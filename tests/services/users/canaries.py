"""Canaries: words that only one user has, in every column of all schemas that can hold one."""

from __future__ import annotations

import secrets
import string
from uuid import UUID

import asyncpg

from servicekit.ids import new_id
from tests.services.chat.rpc import test_erasure as chat

_TYPES = ("text", "character varying", "jsonb", "json", "bytea", "ARRAY", "USER-DEFINED")
_COLUMNS = """
    SELECT c.table_schema AS schema, c.table_name AS table, c.column_name AS column, c.data_type AS type
    FROM information_schema.columns AS c
    JOIN pg_class AS t ON t.oid = format('%I.%I', c.table_schema, c.table_name)::regclass
    WHERE c.table_schema IN ('users', 'chat', 'tracks') AND NOT t.relispartition
"""

# What an administrator or the service recorded stays; so does what is not the user's alone.
STAYS = {
    **{f"chat.{column}": reason for column, reason in chat.STAYS.items()},
    "users.admin_actions.reason": "the audit's: why an administrator acted",
    "users.admin_actions.request_id": "the audit's",
    "users.admin_actions.before": "the audit's; the service writes ids, roles, states and times there",
    "users.admin_actions.after": "the same",
    "tracks.track_refs.title": "the track's, as its provider has it",
}
_OF_USERS = {
    "users.users.email",
    "users.users.supabase_id",
    "users.users.display_name",
    "users.artist_profiles.artist_name",
    "users.artist_profiles.search_name",
    "users.artist_profiles.name_skeleton",
    "users.artist_profiles.bio",
    "users.artist_profiles.website_url",
    "users.artist_profiles.spotify_url",
    "users.artist_profiles.soundcloud_url",
    "users.verification_requests.target_host",
    "users.verification_requests.target_url",
    "users.verification_requests.claim_code",
    "users.verification_attempts.host",
}
FILLED = {*(f"chat.{column}" for column in chat.FILLED), *STAYS, *_OF_USERS}
"""Every column that can hold a user's words."""
ANONYMISED = FILLED - _OF_USERS - {
    "chat.reactions.emoji", "chat.reaction_tallies.emoji", "chat.reports.reason",
}  # fmt: skip
"""Those that still hold them after an erasure that leaves the texts of messages."""
_CODES = "one of the service's codes"
_CACHE = "a public page as the web has it, for a limited time"
_TRACK = "the track's, as its provider has it"
NOT_THE_USER_S = {
    **{f"chat.{column}": reason for column, reason in chat.NOT_THE_USER_S.items()},
    f"chat.{chat.MENTIONING}": "ids; tests/services/chat/rpc/test_erasure.py looks for them",
    "chat.messages.payload_hash": "a hash, empty when request_id is",
    "chat.rooms.payload_hash": "a hash, empty when request_id is",
    "users.users.role": _CODES,
    "users.verification_requests.target_kind": _CODES,
    "users.verification_requests.state": _CODES,
    "users.verification_attempts.cause": _CODES,
    "users.verification_attempts.stage": _CODES,
    "users.verification_attempts.failure": _CODES,
    "users.verification_attempts.proof": _CODES,
    "users.verification_transitions.from_state": _CODES,
    "users.verification_transitions.to_state": _CODES,
    "users.verification_transitions.actor_kind": _CODES,
    "users.admin_actions.actor_kind": _CODES,
    "users.admin_actions.action": _CODES,
    "users.admin_actions.delegate": "the service that acted for the actor",
    "users.erasure_jobs.mode": _CODES,
    "users.erasure_jobs.step": _CODES,
    "users.erasure_jobs.counts": "numbers by step",
    "users.refused_identities.identity_hash": "hashes of subject and address, deleted after a day",
    "users.leases.name": "the service's own",
    "tracks.leases.name": "the service's own",
    "tracks.track_refs.provider": _TRACK,
    "tracks.track_refs.provider_id": _TRACK,
    "tracks.track_refs.url": _TRACK,
    "tracks.track_refs.artist": _TRACK,
    "tracks.track_refs.artwork_url": _TRACK,
    "tracks.track_refs.isrc": _TRACK,
    "tracks.track_refs.metadata_state": _TRACK,
    "tracks.track_refs.search_text": _TRACK,
    "tracks.track_aliases.alias_key": _TRACK,
    "tracks.crawler_cache.url_hash": _CACHE,
    "tracks.crawler_cache.url": _CACHE,
    "tracks.crawler_cache.final_url": _CACHE,
    "tracks.crawler_cache.content_type": _CACHE,
    "tracks.crawler_cache.content": _CACHE,
    "tracks.crawler_cache.etag": _CACHE,
    "tracks.crawler_cache.error_kind": _CACHE,
    "tracks.backfills.name": "the service's own",
}
# The user's id stays where something did happen, and where an erasure must be known as done.
NAMED_STILL = {
    *(f"chat.{column}" for column in chat.NAMED_STILL),
    "users.users.id",
    "users.erasure_jobs.user_id",
    "users.admin_actions.actor_id",
    "users.admin_actions.target_id",
}


def new_word() -> str:
    """A word that nothing else contains, of letters that a claim code may have."""
    return "canary" + "".join(secrets.choice(string.ascii_lowercase + "234567") for _ in range(14))


async def text_columns(admin: asyncpg.Connection) -> set[str]:
    """Every column that can hold text, also inside JSON or bytes; partitions count as their table."""
    rows = await admin.fetch(_COLUMNS)
    return {f"{each['schema']}.{each['table']}.{each['column']}" for each in rows if each["type"] in _TYPES}


async def columns_with(admin: asyncpg.Connection, word: str) -> set[str]:
    """The columns that contain a word in some row. Bytes are compared as if they were text."""
    query = " UNION ALL ".join(
        f"SELECT '{each['schema']}.{each['table']}.{each['column']}' WHERE EXISTS"
        f" (SELECT FROM {each['schema']}.{each['table']} WHERE {_as_text(each)} ILIKE '%' || $1 || '%')"
        for each in await admin.fetch(_COLUMNS)
    )
    return {row[0] for row in await admin.fetch(query, word)}


def _as_text(column: asyncpg.Record) -> str:
    name = column["column"]
    return f"encode({name}, 'escape')" if column["type"] == "bytea" else f"{name}::text"


async def fill_users(admin: asyncpg.Connection, user_id: UUID, word: str) -> None:
    """Give a user canaries in all tables of the users service."""
    profile_id, claim_id = new_id(), new_id()
    await admin.execute("UPDATE users.users SET display_name = $2 WHERE id = $1", user_id, f"I am {word}")
    await admin.execute(
        "INSERT INTO users.artist_profiles (id, user_id, artist_name, search_name, name_skeleton, bio, website_url,"
        " spotify_url, soundcloud_url) VALUES ($1, $2, $3, $3, $3, $3, $4, $4, $4)",
        profile_id,
        user_id,
        f"the {word} band",
        f"https://{word}.example/",
    )
    await admin.execute(
        "INSERT INTO users.verification_requests (id, user_id, artist_profile_id, target_url, target_kind, claim_code,"
        " expires_at) VALUES ($1, $2, $3, $4, 'WEBSITE', $5, now() + interval '7 days')",
        claim_id,
        user_id,
        profile_id,
        f"https://{word}.example/",
        f"seda-verify-{word:a<26}",
    )
    await admin.execute(
        "INSERT INTO users.verification_attempts (id, request_id, cause, stage, failure, host, user_id)"
        " VALUES ($1, $2, 'OWNER', 'MATCH', 'CODE_NOT_FOUND', $3, $4)",
        new_id(),
        claim_id,
        f"{word}.example",
        user_id,
    )
    await admin.execute(
        "INSERT INTO users.verification_transitions (id, request_id, to_state, actor_kind, actor_id)"
        " VALUES ($1, $2, 'PENDING', 'USER', $3)",
        new_id(),
        claim_id,
        user_id,
    )
    for actor_id, target_id in ((user_id, new_id()), (new_id(), user_id)):
        await admin.execute(
            "INSERT INTO users.admin_actions (id, actor_kind, actor_id, action, target_id, before, after, reason,"
            " request_id) VALUES ($1, 'USER', $2, 'MUTE_USER', $3, $4, $4, $5, $5)",
            new_id(),
            actor_id,
            target_id,
            f'{{"a": "{word}"}}',
            f"because {word}",
        )
