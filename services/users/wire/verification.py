"""Converters of VerificationService."""

from __future__ import annotations

from collections.abc import Iterable

from seda.users.v1 import verification_pb2 as pb
from seda.users.v1 import verification_service_pb2 as service_pb
from servicekit.pagination import page_size
from servicekit.timestamps import to_proto
from services.users.actions.verification import Listing
from services.users.domain.verification import State
from services.users.domain.verification_check import ProofKind
from services.users.domain.verification_proof import Proof, proofs
from services.users.domain.verification_target import Target, TargetKind
from services.users.store.verification import AttemptRow, ClaimRow

_PLACES = {
    ProofKind.META_TAG: "put {what} into the head of {where}",
    ProofKind.WELL_KNOWN: "publish the code as a line of {where}",
    ProofKind.PROVIDER_FIELD: "put the code into the {where} of your profile",
    ProofKind.PAGE_TEXT: "write the code visibly on {where}",
}


def listing(request: service_pb.ListVerificationsRequest) -> Listing:
    """Convert a ListVerifications request."""
    state = (
        State(pb.VerificationState.Name(request.state).removeprefix("VERIFICATION_STATE_"))
        if request.state
        else None
    )
    return Listing(request.as_admin, page_size(request.page_size), request.page_token, state)


def attempt_listing(request: service_pb.ListAttemptsRequest) -> Listing:
    """Convert a ListAttempts request."""
    return Listing(request.as_admin, page_size(request.page_size), request.page_token)


def target_kind(row: ClaimRow) -> pb.TargetKind.ValueType:
    """Return the kind of a claimed page."""
    return pb.TargetKind.Value(f"TARGET_KIND_{row.target_kind}")


def fill_verification(into: pb.Verification, row: ClaimRow) -> None:
    """Write a claim, for its owner or an administrator."""
    into.id = str(row.id)
    into.user_id = str(row.user_id)
    into.artist_profile_id = str(row.artist_profile_id)
    into.target_url = row.target_url
    into.target_kind = target_kind(row)
    into.state = pb.VerificationState.Value(f"VERIFICATION_STATE_{row.state}")
    into.code = row.claim_code
    into.attempt_count = row.attempt_count
    to_proto(into.expire_time, row.expires_at)
    to_proto(into.create_time, row.created_at)
    to_proto(into.update_time, row.updated_at)
    for time, at in (
        (into.check_time, row.checked_at),
        (into.verify_time, row.verified_at),
        (into.recheck_time, row.recheck_at),
        (into.stale_time, row.stale_at),
    ):
        if at is not None:
            to_proto(time, at)


def fill_instructions(into: pb.VerificationInstructions, row: ClaimRow) -> None:
    """Write how to prove a claim, as data and in a sentence."""
    found = proofs(Target(TargetKind(row.target_kind), row.target_url, row.target_host), row.claim_code)
    into.code = row.claim_code
    into.text = _sentence(row.claim_code, found)
    for each in found:
        proof = into.proofs.add()
        proof.kind = pb.ProofKind.Value(f"PROOF_KIND_{each.kind}")
        proof.where = each.where
        proof.what = each.what


def fill_attempt(into: pb.VerificationAttempt, row: AttemptRow) -> None:
    """Write a check."""
    into.id = str(row.id)
    into.cause = pb.CheckCause.Value(f"CHECK_CAUSE_{row.cause}")
    into.stage = pb.CheckStage.Value(f"CHECK_STAGE_{row.stage}")
    if row.failure is not None:
        into.failure = pb.CheckFailure.Value(f"CHECK_FAILURE_{row.failure}")
    if row.proof is not None:
        into.proof = pb.ProofKind.Value(f"PROOF_KIND_{row.proof}")
    into.status_code = row.status_code or 0
    to_proto(into.create_time, row.created_at)


def _sentence(code: str, found: Iterable[Proof]) -> str:
    ways = ", or ".join(_PLACES[each.kind].format(where=each.where, what=each.what) for each in found)
    return f"Your code is {code}: {ways}; then check the claim."
