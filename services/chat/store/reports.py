"""SQL of reports."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.sql import Query
from services.chat.domain.model import Report, ReportState
from services.chat.store.rooms import Reader


class ReportRow(NamedTuple):
    """A report."""

    id: UUID
    room_id: UUID
    message_id: UUID
    reporter_id: UUID | None
    reason: str | None
    state: str
    created_at: Micros
    resolved_at: Micros | None
    resolved_by: UUID | None
    created_rev: int

    def report(self) -> Report:
        """Return the report as a value."""
        return Report(*self._replace(state=ReportState(self.state)))  # type: ignore[arg-type]  # one column for each field, in their order


_REPORT = """
    p.id, p.room_id, p.message_id, p.reporter_id, p.reason, p.state, p.created_at, p.resolved_at, p.resolved_by,
    p.created_rev
"""


class ReportTargetRow(NamedTuple):
    """A message to report. `already_open`: the caller has an open report of it."""

    type: str
    deleted: bool
    already_open: bool


_REPORT_TARGET = Query[ReportTargetRow, UUID, UUID, UUID](
    "chat.report_target",
    """
    SELECT m.type, m.deleted_at IS NOT NULL AS deleted,
           EXISTS (SELECT 1 FROM chat.reports p WHERE p.room_id = $1 AND p.message_id = $2
                      AND p.reporter_id = $3 AND p.state = 'OPEN') AS already_open
      FROM chat.messages m WHERE m.room_id = $1 AND m.id = $2
    """,
)
_ADD_REPORT = Query[ReportRow, UUID, UUID, UUID, UUID, str, UUID | None, int](
    "chat.add_report",
    f"""
    WITH added AS (
      INSERT INTO chat.reports AS p (id, room_id, message_id, reporter_id, reason, request_id, created_rev,
                                     created_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, statement_timestamp())
      ON CONFLICT DO NOTHING
      RETURNING {_REPORT}
    )
    SELECT {_REPORT} FROM added p
    UNION ALL
    SELECT {_REPORT} FROM chat.reports p
     WHERE p.room_id = $2 AND p.message_id = $3 AND p.reporter_id = $4 AND p.state = 'OPEN'
       AND NOT EXISTS (SELECT 1 FROM added)
    """,
)
_BY_REQUEST_ID = Query[ReportRow, UUID, UUID, UUID](
    "chat.report_by_request_id",
    f"SELECT {_REPORT} FROM chat.reports p WHERE p.room_id = $1 AND p.reporter_id = $2 AND p.request_id = $3",
)
_REPORTS = f"SELECT {_REPORT} FROM chat.reports p WHERE p.room_id = $1 AND (p.created_rev, p.id) < ($2, $3)"
_NEWEST_REPORTS = "ORDER BY p.created_rev DESC, p.id DESC LIMIT $4"
_REPORT_PAGE = Query[ReportRow, UUID, int, UUID, int]("chat.reports_page", f"{_REPORTS} {_NEWEST_REPORTS}")
_REPORTS_IN_STATE = Query[ReportRow, UUID, int, UUID, int, str](
    "chat.reports_page_in_state", f"{_REPORTS} AND p.state = $5 {_NEWEST_REPORTS}"
)
_ONE_REPORT = Query[ReportRow, UUID, UUID](
    "chat.report",
    f"SELECT {_REPORT} FROM chat.reports p WHERE p.room_id = $1 AND p.id = $2",
)
_RESOLVE = Query[ReportRow, UUID, UUID, str, UUID](
    "chat.resolve_report",
    f"""
    UPDATE chat.reports p SET state = $3, resolved_at = statement_timestamp(), resolved_by = $4
     WHERE p.room_id = $1 AND p.id = $2
    RETURNING {_REPORT}
    """,
)


class AuthorRow(NamedTuple):
    """The author of a message; None once that user is erased."""

    user_id: UUID | None


_MESSAGE_AUTHOR = Query[AuthorRow, UUID, UUID](
    "chat.message_author", "SELECT m.user_id FROM chat.messages m WHERE m.room_id = $1 AND m.id = $2"
)


async def report_target(
    session: Session, room_id: UUID, message_id: UUID, reporter_id: UUID
) -> ReportTargetRow | None:
    """Return the message to report."""
    return await session.row(_REPORT_TARGET, room_id, message_id, reporter_id)


async def by_request_id(
    session: Session, room_id: UUID, reporter_id: UUID, request_id: UUID
) -> Report | None:
    """Return the report in this room of an earlier call with this request id."""
    row = await session.row(_BY_REQUEST_ID, room_id, reporter_id, request_id)
    return None if row is None else row.report()


async def add_report(  # noqa: PLR0913 - one per column
    session: Session,
    room_id: UUID,
    *,
    report_id: UUID,
    message_id: UUID,
    reporter_id: UUID,
    reason: str,
    request_id: UUID | None,
    rev: int,
) -> Report:
    """Insert a report, or return the reporter's open one. The caller holds the room lock, and the request id is new."""
    row = await session.one(_ADD_REPORT, report_id, room_id, message_id, reporter_id, reason, request_id, rev)
    return row.report()


async def reports(
    session: Reader, room_id: UUID, *, state: ReportState | None, before: tuple[int, UUID], limit: int
) -> list[Report]:
    """Return reports, the newest first."""
    if state is None:
        rows = await session.rows(_REPORT_PAGE, room_id, *before, limit)
    else:
        rows = await session.rows(_REPORTS_IN_STATE, room_id, *before, limit, state)
    return [row.report() for row in rows]


async def report(session: Session, room_id: UUID, report_id: UUID) -> Report | None:
    """Return one report."""
    row = await session.row(_ONE_REPORT, room_id, report_id)
    return None if row is None else row.report()


async def resolve_report(
    session: Session, room_id: UUID, report_id: UUID, *, state: ReportState, resolved_by: UUID
) -> Report:
    """Resolve an existing report. The caller holds the room lock."""
    row = await session.one(_RESOLVE, room_id, report_id, state, resolved_by)
    return row.report()


async def message_author(session: Session, room_id: UUID, message_id: UUID) -> UUID | None:
    """The author of a message; None once that user is erased."""
    row = await session.row(_MESSAGE_AUTHOR, room_id, message_id)
    return None if row is None else row.user_id
