"""Converters of UserService."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from seda.rpc.v1 import caller_pb2
from seda.users.v1 import user_pb2, user_service_pb2
from servicekit.caller import Caller, Role
from servicekit.clock import Micros
from servicekit.field_mask import masked_fields
from servicekit.pagination import MAX_TIMESTAMP
from servicekit.timestamps import from_proto, to_proto
from services.users.domain.users import (
    UPDATABLE_FIELDS,
    ProfileUpdate,
    UserFilter,
    can_see_private_fields,
    etag_of,
)
from services.users.store.users import SummaryRow, UserRow

ROLES = {str(role): caller_pb2.Role.Value(f"ROLE_{role}") for role in Role}


def put_user(into: user_pb2.User, row: UserRow, caller: Caller) -> None:
    """Fill a User from its row, with the fields that the caller may see."""
    into.id = str(row.id)
    into.display_name = row.display_name
    into.role = ROLES[row.role]
    to_proto(into.create_time, row.created_at)
    to_proto(into.update_time, row.updated_at)
    into.etag = etag_of(row.updated_at)
    if not can_see_private_fields(caller, row.id):
        return
    into.email = row.email or ""
    if row.muted_until is not None:
        to_proto(into.mute_expire_time, row.muted_until)
    if row.suspended_until is not None:
        to_proto(into.suspend_expire_time, row.suspended_until)


def get_user_response(row: UserRow, caller: Caller) -> user_service_pb2.GetUserResponse:
    """Build the response of GetUser."""
    response = user_service_pb2.GetUserResponse()
    put_user(response.user, row, caller)
    return response


def find_user_response(row: UserRow, caller: Caller) -> user_service_pb2.FindUserResponse:
    """Build the response of FindUser."""
    response = user_service_pb2.FindUserResponse()
    put_user(response.user, row, caller)
    return response


def list_users_response(
    rows: Iterable[UserRow], next_page_token: str, caller: Caller
) -> user_service_pb2.ListUsersResponse:
    """Build the response of ListUsers."""
    response = user_service_pb2.ListUsersResponse(next_page_token=next_page_token)
    for row in rows:
        put_user(response.users.add(), row, caller)
    return response


def update_user_response(row: UserRow, caller: Caller) -> user_service_pb2.UpdateUserResponse:
    """Build the response of UpdateUser."""
    response = user_service_pb2.UpdateUserResponse()
    put_user(response.user, row, caller)
    return response


def put_summary(into: user_pb2.UserSummary, row: SummaryRow) -> None:
    """Fill a UserSummary from its row."""
    into.id = str(row.id)
    into.display_name = row.display_name
    into.role = ROLES[row.role]


def lookup_users_response(
    found: Iterable[SummaryRow], missing: Iterable[UUID]
) -> user_service_pb2.LookupUsersResponse:
    """Build the response of LookupUsers."""
    response = user_service_pb2.LookupUsersResponse()
    for row in found:
        put_summary(response.users.add(), row)
    response.missing_ids.extend(str(each) for each in missing)
    return response


def role_from_proto(role: caller_pb2.Role.ValueType) -> Role:
    """Convert a role."""
    return Role(caller_pb2.Role.Name(role).removeprefix("ROLE_"))


class _TimeRange(Protocol):
    """A request that is limited to a time range."""

    @property
    def start_time(self) -> Timestamp:
        """Inclusive; absent: all."""

    @property
    def end_time(self) -> Timestamp:
        """Exclusive; absent: all."""

    def HasField(self, field_name: Literal["start_time", "end_time"], /) -> bool:  # noqa: N802 - protobuf's
        """Whether a field is set."""


def time_range(request: _TimeRange) -> tuple[Micros, Micros]:
    """Return the first time of the range and the first one after it."""
    start = from_proto(request.start_time) if request.HasField("start_time") else Micros(0)
    end = from_proto(request.end_time) if request.HasField("end_time") else Micros(MAX_TIMESTAMP)
    return start, end


def user_filter(request: user_service_pb2.ListUsersRequest) -> UserFilter:
    """Convert the filter of a ListUsers request."""
    role = role_from_proto(request.role) if request.role else None
    return UserFilter(role, request.muted, request.suspended, *time_range(request))


def parse_ids(texts: Iterable[str]) -> list[UUID]:
    """Parse ids that validation has checked."""
    return [UUID(text) for text in texts]


def profile_update(request: user_service_pb2.UpdateUserRequest) -> ProfileUpdate:
    """Convert an UpdateUser request. Raises InvalidFieldsError for an invalid update_mask."""
    user = request.user
    fields = masked_fields(user, request.update_mask, UPDATABLE_FIELDS)
    return ProfileUpdate(UUID(user.id), user.display_name if "display_name" in fields else None, user.etag)
