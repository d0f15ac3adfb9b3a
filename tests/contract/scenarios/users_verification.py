"""The reasons of the users service that claims of pages have."""

from __future__ import annotations

from uuid import uuid4

from seda.users.v1.verification_service_pb2 import (
    ApproveVerificationRequest,
    CheckVerificationRequest,
    GetVerificationRequest,
    RevokeVerificationRequest,
    StartVerificationRequest,
)
from servicekit.caller import Role
from tests.contract.scenarios.context import Scenario, ScenarioContext, unknown_id
from tests.contract.suite import Outcome
from tests.services.chat.chat_client import new_user
from tests.services.running import add_artist, add_user
from tests.services.users.verification_client import add_claim

_SERVICE = "seda.users.v1.VerificationService"


def _starting(url: str) -> Scenario:
    async def start(context: ScenarioContext) -> Outcome:
        email, _, profile_id = await _artist(context)
        return await _start(context, email, profile_id, url)

    return start


async def _verification_not_found(context: ScenarioContext) -> Outcome:
    request = GetVerificationRequest(verification_id=unknown_id())
    return await context.refusal("users", f"{_SERVICE}.GetVerification", request, new_user())


async def _verification_state(context: ScenarioContext) -> Outcome:
    _, user_id, profile_id = await _artist(context)
    claim_id = await add_claim(context.admin, user_id, profile_id)
    request = RevokeVerificationRequest(verification_id=claim_id, reason="because")
    return await context.refusal("users", f"{_SERVICE}.RevokeVerification", request, await _root(context))


async def _verification_limit(context: ScenarioContext) -> Outcome:
    email, user_id, profile_id = await _artist(context)
    for _ in range(3):
        await add_claim(context.admin, user_id, profile_id)
    return await _start(context, email, profile_id, "https://ada.example.com/")


async def _target_already_claimed(context: ScenarioContext) -> Outcome:
    url = f"https://{uuid4().hex}.invalid/"
    _, user_id, profile_id = await _artist(context)
    await _approve(context, await add_claim(context.admin, user_id, profile_id, url))
    email, user_id, profile_id = await _artist(context)
    return await _check(context, email, await add_claim(context.admin, user_id, profile_id, url))


async def _lookalike_name(context: ScenarioContext) -> Outcome:
    name = f"Lake {uuid4()}"
    _, user_id, profile_id = await _artist(context, name)
    await _approve(context, await add_claim(context.admin, user_id, profile_id))
    email, user_id, profile_id = await _artist(context, name)
    return await _check(context, email, await add_claim(context.admin, user_id, profile_id))


async def _artist(context: ScenarioContext, name: str = "") -> tuple[str, str, str]:
    """A user with a profile: their address, their id and that of the profile."""
    email = new_user()
    user_id = await add_user(context.admin, email)
    return email, user_id, await add_artist(context.admin, user_id, name or f"Artist {uuid4()}")


async def _root(context: ScenarioContext) -> str:
    email = new_user()
    await add_user(context.admin, email, role=Role.ADMIN)
    return email


async def _start(context: ScenarioContext, email: str, profile_id: str, url: str) -> Outcome:
    request = StartVerificationRequest(artist_profile_id=profile_id, target_url=url)
    return await context.refusal("users", f"{_SERVICE}.StartVerification", request, email)


async def _check(context: ScenarioContext, email: str, claim_id: str) -> Outcome:
    request = CheckVerificationRequest(verification_id=claim_id)
    return await context.refusal("users", f"{_SERVICE}.CheckVerification", request, email)


async def _approve(context: ScenarioContext, claim_id: str) -> Outcome:
    request = ApproveVerificationRequest(verification_id=claim_id, reason="because")
    return await context.refusal("users", f"{_SERVICE}.ApproveVerification", request, await _root(context))


SCENARIOS: dict[str, Scenario] = {
    "VERIFICATION_NOT_FOUND": _verification_not_found,
    "INVALID_TARGET": _starting("ada.example.com"),
    "TARGET_HOST_REFUSED": _starting("https://10.0.0.1/"),
    "NOT_A_PROFILE_PAGE": _starting("https://soundcloud.com/ada/song"),
    "VERIFICATION_STATE": _verification_state,
    "VERIFICATION_LIMIT": _verification_limit,
    "TARGET_ALREADY_CLAIMED": _target_already_claimed,
    "LOOKALIKE_NAME": _lookalike_name,
}
