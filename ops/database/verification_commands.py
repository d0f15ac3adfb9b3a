"""`seda admin verification`: options in, a few lines or one JSON object out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.console import console
from ops.database.commands import run

if TYPE_CHECKING:
    from services.users.domain.verification import Decision

verification_app = typer.Typer(no_args_is_help=True, help="Decide about artists' claims of pages.")

_Claim = Annotated[str, typer.Argument(help="Id of the claim.", metavar="VERIFICATION_ID")]
_Reason = Annotated[str, typer.Option(help="Why, for the record.")]


@verification_app.callback()
def _verification() -> None:
    """Decide about artists' claims of pages."""


@verification_app.command("list")
def verification_list(
    state: Annotated[str | None, typer.Option(help="Only claims in this state, such as PENDING.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="The most claims to show.")] = 20,
) -> None:
    """List the newest claims, without their codes.

    Examples:
        seda admin verification list

        seda admin verification list --state PENDING --limit 100
    """
    from ops.database.connection import admin_dsn
    from ops.database.verification import list_claims

    claims = run(list_claims(admin_dsn(), state.upper() if state else None, limit))
    if console.json:
        console.result({"verifications": claims})
        return
    console.table(
        ("time", "verification", "state", "page", "user"),
        [
            (each.create_time, each.verification_id, each.state, each.target_url, each.user_id)
            for each in claims
        ],
    )


@verification_app.command("approve")
def verification_approve(claim: _Claim, reason: _Reason) -> None:
    """Verify a pending claim without its code; the act is recorded.

    Examples:
        seda admin verification approve 01a228a9-ac06-7432-807b-d89506680f05 --reason "Called the label"

        seda admin verification approve 01a228a9-ac06-7432-807b-d89506680f05 --reason "Met them" --json
    """
    from services.users.domain.verification import Decision

    _decide(claim, Decision.APPROVE, reason)


@verification_app.command("reject")
def verification_reject(claim: _Claim, reason: _Reason) -> None:
    """Reject a pending claim; the act is recorded.

    Examples:
        seda admin verification reject 01a228a9-ac06-7432-807b-d89506680f05 --reason "Not the artist"

        seda admin verification reject 01a228a9-ac06-7432-807b-d89506680f05 --reason "A fan page" --json
    """
    from services.users.domain.verification import Decision

    _decide(claim, Decision.REJECT, reason)


@verification_app.command("revoke")
def verification_revoke(claim: _Claim, reason: _Reason) -> None:
    """Revoke a verified claim; the act is recorded.

    Examples:
        seda admin verification revoke 01a228a9-ac06-7432-807b-d89506680f05 --reason "The page was sold"

        seda admin verification revoke 01a228a9-ac06-7432-807b-d89506680f05 --reason "A mistake" --json
    """
    from services.users.domain.verification import Decision

    _decide(claim, Decision.REVOKE, reason)


def _decide(claim: str, decision: Decision, reason: str) -> None:
    from ops.database.connection import admin_dsn
    from ops.database.verification import decide

    done = run(decide(admin_dsn(), claim, decision, reason))
    console.result(done, f"{done.verification_id} is {done.state}: {done.target_url}")
