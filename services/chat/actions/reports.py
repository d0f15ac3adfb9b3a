"""ModerationService: what members report, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from servicekit.caller import Caller
from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.ids import new_id
from servicekit.pages import LAST_INSTANT, decode_instant, encode_token, fingerprint, page_of
from services.chat.actions.changing import Change
from services.chat.actions.deps import Deps
from services.chat.actions.moderating import Authority, inspect, moderate
from services.chat.domain.acting import Actor
from services.chat.domain.errors import MessageNotFoundError, ReportNotFoundError, SystemMessageError
from services.chat.domain.model import MessageType, Report, ReportState
from services.chat.domain.visibility import check_writer
from services.chat.store import moderation as store
from services.chat.store import rooms
from services.chat.store.rooms import Reader

_LAST_ID = UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class ReportListing:
    """Which reports to list. `state` None: in any."""

    by: Authority
    state: ReportState | None
    page_size: int
    page_token: str


async def report_message(deps: Deps, caller: Caller, room_id: UUID, message_id: UUID, reason: str) -> Report:
    """Report a live message; while a report of the caller is open, that is given again at no charge."""
    charge = deps.limits.reports.once(caller.user_id)

    async def work(session: Session) -> Report:
        check_writer(room_id, await rooms.room(session, room_id, caller))
        message = await store.reported(session, room_id, message_id, caller.user_id)
        if message is None or message.deleted:
            raise MessageNotFoundError(message_id)
        if message.type == MessageType.SYSTEM:
            raise SystemMessageError
        if not message.again:
            charge()
        made = None
        while made is None:
            # None when the open report was resolved between the statement's two looks; then there is room for one.
            made = await store.add_report(
                session,
                room_id,
                report_id=new_id(),
                message_id=message_id,
                reporter_id=caller.user_id,
                reason=reason,
            )
        return made

    return await deps.database.transact(work)


async def list_reports(deps: Deps, caller: Caller, listing: ReportListing) -> tuple[list[Report], str]:
    """A page of reports, the newest first, and the next page's token."""
    by, size = listing.by, listing.page_size
    mark = fingerprint("ListReports", caller.user_id, by.room_id, by.as_admin, listing.state)
    before, before_id = decode_instant(listing.page_token, mark) or (Micros(LAST_INSTANT), _LAST_ID)

    async def read(session: Reader) -> list[Report]:
        return await store.reports(
            session, by.room_id, state=listing.state, before=before, before_id=before_id, limit=size + 1
        )

    found = await inspect(deps.database, caller, by, read, "READ_REPORTS")
    return page_of(found, size, lambda last: encode_token(mark, (last.created_at,), (str(last.id),)))


async def resolve_report(
    deps: Deps, caller: Caller, by: Authority, report_id: UUID, state: ReportState, reason: str
) -> Report:
    """Resolve a report. Resolving it again in the same way changes nothing."""

    async def act(change: Change, actor: Actor) -> Report:
        report = await store.report(change.session, by.room_id, report_id)
        if report is None:
            raise ReportNotFoundError(report_id)
        if report.state is state:
            return report
        resolved = await store.resolve_report(
            change.session, by.room_id, report_id, state=state, resolved_by=actor.user_id
        )
        await change.record(
            actor,
            "RESOLVE_REPORT",
            user_id=await store.author(change.session, by.room_id, report.message_id),
            message_id=report.message_id,
            reason=reason,
            before={"report_id": str(report_id), "state": report.state},
            after={"report_id": str(report_id), "state": state},
        )
        return resolved

    return await moderate(deps.database, caller, by, act)
