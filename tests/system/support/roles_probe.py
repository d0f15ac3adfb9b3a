"""The probe service for users with the roles that they really have: python -m tests.system.support.roles_probe."""

from __future__ import annotations

from typing import Any, ClassVar

from seda.users.internal.v1 import identity_service_pb2
from servicekit.call import Call
from servicekit.process import App, AppContext, main
from servicekit.settings import ServiceSettings
from services.chat.clients.users import RemoteResolver
from tests.probe import ProbeResponse
from tests.servicekit.probe_process import Ready
from tests.servicekit.probe_server import Probe, servicers

_IDENTITY = identity_service_pb2.DESCRIPTOR.services_by_name["IdentityService"]


class Settings(ServiceSettings):
    """Under the name of chat, which may ask who somebody is."""

    process: ClassVar[str] = "chat"
    has_database: ClassVar[bool] = False


async def _echo(request: Any, _call: Call) -> Any:
    return ProbeResponse(text=request.text)


def build(context: AppContext) -> App:
    """Put the service together."""
    resolver = RemoteResolver(context.service_client("users", _IDENTITY))
    return App(servicers=servicers(Probe(_echo)), resolver=resolver, workers=[Ready(context)])


if __name__ == "__main__":
    main(Settings, build)
