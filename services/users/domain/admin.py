"""Rules of administrative actions: who acts on whom, what changes, and what the audit log records."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from servicekit.caller import Role
from servicekit.clock import Micros
from servicekit.errors import AccessDeniedError, CallerSuspendedError
from servicekit.timestamps import format_rfc3339
from services.users.domain.errors import ExpireTimePassedError, LastAdminError, SelfActionError

UNTIL_LIFTED = Micros(253_402_300_799_000_000)
"""The end of a mute or suspension that holds until it is lifted: 9999-12-31T23:59:59Z."""


class ActorKind(enum.StrEnum):
    """What kind of actor an administrative action is by."""

    USER = "USER"
    SYSTEM = "SYSTEM"
    OPERATOR = "OPERATOR"


@dataclass(frozen=True, slots=True)
class Actor:
    """The actor of an administrative action. `user_id` is set exactly for a USER."""

    kind: ActorKind
    user_id: UUID | None = None


SYSTEM = Actor(ActorKind.SYSTEM)
"""A worker of the service."""

OPERATOR = Actor(ActorKind.OPERATOR)
"""Whoever runs the `seda` command."""


class AdminActionType(enum.StrEnum):
    """The actions of the audit log."""

    SET_ROLE = "SET_ROLE"
    MUTE_USER = "MUTE_USER"
    UNMUTE_USER = "UNMUTE_USER"
    SUSPEND_USER = "SUSPEND_USER"
    UNSUSPEND_USER = "UNSUSPEND_USER"
    ERASE_USER = "ERASE_USER"
    APPROVE_VERIFICATION = "APPROVE_VERIFICATION"
    REJECT_VERIFICATION = "REJECT_VERIFICATION"
    REVOKE_VERIFICATION = "REVOKE_VERIFICATION"
    VERIFY_ARTIST = "VERIFY_ARTIST"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAction:
    """An entry of the audit log. `before` and `after` hold ids, roles, states and times, never text or names."""

    actor: Actor
    action: AdminActionType
    target_id: UUID
    before: Mapping[str, object]
    after: Mapping[str, object]
    reason: str


@dataclass(frozen=True, slots=True)
class AdminActionFilter:
    """Which entries of the audit log to list; None: all. `start_at` is inclusive, `end_at` is not."""

    actor_id: UUID | None
    target_id: UUID | None
    action: AdminActionType | None
    start_at: Micros
    end_at: Micros


class UserState(NamedTuple):
    """What administrative actions change of a user, and the database's time when it was read."""

    id: UUID
    role: str
    muted_until: Micros | None
    suspended_until: Micros | None
    now: Micros

    @property
    def muted(self) -> bool:
        """Whether the user is muted at present."""
        return self.muted_until is not None and self.muted_until > self.now

    @property
    def suspended(self) -> bool:
        """Whether the user is suspended at present."""
        return self.suspended_until is not None and self.suspended_until > self.now

    @property
    def active_admin(self) -> bool:
        """Whether the user is an administrator who may act."""
        return self.role == Role.ADMIN and not self.suspended


def check_not_self(actor: Actor, target_id: UUID) -> None:
    """Raise SelfActionError if the actor acts on themselves."""
    if actor.user_id == target_id:
        raise SelfActionError


def check_not_suspended(actor: Actor, state: UserState | None) -> None:
    """Raise CallerSuspendedError if the actor is a suspended user."""
    if actor.kind is ActorKind.USER and state is not None and state.suspended:
        raise CallerSuspendedError


def check_still_admin(actor: Actor, state: UserState | None) -> None:
    """Raise AccessDeniedError if the actor is a user who has lost the role since the caller was cached."""
    if actor.kind is ActorKind.USER and (state is None or state.role != Role.ADMIN):
        raise AccessDeniedError(Role.ADMIN)


def check_admin_remains(before: UserState, after: UserState, users: Collection[UserState]) -> None:
    """Raise LastAdminError if a change of one user leaves no administrator who is not suspended.

    `users` has all administrators.
    """
    loses = before.role == Role.ADMIN and not after.active_admin
    unchanged = (before.role, before.suspended_until) == (after.role, after.suspended_until)
    if loses and not unchanged and not any(each.active_admin for each in users if each.id != before.id):
        raise LastAdminError


def mute(user: UserState, until: Micros) -> UserState:
    """Return the user muted until then. Raises ExpireTimePassedError, except for the time that is set already."""
    _check_future(until, user.muted_until, user.now)
    return user._replace(muted_until=until)


def unmute(user: UserState) -> UserState:
    """Return the user without an active mute."""
    return user._replace(muted_until=None) if user.muted else user


def suspend(user: UserState, until: Micros) -> UserState:
    """Return the user suspended until then. Raises ExpireTimePassedError, except for the time that is set already."""
    _check_future(until, user.suspended_until, user.now)
    return user._replace(suspended_until=until)


def unsuspend(user: UserState) -> UserState:
    """Return the user without an active suspension."""
    return user._replace(suspended_until=None) if user.suspended else user


def _check_future(until: Micros, present: Micros | None, now: Micros) -> None:
    # A repeated request may arrive after its time.
    if until <= now and until != present:
        raise ExpireTimePassedError


def logged_changes(before: UserState, after: UserState) -> tuple[dict[str, object], dict[str, object]]:
    """Return the fields that differ, as the audit log has them."""
    old, new = _logged(before), _logged(after)
    changed = [name for name in old if old[name] != new[name]]
    return {name: old[name] for name in changed}, {name: new[name] for name in changed}


def _logged(state: UserState) -> dict[str, object]:
    return {
        "role": state.role,
        "mute_expire_time": _time(state.muted_until),
        "suspend_expire_time": _time(state.suspended_until),
    }


def _time(at: Micros | None) -> str | None:
    return None if at is None else format_rfc3339(at)
