"""VerificationService."""

from __future__ import annotations

from seda.users.v1 import verification_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id
from services.users.actions import verification, verification_check, verification_review
from services.users.actions.deps import VerificationDeps
from services.users.domain.verification import Decision
from services.users.store.verification import ClaimRow
from services.users.wire import verification as wire
from services.users.wire.admin import acting_user


class VerificationServicer:
    """Verifies artist profiles by claim codes."""

    descriptor = pb.DESCRIPTOR.services_by_name["VerificationService"]

    def __init__(self, deps: VerificationDeps) -> None:
        self._deps = deps

    async def StartVerification(
        self, request: pb.StartVerificationRequest, call: Call
    ) -> pb.StartVerificationResponse:
        """See the contract."""
        claim = await verification.start_verification(
            self._deps, call.caller, parse_id(request.artist_profile_id), request.target_url
        )
        response = pb.StartVerificationResponse()
        wire.fill_verification(response.verification, claim)
        wire.fill_instructions(response.instructions, claim)
        return response

    async def GetVerification(
        self, request: pb.GetVerificationRequest, call: Call
    ) -> pb.GetVerificationResponse:
        """See the contract."""
        claim, attempt = await verification.get_verification(
            self._deps, call.caller, parse_id(request.verification_id), as_admin=request.as_admin
        )
        response = pb.GetVerificationResponse()
        wire.fill_verification(response.verification, claim)
        wire.fill_instructions(response.instructions, claim)
        if attempt is not None:
            wire.fill_attempt(response.last_attempt, attempt)
        return response

    async def ListVerifications(
        self, request: pb.ListVerificationsRequest, call: Call
    ) -> pb.ListVerificationsResponse:
        """See the contract."""
        response = pb.ListVerificationsResponse()
        found, response.next_page_token = await verification.list_verifications(
            self._deps, call.caller, wire.listing(request)
        )
        for each in found:
            wire.fill_verification(response.verifications.add(), each)
        return response

    async def CheckVerification(
        self, request: pb.CheckVerificationRequest, call: Call
    ) -> pb.CheckVerificationResponse:
        """See the contract."""
        claim = await verification_check.check_verification(
            self._deps, call.caller, parse_id(request.verification_id)
        )
        response = pb.CheckVerificationResponse()
        wire.fill_verification(response.verification, claim)
        return response

    async def CancelVerification(
        self, request: pb.CancelVerificationRequest, call: Call
    ) -> pb.CancelVerificationResponse:
        """See the contract."""
        claim = await verification.cancel_verification(
            self._deps, call.caller, parse_id(request.verification_id)
        )
        response = pb.CancelVerificationResponse()
        wire.fill_verification(response.verification, claim)
        return response

    async def ListAttempts(self, request: pb.ListAttemptsRequest, call: Call) -> pb.ListAttemptsResponse:
        """See the contract."""
        response = pb.ListAttemptsResponse()
        found, response.next_page_token = await verification.list_attempts(
            self._deps, call.caller, parse_id(request.verification_id), wire.attempt_listing(request)
        )
        for each in found:
            wire.fill_attempt(response.attempts.add(), each)
        return response

    async def ApproveVerification(
        self, request: pb.ApproveVerificationRequest, call: Call
    ) -> pb.ApproveVerificationResponse:
        """See the contract."""
        response = pb.ApproveVerificationResponse()
        wire.fill_verification(response.verification, await self._review(request, call, Decision.APPROVE))
        return response

    async def RejectVerification(
        self, request: pb.RejectVerificationRequest, call: Call
    ) -> pb.RejectVerificationResponse:
        """See the contract."""
        response = pb.RejectVerificationResponse()
        wire.fill_verification(response.verification, await self._review(request, call, Decision.REJECT))
        return response

    async def RevokeVerification(
        self, request: pb.RevokeVerificationRequest, call: Call
    ) -> pb.RevokeVerificationResponse:
        """See the contract."""
        response = pb.RevokeVerificationResponse()
        wire.fill_verification(response.verification, await self._review(request, call, Decision.REVOKE))
        return response

    async def _review(
        self,
        request: pb.ApproveVerificationRequest | pb.RejectVerificationRequest | pb.RevokeVerificationRequest,
        call: Call,
        decision: Decision,
    ) -> ClaimRow:
        return await verification_review.review_verification(
            self._deps.database,
            acting_user(call.caller),
            parse_id(request.verification_id),
            decision,
            request.reason,
        )
