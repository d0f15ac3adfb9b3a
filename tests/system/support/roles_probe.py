"""The probe service for users with the roles that they really have: python -m tests.system.support.roles_probe."""

from __future__ import annotations

from typing import Any, ClassVar

from seda.users.internal.v1 import identity_service_pb2
from seda.users.internal.v1.identity_service_pb2 import ResolveCallerRequest
from seda.users.internal.v1.identity_service_pb2_grpc import IdentityServiceStub
from servicekit.call import Call
from servicekit.process import App, AppContext, main
from servicekit.remote_resolver import RemoteResolver
from servicekit.setting_types import Target
from servicekit.settings import ServiceSettings
from tests.probe import ProbeResponse
from tests.servicekit.probe_process import Ready
from tests.servicekit.probe_server import Probe, servicers

_IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]


class Settings(ServiceSettings):
    """Under the name of chat, which may ask who somebody is."""

    process: ClassVar[str] = "chat"
    has_database: ClassVar[bool] = False

    users_target: Target = "127.0.0.1:7401"


async def _echo(request: Any, _call: Call) -> Any:
    return ProbeResponse(text=request.text)


def build(context: AppContext[Any]) -> App:
    """Put the service together."""
    users = context.service_client("users", _IDENTITY)
    resolver = RemoteResolver(
        users, IdentityServiceStub(users.retrying_channel).ResolveCaller, ResolveCallerRequest
    )
    return App(servicers=servicers(Probe(_echo)), resolver=resolver, workers=[Ready(context)])


if __name__ == "__main__":
    main(Settings, build)
