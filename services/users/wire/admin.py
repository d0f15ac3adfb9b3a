"""Converters of AdminService."""

from __future__ import annotations

from seda.rpc.v1 import caller_pb2
from servicekit.caller import Caller, Role
from services.users.domain.admin import Actor, ActorKind


def acting_user(caller: Caller) -> Actor:
    """Return the caller as the actor of an action."""
    return Actor(ActorKind.USER, caller.user_id)


def role_from_proto(role: caller_pb2.Role.ValueType) -> Role:
    """Convert a role."""
    return Role(caller_pb2.Role.Name(role).removeprefix("ROLE_"))
