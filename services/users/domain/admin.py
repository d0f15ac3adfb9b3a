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
from services.users.domain.errors import LastAdminError, SelfActionError


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminAction:
    """An entry of the audit log. `before` and `after` hold ids, roles, states and times, never text or names."""

    actor: Actor
    action: AdminActionType
    target_id: UUID
    before: Mapping[str, object]
    after: Mapping[str, object]
    reason: str


class UserState(NamedTuple):
    """What administrative actions change of a user, and the database's time when it was read."""

    id: UUID
    role: str
    muted_until: Micros | None
    suspended_until: Micros | None
    now: Micros

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
