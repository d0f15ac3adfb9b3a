"""The composition root of the users service."""

from __future__ import annotations

from servicekit.process import App, AppContext
from services.users.actions.deps import Deps
from services.users.actions.identity import LocalResolver
from services.users.config import Settings
from services.users.rpc.admin import AdminServicer
from services.users.rpc.identity import IdentityServicer
from services.users.rpc.users import UserServicer

SCHEMA_HEAD = "20261129_2030"
"""The newest migration of schema users that this build needs."""


def build(context: AppContext[Settings]) -> App:
    """Build the service."""
    deps = Deps(context.database)
    return App(
        servicers=[UserServicer(deps), IdentityServicer(deps), AdminServicer(deps)],
        resolver=LocalResolver(deps),
        schema_head=SCHEMA_HEAD,
    )
