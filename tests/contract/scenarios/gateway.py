"""The reasons of the gateway's own methods."""

from __future__ import annotations

from seda.gateway.v1.gateway_service_pb2 import EraseMeRequest
from seda.users.v1.erasure_service_pb2 import ERASURE_MODE_TOMBSTONE
from tests.contract.scenarios.context import Scenario, ScenarioContext
from tests.contract.suite import Outcome
from tests.services.chat.chat_client import new_user


async def _erasing_another(context: ScenarioContext) -> Outcome:
    request = EraseMeRequest(mode=ERASURE_MODE_TOMBSTONE, confirm_email=new_user())
    return await context.refusal("gateway", "seda.gateway.v1.GatewayService.EraseMe", request, new_user())


SCENARIOS: dict[str, Scenario] = {"CONFIRMATION_MISMATCH": _erasing_another}
