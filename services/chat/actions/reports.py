"""ModerationService: reports and their resolution."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from servicekit.caller import Caller
from servicekit.database import Session
from servicekit.errors import PageTokenMismatchError
from servicekit.ids import new_id
from servicekit.pagination import decode_id, decode_token, encode_token, fingerprint, paginate
from services.chat.actions.authorization import ActingAs, audited_read, run_as_moderator
from services.chat.actions.deps import Deps
from services.chat.actions.room_transaction import RoomTransaction, write_in_room
from services.chat.domain.errors import (
    MessageNotFoundError,
    ReportNotFoundError,
    RequestIdReusedError,
    SystemMessageError,
)
from services.chat.domain.model import MessageType, ModerationAction, Position, Report, ReportState
from services.chat.domain.pagination import MAX_SEQ
from services.chat.domain.permissions import Actor
from services.chat.domain.visibility import check_member, check_room_visible
from services.chat.store import reports as store
from services.chat.store.rooms import Reader

_LAST_ID = UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class ReportListing:
    """A ListReports request. `state` None: any."""

    acting_as: ActingAs
    state: ReportState | None
    page_size: int
    page_token: str


@dataclass(frozen=True, slots=True)
class ReportDraft:
    """A report to make."""

    room_id: UUID
    message_id: UUID
    reason: str
    request_id: UUID | None


async def report_message(
    deps: Deps, caller: Caller, draft: ReportDraft
) -> tuple[tuple[Report, bool], Position]:
    """Report a live message; also returns whether an earlier call with the same request id had made the report.

    While a report of the caller is open, it is returned again at no charge.
    """
    charge = deps.limits.reports.deferred_hit(caller.user_id)

    async def operation(tx: RoomTransaction) -> tuple[Report, bool]:
        membership = check_room_visible(draft.room_id, tx.membership)
        # Before every other rule: a repeated call gets its report even if its caller may no longer report.
        if (earlier := await _earlier(tx.session, caller, draft)) is not None:
            return earlier, True
        check_member(membership)
        message = await store.report_target(tx.session, draft.room_id, draft.message_id, caller.user_id)
        if message is None or message.deleted:
            raise MessageNotFoundError(draft.message_id)
        if message.type == MessageType.SYSTEM:
            raise SystemMessageError
        if not message.already_open:
            charge()
        made = await store.add_report(
            tx.session,
            draft.room_id,
            report_id=new_id(),
            message_id=draft.message_id,
            reporter_id=caller.user_id,
            reason=draft.reason,
            request_id=draft.request_id,
            rev=tx.last_rev + 1,
        )
        if not message.already_open:
            tx.next_rev()
        return made, False

    return await write_in_room(deps, caller, draft.room_id, operation)


async def _earlier(session: Session, caller: Caller, draft: ReportDraft) -> Report | None:
    if draft.request_id is None:
        return None
    made = await store.by_request_id(session, draft.room_id, caller.user_id, draft.request_id)
    if made is None:
        return None
    if (made.message_id, made.reason) != (draft.message_id, draft.reason):
        raise RequestIdReusedError(draft.request_id)
    # Only moderators see who resolved it.
    return replace(made, resolved_by=None)


async def list_reports(deps: Deps, caller: Caller, listing: ReportListing) -> tuple[list[Report], str]:
    """Return a page of reports, the newest first, and the next page's token."""
    acting_as, size = listing.acting_as, listing.page_size
    request_fingerprint = fingerprint(
        "ListReports", caller.user_id, acting_as.room_id, acting_as.as_admin, listing.state
    )
    before = _decode(listing.page_token, request_fingerprint)

    async def read(session: Reader) -> list[Report]:
        return await store.reports(
            session,
            acting_as.room_id,
            state=listing.state,
            before=before,
            limit=size + 1,
        )

    found = await audited_read(deps, caller, acting_as, read, ModerationAction.READ_REPORTS)
    return paginate(
        found, size, lambda last: encode_token(request_fingerprint, (last.created_rev,), (str(last.id),))
    )


def _decode(token: str, request_fingerprint: int) -> tuple[int, UUID]:
    if not token:
        return MAX_SEQ, _LAST_ID
    cursor = decode_token(token, request_fingerprint)
    match list(cursor.numbers):
        case [rev]:
            return rev, decode_id(cursor.texts)
        case _:
            raise PageTokenMismatchError


async def resolve_report(
    deps: Deps, caller: Caller, acting_as: ActingAs, report_id: UUID, state: ReportState, reason: str
) -> tuple[Report, Position]:
    """Resolve a report; the same state again changes nothing."""

    async def operation(tx: RoomTransaction, actor: Actor) -> Report:
        report = await store.report(tx.session, acting_as.room_id, report_id)
        if report is None:
            raise ReportNotFoundError(report_id)
        if report.state is state:
            return report
        resolved = await store.resolve_report(
            tx.session, acting_as.room_id, report_id, state=state, resolved_by=actor.user_id
        )
        await tx.audit(
            actor,
            ModerationAction.RESOLVE_REPORT,
            user_id=await store.message_author(tx.session, acting_as.room_id, report.message_id),
            message_id=report.message_id,
            reason=reason,
            before={"report_id": str(report_id), "state": report.state},
            after={"report_id": str(report_id), "state": state},
        )
        return resolved

    return await run_as_moderator(deps, caller, acting_as, operation)
