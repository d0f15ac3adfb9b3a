"""SQL of exporting a user's records: kind by kind, each in the order of an index.

Data about other users is left out: who acted on the user, and the states of others whom the user acted on.
"""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database
from servicekit.sql import Query
from services.users.domain.export import RecordKind

_NIL = UUID(int=0)


class Cursor(NamedTuple):
    """The last record of a page: its time where that orders the kind, and its ids. The default is before the first."""

    at: Micros = Micros(0)
    parent_id: UUID = _NIL
    id: UUID = _NIL


class ExportRow(NamedTuple):
    """A record: its cursor, and its fields as the text of a JSON object."""

    cursor: Cursor
    fields: str


# $1: the user, $2 to $4: the cursor, $5: the number of records. All kinds take all of them, and repeat what does not
# order them.
_Page = Query[ExportRow, UUID, Micros, UUID, UUID, int]
_FIELD_NAMES = {
    "checked_at": "check_time",
    "checking_until": "checking_expire_time",
    "created_at": "create_time",
    "erased_at": "erase_time",
    "expires_at": "expire_time",
    "finished_at": "finish_time",
    "muted_until": "mute_expire_time",
    "recheck_at": "recheck_time",
    "recheck_failed_at": "recheck_failure_time",
    "stale_at": "stale_time",
    "supabase_id": "subject",
    "suspended_until": "suspend_expire_time",
    "updated_at": "update_time",
    "verified_at": "verify_time",
}


def _record(alias: str, columns: str, *others: str, at: str = "$2", parent_id: str = "$3") -> str:
    """Return the select list of a record. `others` are further fields, each as "'name', value"."""
    values = {column: f"{alias}.{column}" for column in columns.split()}
    fields = [
        f"'{_FIELD_NAMES.get(column, column)}', {_instant(value) if column.endswith(('_at', '_until')) else value}"
        for column, value in values.items()
    ]
    return f"""
        {at}::timestamptz AS at, {parent_id}::uuid AS parent_id, {alias}.id AS id,
        jsonb_build_object({", ".join((*fields, *others))})::text AS fields
    """


def _instant(column: str) -> str:
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"


_USER = _Page(
    "users.export_user",
    f"""
    SELECT {
        _record(
            "u",
            "id email supabase_id display_name role muted_until suspended_until created_at updated_at erased_at",
        )
    }
    FROM users.users AS u WHERE u.id = $1 AND u.id > $4 ORDER BY u.id LIMIT $5
    """,
)
_ARTIST = _Page(
    "users.export_artist_profile",
    f"""
    SELECT {
        _record(
            "a",
            "id user_id artist_name bio verified verified_at website_url spotify_url soundcloud_url created_at"
            " updated_at",
        )
    }
    FROM users.artist_profiles AS a WHERE a.user_id = $1 AND a.id > $4 ORDER BY a.id LIMIT $5
    """,
)
_REQUESTS = _Page(
    "users.export_verification_requests",
    f"""
    SELECT {
        _record(
            "r",
            "id user_id artist_profile_id target_url target_host target_kind claim_code state attempt_count"
            " expires_at checking_until checked_at verified_at recheck_at recheck_failed_at stale_at created_at updated_at",
        )
    }
    FROM users.verification_requests AS r WHERE r.user_id = $1 AND r.id > $4 ORDER BY r.id LIMIT $5
    """,
)


def _of_requests(name: str, table: str, columns: str, *others: str) -> _Page:
    """Return a query for rows that belong to the user's requests. The bound occurs twice: each index serves one."""
    return _Page(
        name,
        f"""
        SELECT {_record("d", columns, *others, parent_id="r.id")}
        FROM users.verification_requests AS r
        JOIN users.{table} AS d ON d.request_id = r.id
        WHERE r.user_id = $1 AND r.id >= $3 AND (r.id, d.id) > ($3, $4)
        ORDER BY r.id, d.id LIMIT $5
        """,
    )


_ATTEMPTS = _of_requests(
    "users.export_verification_attempts",
    "verification_attempts",
    "id request_id cause stage failure proof status_code host user_id created_at",
)
_TRANSITIONS = _of_requests(
    "users.export_verification_transitions",
    "verification_transitions",
    "id request_id from_state to_state actor_kind created_at",
    "'actor_id', CASE WHEN d.actor_id = $1 THEN $1 END",
)
_ACTIONS = f"""
    SELECT {
    _record(
        "x",
        "id actor_kind action target_id reason created_at",
        "'actor_id', CASE WHEN x.actor_id = $1 THEN $1 END",
        "'before', CASE WHEN x.actor_id IS DISTINCT FROM $1 THEN x.before END",
        "'after', CASE WHEN x.actor_id IS DISTINCT FROM $1 THEN x.after END",
        "'call_id', CASE WHEN x.actor_id = $1 THEN x.request_id END",
        "'delegate', CASE WHEN x.actor_id = $1 THEN x.delegate END",
        at="x.created_at",
    )
}
    FROM users.admin_actions AS x
"""
_AFTER = "(x.created_at, x.id) > ($2, $4) ORDER BY x.created_at, x.id LIMIT $5"
# By the user; on the user; on what the user has. UNION drops what is found twice.
_ADMIN_ACTIONS = _Page(
    "users.export_admin_actions",
    f"""
    SELECT * FROM (
        ({_ACTIONS} WHERE x.actor_id = $1 AND {_AFTER})
        UNION
        ({_ACTIONS} WHERE x.target_id = $1 AND {_AFTER})
        UNION
        SELECT acted.* FROM (
            SELECT a.id FROM users.artist_profiles AS a WHERE a.user_id = $1
            UNION ALL
            SELECT r.id FROM users.verification_requests AS r WHERE r.user_id = $1
        ) AS own
        CROSS JOIN LATERAL ({_ACTIONS} WHERE x.target_id = own.id AND {_AFTER}) AS acted
    ) AS found
    ORDER BY at, id LIMIT $5
    """,
)
_ERASURE = _Page(
    "users.export_erasure",
    f"""
    SELECT {_record("j", "user_id mode step counts created_at updated_at finished_at")}
    FROM users.erasure_jobs AS j WHERE j.user_id = $1 AND j.id > $4 ORDER BY j.id LIMIT $5
    """,
)
_PAGES = {
    RecordKind.USER: _USER,
    RecordKind.ARTIST_PROFILE: _ARTIST,
    RecordKind.VERIFICATION_REQUEST: _REQUESTS,
    RecordKind.VERIFICATION_ATTEMPT: _ATTEMPTS,
    RecordKind.VERIFICATION_TRANSITION: _TRANSITIONS,
    RecordKind.ADMIN_ACTION: _ADMIN_ACTIONS,
    RecordKind.ERASURE: _ERASURE,
}


async def page(
    database: Database, user_id: UUID, kind: RecordKind, after: Cursor, limit: int
) -> list[ExportRow]:
    """Return records of one kind after a cursor."""
    return await database.rows(_PAGES[kind], user_id, *after, limit)
