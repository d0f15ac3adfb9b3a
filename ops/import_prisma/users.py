"""Users of the original, their profiles as artists, and what administrators did."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from ops.import_prisma import rules
from ops.import_prisma.report import Report, Row, RowRejectedError
from search_text import normalize_text
from services.users.domain.admin import ActorKind, AdminActionType
from services.users.domain.name_skeleton import name_skeleton

_PROFILES = "artist_profiles"
_URLS = ("website_url", "spotify_url", "soundcloud_url")
_MAX_ACTION = 64
_KNOWN_ACTIONS = frozenset(map(str, AdminActionType))
_NO_REASON = "Taken over without a reason"


class User(NamedTuple):
    """A row of users.users."""

    id: UUID
    email: str
    supabase_id: str
    display_name: str
    role: str
    muted_until: datetime | None
    created_at: datetime
    updated_at: datetime


class Artist(NamedTuple):
    """A row of users.artist_profiles."""

    id: UUID
    user_id: UUID
    artist_name: str
    bio: str
    website_url: str | None
    spotify_url: str | None
    soundcloud_url: str | None
    search_name: str
    name_skeleton: str
    verified: bool
    verified_at: datetime | None
    created_at: datetime
    updated_at: datetime


class AdminAction(NamedTuple):
    """A row of users.admin_actions."""

    id: UUID
    actor_kind: str
    actor_id: UUID
    action: str
    target_id: UUID
    before: str
    after: str
    reason: str
    request_id: str
    created_at: datetime


class OpenClaim(NamedTuple):
    """A claim here that another one must not repeat."""

    id: UUID
    artist_profile_id: UUID
    target_url: str
    verified: bool


@dataclass(slots=True)
class Present:
    """What is in the database here already, which new rows must not collide with.

    `users` are e-mail addresses and subjects by id, `names` the users and both spellings of the names of verified profiles.
    """

    users: dict[UUID, tuple[str, str]] = field(default_factory=dict)
    names: list[tuple[UUID, str, str]] = field(default_factory=list)
    claims: list[OpenClaim] = field(default_factory=list)


def convert_users(rows: Iterable[Row], present: Present, report: Report) -> dict[UUID, User]:
    """Return the users that fit, by their ids."""
    users: dict[UUID, User] = {}
    taken = {value for pair in present.users.values() for value in pair}
    for user in report.accepted("users", rows, lambda row: _user(row, present.users, taken)):
        users[user.id] = user
        taken.update((user.email, user.supabase_id))
    return users


def _user(row: Row, present: Mapping[UUID, tuple[str, str]], taken: Collection[str]) -> User:
    user = rules.row_id(row["id"])
    email, subject = rules.identity(row)
    if present.get(user) != (email, subject):
        for value, reason in ((email, "EMAIL_TAKEN"), (subject, "SUBJECT_TAKEN")):
            if value in taken:
                raise RowRejectedError(reason)
    muted = rules.utc(row["muted_until"]) if row["muted_until"] else None
    times = muted, rules.utc(row["created_at"]), rules.utc(row["updated_at"])
    return User(user, email, subject, "", rules.platform_role(row["role"]), *times)


def convert_artists(
    rows: Iterable[Row], users: Collection[UUID], present: Present, report: Report
) -> dict[UUID, Artist]:
    """Return the profiles that fit, by their users. Those with another's name are not verified any more."""
    artists: dict[UUID, Artist] = {}
    for artist in report.accepted(_PROFILES, rows, lambda row: _artist(row, users, artists, report)):
        artists[artist.user_id] = artist
    others = [spellings for user, *spellings in present.names if user not in artists]
    names = {each for spellings in others for each in zip("sn", spellings, strict=True)}
    for artist in sorted(artists.values(), key=lambda each: (each.verified_at or each.created_at, each.id)):
        spellings = set(zip("sn", (artist.name_skeleton, artist.search_name), strict=True))
        if artist.verified and spellings & names:
            drop_mark(artists, artist, report)
        elif artist.verified:
            names |= spellings
    return artists


def _artist(row: Row, users: Collection[UUID], artists: Collection[UUID], report: Report) -> Artist:
    artist, user = rules.row_id(row["id"]), rules.optional_id(row["user_id"])
    if user is None or user not in users:
        raise RowRejectedError("USER_UNKNOWN")
    if user in artists:
        raise RowRejectedError("DUPLICATE")
    values, created = rules.artist_values(row), rules.utc(row["created_at"])
    report.change(
        _PROFILES,
        artist,
        *(f"{name.upper()}_DROPPED" for name in _URLS if row[name] and getattr(values, name) is None),
        NAME_CHANGED=len(row["artist_name"].strip()) > rules.MAX_ARTIST_NAME,
        BIO_CHANGED=values.bio != (row["bio"] or ""),
    )
    verified = rules.utc(row["verified_at"] or row["created_at"]) if row["verified"] else None
    name = values.artist_name
    spellings = normalize_text(name), name_skeleton(name)
    return Artist(artist, user, *values, *spellings, verified is not None, verified, created, created)


def drop_mark(artists: dict[UUID, Artist], artist: Artist, report: Report) -> None:
    """Make a profile unverified, and report it."""
    report.change(_PROFILES, artist.id, "VERIFIED_DROPPED")
    artists[artist.user_id] = artist._replace(verified=False, verified_at=None)


def convert_admin_actions(
    rows: Iterable[Row], users: Mapping[UUID, User], report: Report
) -> list[AdminAction]:
    """Return the entries of the audit log that fit. Their details are the reasons here."""
    return list(report.accepted("admin_actions", rows, lambda row: _admin_action(row, users, report)))


def _admin_action(row: Row, users: Mapping[UUID, User], report: Report) -> AdminAction:
    entry, actor = rules.row_id(row["id"]), rules.optional_id(row["admin_id"])
    action, target = rules.action(row["action"], _MAX_ACTION), rules.optional_id(row["target_id"])
    if actor is None or actor not in users:
        raise RowRejectedError("USER_UNKNOWN")
    if target is None:
        raise RowRejectedError("TARGET_INVALID")
    reason, changed = rules.audit_reason(row["details"])
    at = row["created_at"] or users[actor].created_at
    report.change(
        "admin_actions",
        entry,
        ACTION_UNKNOWN=action not in _KNOWN_ACTIONS,
        DETAILS_CHANGED=changed,
        TIME_UNKNOWN=row["created_at"] is None,
    )
    words = reason or _NO_REASON
    return AdminAction(
        entry, ActorKind.USER, actor, action, target, "{}", "{}", words, rules.REQUEST_ID, rules.utc(at)
    )
