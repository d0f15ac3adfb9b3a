"""Statements that read and write artist profiles by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from search_text import normalize_text
from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.sql import Command, Query
from services.users.domain.artists import ArtistValues
from services.users.domain.name_skeleton import name_skeleton
from services.users.domain.users import etag_of
from services.users.store.users import SummaryRow


class ArtistRow(NamedTuple):
    """An artist profile."""

    id: UUID
    user_id: UUID
    artist_name: str
    bio: str
    website_url: str | None
    spotify_url: str | None
    soundcloud_url: str | None
    verified_at: Micros | None
    created_at: Micros
    updated_at: Micros

    @property
    def values(self) -> ArtistValues:
        """What the user set."""
        return ArtistValues(*self[2:7])

    @property
    def etag(self) -> str:
        """The etag of this state."""
        return etag_of(self.updated_at)


class ArtistOfUserRow(NamedTuple):
    """An artist profile and its user; None while that user is being erased."""

    artist: ArtistRow
    user: SummaryRow | None


class MarkRow(NamedTuple):
    """The mark beside an artist's messages."""

    user_id: UUID
    id: UUID
    artist_name: str
    verified: bool


class CallerRow(NamedTuple):
    """Whether the caller is suspended, whether the profile is another user's, and the profile if it is the caller's."""

    suspended: bool
    of_another: bool
    artist: ArtistRow | None


class LookalikeRow(NamedTuple):
    """A profile whose name looks like another one."""

    id: UUID
    artist_name: str


ARTIST_COLUMNS = ", ".join(f"a.{column}" for column in ArtistRow._fields)

_WITH_USER = f"""
    SELECT {ARTIST_COLUMNS}, u.id, u.display_name, u.role
    FROM users.artist_profiles a LEFT JOIN users.users u ON u.id = a.user_id AND u.erased_at IS NULL
"""
_GET = Query[ArtistOfUserRow, UUID]("users.get_artist", f"{_WITH_USER} WHERE a.id = $1")
_GET_BY_USER = Query[ArtistOfUserRow, UUID]("users.get_artist_of_user", f"{_WITH_USER} WHERE a.user_id = $1")
_LOOKUP = Query[MarkRow, list[UUID]](
    "users.lookup_artists",
    "SELECT user_id, id, artist_name, verified FROM users.artist_profiles WHERE user_id = ANY ($1)",
)

# The lock of the user's row keeps a suspension or an erasure from passing between the check and the commit.
_ADD = Query[ArtistRow, UUID, UUID, str, str, str, str, str | None, str | None, str | None](
    "users.add_artist",
    f"""
    WITH owner AS MATERIALIZED (
        SELECT id FROM users.users
        WHERE id = $2 AND erased_at IS NULL
            AND (suspended_until IS NULL OR suspended_until <= clock_timestamp())
        FOR SHARE
    )
    INSERT INTO users.artist_profiles AS a (
        id, user_id, artist_name, search_name, name_skeleton, bio, website_url, spotify_url, soundcloud_url
    )
    SELECT $1, id, $3, $4, $5, $6, $7, $8, $9 FROM owner
    ON CONFLICT (user_id) DO NOTHING
    RETURNING {ARTIST_COLUMNS}
    """,
)

_SUSPENDED = "coalesce(u.suspended_until > clock_timestamp(), false) AS suspended"
_OF_CALLER = Query[CallerRow, UUID](
    "users.artist_of_caller",
    f"""
    SELECT {_SUSPENDED}, false AS of_another, {ARTIST_COLUMNS}
    FROM users.users u LEFT JOIN users.artist_profiles a ON a.user_id = u.id
    WHERE u.id = $1 AND u.erased_at IS NULL
    """,
)

# $1: the profile, $2: the caller. Only the caller's own profile is locked.
_LOCK = Query[CallerRow, UUID, UUID](
    "users.lock_artist",
    f"""
    WITH a AS MATERIALIZED (
        SELECT * FROM users.artist_profiles WHERE id = $1 AND user_id = $2 FOR UPDATE
    )
    SELECT {_SUSPENDED},
           EXISTS (SELECT FROM users.artist_profiles WHERE id = $1 AND user_id <> $2) AS of_another,
           {ARTIST_COLUMNS}
    FROM users.users u LEFT JOIN a ON true
    WHERE u.id = $2 AND u.erased_at IS NULL
    """,
)

# updated_at always grows, even if the clock does not: etags are made of it.
_UPDATE = Query[ArtistRow, UUID, str, str, str, str, str | None, str | None, str | None](
    "users.update_artist",
    f"""
    UPDATE users.artist_profiles AS a
    SET artist_name = $2, search_name = $3, name_skeleton = $4, bio = $5,
        website_url = $6, spotify_url = $7, soundcloud_url = $8,
        updated_at = greatest(clock_timestamp(), a.updated_at + interval '1 microsecond')
    WHERE a.id = $1
    RETURNING {ARTIST_COLUMNS}
    """,
)
_DELETE = Command[UUID]("users.delete_artist", "DELETE FROM users.artist_profiles WHERE id = $1")

# $1: the profile that asks, $2: its name's skeleton, $3: its name for search. Names that differ in case or accents
# alone may have different skeletons: a capital Greek Nu looks like N, a small one like v.
_FIND_LOOKALIKE = Query[LookalikeRow, UUID, str, str](
    "users.find_lookalike",
    """
    SELECT id, artist_name FROM users.artist_profiles
    WHERE verified AND id <> $1 AND (name_skeleton = $2 OR search_name = $3)
    ORDER BY verified_at, id LIMIT 1
    """,
)


async def get(database: Database, artist_profile_id: UUID) -> ArtistOfUserRow | None:
    """Return one profile with its user."""
    return await database.row(_GET, artist_profile_id)


async def get_by_user(database: Database, user_id: UUID) -> ArtistOfUserRow | None:
    """Return the profile of a user with that user."""
    return await database.row(_GET_BY_USER, user_id)


async def lookup(database: Database, user_ids: Sequence[UUID]) -> list[MarkRow]:
    """Return the marks of the users that have a profile."""
    return await database.rows(_LOOKUP, list(user_ids))


async def add(
    database: Database, artist_profile_id: UUID, user_id: UUID, values: ArtistValues
) -> ArtistRow | None:
    """Insert a profile; return None if the user has one, is suspended or does not exist (see of_caller)."""
    return await database.row(_ADD, artist_profile_id, user_id, *_columns(values))


async def of_caller(database: Database, user_id: UUID) -> CallerRow | None:
    """Return the caller and their profile; None if there is no such user."""
    return await database.row(_OF_CALLER, user_id)


async def lock(session: Session, artist_profile_id: UUID, user_id: UUID) -> CallerRow | None:
    """Return the caller and their profile, locked until the transaction ends; None if there is no such user."""
    return await session.row(_LOCK, artist_profile_id, user_id)


async def update(session: Session, artist_profile_id: UUID, values: ArtistValues) -> ArtistRow:
    """Update a locked profile and return it."""
    return await session.one(_UPDATE, artist_profile_id, *_columns(values))


async def delete(session: Session, artist_profile_id: UUID) -> None:
    """Delete a locked profile and its claims."""
    await session.execute(_DELETE, artist_profile_id)


async def find_lookalike(session: Session, artist_profile_id: UUID, artist_name: str) -> LookalikeRow | None:
    """Return the longest verified profile, other than this one, whose name looks like the given name."""
    return await session.row(
        _FIND_LOOKALIKE, artist_profile_id, name_skeleton(artist_name), normalize_text(artist_name)
    )


def _columns(values: ArtistValues) -> tuple[str, str, str, str, str | None, str | None, str | None]:
    """Return the values of the columns, with those that are computed from the name."""
    name = values.artist_name
    return name, normalize_text(name), name_skeleton(name), *values[1:]
