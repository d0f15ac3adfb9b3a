"""Converters of AdminService."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

import structlog
from google.protobuf import json_format

from seda.users.v1 import admin_pb2, admin_service_pb2, user_pb2
from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.ids import parse_optional_id
from servicekit.timestamps import from_proto, to_proto
from services.users.domain.admin import (
    UNTIL_LIFTED,
    Actor,
    ActorKind,
    AdminActionFilter,
    AdminActionType,
)
from services.users.store.admin import AdminActionRow
from services.users.store.users import UserRow
from services.users.wire.users import put_user, time_range

_log = structlog.get_logger("admin")


class _UserResponse(Protocol):
    """A response with a user."""

    @property
    def user(self) -> user_pb2.User:
        """The user."""


_Response = TypeVar("_Response", bound=_UserResponse)


def acting_user(caller: Caller) -> Actor:
    """Return the caller as the actor of an action."""
    return Actor(ActorKind.USER, caller.user_id)


def expires_at(
    request: admin_service_pb2.MuteUserRequest | admin_service_pb2.SuspendUserRequest,
) -> Micros:
    """Return when a mute or suspension ends."""
    return from_proto(request.expire_time) if request.HasField("expire_time") else UNTIL_LIFTED


def with_user(response: _Response, row: UserRow, caller: Caller) -> _Response:
    """Return the response of an action on a user."""
    put_user(response.user, row, caller)
    return response


def admin_action_filter(request: admin_service_pb2.ListAdminActionsRequest) -> AdminActionFilter:
    """Convert the filter of a ListAdminActions request."""
    name = admin_pb2.AdminActionType.Name(request.action).removeprefix("ADMIN_ACTION_TYPE_")
    return AdminActionFilter(
        parse_optional_id(request.actor_id),
        parse_optional_id(request.target_id),
        AdminActionType(name) if request.action else None,
        *time_range(request),
    )


def list_admin_actions_response(
    rows: Iterable[AdminActionRow], next_page_token: str
) -> admin_service_pb2.ListAdminActionsResponse:
    """Build the response of ListAdminActions."""
    response = admin_service_pb2.ListAdminActionsResponse(next_page_token=next_page_token)
    for row in rows:
        _put_admin_action(response.admin_actions.add(), row)
    return response


def _put_admin_action(into: admin_pb2.AdminAction, row: AdminActionRow) -> None:
    into.id = str(row.id)
    into.actor_kind = admin_pb2.AdminActorKind.Value(f"ADMIN_ACTOR_KIND_{row.actor_kind}")
    into.actor_id = "" if row.actor_id is None else str(row.actor_id)
    into.action = _action_type(row.action)
    into.target_id = str(row.target_id)
    json_format.Parse(row.before, into.before)
    json_format.Parse(row.after, into.after)
    into.reason = row.reason
    into.call_id = row.request_id
    into.delegate = row.delegate or ""
    to_proto(into.create_time, row.created_at)


def _action_type(action: str) -> admin_pb2.AdminActionType.ValueType:
    try:
        return admin_pb2.AdminActionType.Value(f"ADMIN_ACTION_TYPE_{action}")
    except ValueError:
        # During a rolling deployment, a newer build may have recorded an action that this one does not know.
        _log.warning("unknown_admin_action", action=action)
        return admin_pb2.ADMIN_ACTION_TYPE_UNSPECIFIED
