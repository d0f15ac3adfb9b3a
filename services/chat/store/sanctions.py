"""SQL of sanctions, reports and the log's pages."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Session
from servicekit.sql import Command, Query
from services.chat.domain.model import LogLine, Report, ReportState, Sanction, SanctionKind
from services.chat.store.rooms import IN_FORCE, Reader


class SanctionRow(NamedTuple):
    """A sanction."""

    id: UUID
    room_id: UUID
    user_id: UUID
    kind: str
    reason: str
    issued_by: UUID | None
    starts_at: Micros
    expires_at: Micros | None
    ended_at: Micros | None
    rev: int

    def sanction(self) -> Sanction:
        """The sanction as a value."""
        return Sanction(*self._replace(kind=SanctionKind(self.kind)))  # type: ignore[arg-type]  # one column for each field, in their order


_SANCTION = (
    "s.id, s.room_id, s.user_id, s.kind, s.reason, s.issued_by, s.starts_at, s.expires_at, s.ended_at, s.rev"
)


class TargetRow(NamedTuple):
    """A user's place in a room, as somebody who acts on them sees it."""

    role: str | None
    invited: bool


_TARGET = Query[TargetRow, UUID, UUID](
    "chat.target",
    """
    SELECT (SELECT m.role FROM chat.room_memberships m
             WHERE m.room_id = $1 AND m.user_id = $2 AND m.left_at IS NULL) AS role,
           EXISTS (SELECT 1 FROM chat.room_invitations v
                    WHERE v.room_id = $1 AND v.user_id = $2 AND v.ended_at IS NULL) AS invited
    """,
)
# One that has expired is left alone: there is nothing to lift. The next of its kind closes it.
_END_SANCTION = Query[SanctionRow, UUID, UUID, str, int](
    "chat.end_sanction",
    f"""
    UPDATE chat.sanctions s SET ended_at = clock_timestamp(), rev = $4
     WHERE s.room_id = $1 AND s.user_id = $2 AND s.kind = $3 AND {IN_FORCE}
    RETURNING {_SANCTION}
    """,  # noqa: S608 - only constants of this module
)
_CLOSE_SANCTION = Command[UUID, UUID, str, int](
    "chat.close_sanction",
    """
    UPDATE chat.sanctions SET ended_at = clock_timestamp(), rev = $4
     WHERE room_id = $1 AND user_id = $2 AND kind = $3 AND ended_at IS NULL
    """,
)
_SANCTION_USER = Query[SanctionRow, UUID, UUID, UUID, str, str, UUID, float | None, int](
    "chat.sanction_user",
    f"""
    INSERT INTO chat.sanctions AS s (id, room_id, user_id, kind, reason, issued_by, starts_at, expires_at, rev)
    SELECT $1, $2, $3, $4, $5, $6, now, now + $7::float8 * interval '1 second', $8
      FROM (SELECT clock_timestamp() AS now) t
    RETURNING {_SANCTION}
    """,  # noqa: S608 - only constants of this module
)
_SANCTIONS = f"SELECT {_SANCTION} FROM chat.sanctions s WHERE s.room_id = $1 AND s.rev < $2 AND {IN_FORCE}"  # noqa: S608 - only constants of this module
_SANCTION_PAGE = Query[SanctionRow, UUID, int, int](
    "chat.sanctions_page", f"{_SANCTIONS} ORDER BY s.rev DESC LIMIT $3"
)
_SANCTIONS_OF_USER = Query[SanctionRow, UUID, int, int, UUID](
    "chat.sanctions_page_of_user", f"{_SANCTIONS} AND s.user_id = $4 ORDER BY s.rev DESC LIMIT $3"
)


async def target(session: Session, room_id: UUID, user_id: UUID) -> TargetRow:
    """The place of a user in a room."""
    row = await session.row(_TARGET, room_id, user_id)
    assert row is not None  # noqa: S101 - the statement always gives its row
    return row


async def end_sanction(
    session: Session, room_id: UUID, user_id: UUID, kind: SanctionKind, rev: int
) -> Sanction | None:
    """Lift the sanction that is in force; None when there is none. The room must be locked."""
    row = await session.row(_END_SANCTION, room_id, user_id, kind, rev)
    return None if row is None else row.sanction()


async def sanction(  # noqa: PLR0913 - one per column
    session: Session,
    room_id: UUID,
    *,
    sanction_id: UUID,
    user_id: UUID,
    kind: SanctionKind,
    reason: str,
    issued_by: UUID,
    seconds: float | None,
    closing_rev: int,
    rev: int,
) -> Sanction:
    """Close what a user has of this kind, and begin another one. The room must be locked."""
    await session.execute(_CLOSE_SANCTION, room_id, user_id, kind, closing_rev)
    row = await session.row(
        _SANCTION_USER, sanction_id, room_id, user_id, kind, reason, issued_by, seconds, rev
    )
    assert row is not None  # noqa: S101 - an insert returns its row
    return row.sanction()


async def sanctions(
    session: Reader, room_id: UUID, *, user_id: UUID | None, before_rev: int, limit: int
) -> list[Sanction]:
    """The sanctions in force, the newest first."""
    if user_id is None:
        rows = await session.rows(_SANCTION_PAGE, room_id, before_rev, limit)
    else:
        rows = await session.rows(_SANCTIONS_OF_USER, room_id, before_rev, limit, user_id)
    return [row.sanction() for row in rows]


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

    def report(self) -> Report:
        """The report as a value."""
        return Report(*self._replace(state=ReportState(self.state)))  # type: ignore[arg-type]  # one column for each field, in their order


_REPORT = "p.id, p.room_id, p.message_id, p.reporter_id, p.reason, p.state, p.created_at, p.resolved_at, p.resolved_by"


class ReportedRow(NamedTuple):
    """What is known of a message that somebody reports. `again`: a report of theirs is open."""

    type: str
    deleted: bool
    again: bool


_REPORTED = Query[ReportedRow, UUID, UUID, UUID](
    "chat.reported_message",
    """
    SELECT m.type, m.deleted_at IS NOT NULL AS deleted,
           EXISTS (SELECT 1 FROM chat.reports p WHERE p.room_id = $1 AND p.message_id = $2
                      AND p.reporter_id = $3 AND p.state = 'OPEN') AS again
      FROM chat.messages m WHERE m.room_id = $1 AND m.id = $2
    """,
)
_ADD_REPORT = Query[ReportRow, UUID, UUID, UUID, UUID, str, UUID | None](
    "chat.add_report",
    f"""
    WITH added AS (
      INSERT INTO chat.reports AS p (id, room_id, message_id, reporter_id, reason, request_id, created_at)
      VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp())
      ON CONFLICT DO NOTHING
      RETURNING {_REPORT}
    )
    SELECT {_REPORT} FROM added p
    UNION ALL
    SELECT {_REPORT} FROM chat.reports p
     WHERE p.room_id = $2 AND p.message_id = $3 AND p.reporter_id = $4 AND p.state = 'OPEN'
       AND NOT EXISTS (SELECT 1 FROM added)
    """,  # noqa: S608 - only constants of this module
)
_EARLIER_REPORT = Query[ReportRow, UUID, UUID](
    "chat.earlier_report",
    f"SELECT {_REPORT} FROM chat.reports p WHERE p.reporter_id = $1 AND p.request_id = $2",  # noqa: S608 - only constants of this module
)
_REPORTS = f"SELECT {_REPORT} FROM chat.reports p WHERE p.room_id = $1 AND (p.created_at, p.id) < ($2, $3)"  # noqa: S608 - only constants of this module
_NEWEST_REPORTS = "ORDER BY p.created_at DESC, p.id DESC LIMIT $4"
_REPORT_PAGE = Query[ReportRow, UUID, Micros, UUID, int]("chat.reports_page", f"{_REPORTS} {_NEWEST_REPORTS}")
_REPORTS_IN_STATE = Query[ReportRow, UUID, Micros, UUID, int, str](
    "chat.reports_page_in_state", f"{_REPORTS} AND p.state = $5 {_NEWEST_REPORTS}"
)
_ONE_REPORT = Query[ReportRow, UUID, UUID](
    "chat.report",
    f"SELECT {_REPORT} FROM chat.reports p WHERE p.room_id = $1 AND p.id = $2",  # noqa: S608 - only constants of this module
)
_RESOLVE = Query[ReportRow, UUID, UUID, str, UUID](
    "chat.resolve_report",
    f"""
    UPDATE chat.reports p SET state = $3, resolved_at = clock_timestamp(), resolved_by = $4
     WHERE p.room_id = $1 AND p.id = $2
    RETURNING {_REPORT}
    """,  # noqa: S608 - only constants of this module
)


class AuthorRow(NamedTuple):
    """Who wrote a message; None once that user is erased."""

    user_id: UUID | None


_AUTHOR = Query[AuthorRow, UUID, UUID](
    "chat.author", "SELECT m.user_id FROM chat.messages m WHERE m.room_id = $1 AND m.id = $2"
)


async def reported(
    session: Session, room_id: UUID, message_id: UUID, reporter_id: UUID
) -> ReportedRow | None:
    """The message to report."""
    return await session.row(_REPORTED, room_id, message_id, reporter_id)


async def earlier_report(session: Session, reporter_id: UUID, request_id: UUID) -> Report | None:
    """The report that an earlier call with this request id made."""
    row = await session.row(_EARLIER_REPORT, reporter_id, request_id)
    return None if row is None else row.report()


async def add_report(
    session: Session,
    room_id: UUID,
    *,
    report_id: UUID,
    message_id: UUID,
    reporter_id: UUID,
    reason: str,
    request_id: UUID | None,
) -> Report | None:
    """Add a report, or give the open one of this reporter.

    None when that one was resolved just now, or another report took the request id.
    """
    row = await session.row(_ADD_REPORT, report_id, room_id, message_id, reporter_id, reason, request_id)
    return None if row is None else row.report()


async def reports(
    session: Reader, room_id: UUID, *, state: ReportState | None, before: Micros, before_id: UUID, limit: int
) -> list[Report]:
    """Reports, the newest first."""
    if state is None:
        rows = await session.rows(_REPORT_PAGE, room_id, before, before_id, limit)
    else:
        rows = await session.rows(_REPORTS_IN_STATE, room_id, before, before_id, limit, state)
    return [row.report() for row in rows]


async def report(session: Session, room_id: UUID, report_id: UUID) -> Report | None:
    """One report."""
    row = await session.row(_ONE_REPORT, room_id, report_id)
    return None if row is None else row.report()


async def resolve_report(
    session: Session, room_id: UUID, report_id: UUID, *, state: ReportState, resolved_by: UUID
) -> Report:
    """Resolve a report that exists. The room must be locked."""
    row = await session.row(_RESOLVE, room_id, report_id, state, resolved_by)
    assert row is not None  # noqa: S101 - read under the same lock, and never removed
    return row.report()


async def author(session: Session, room_id: UUID, message_id: UUID) -> UUID | None:
    """Who wrote a message; None once that user is erased."""
    row = await session.row(_AUTHOR, room_id, message_id)
    return None if row is None else row.user_id


class LogRow(NamedTuple):
    """A line of the log."""

    id: UUID
    room_id: UUID
    rev: int
    actor_id: UUID
    actor_role: str
    as_admin: bool
    action: str
    target_user_id: UUID | None
    target_message_id: UUID | None
    reason: str | None
    before: str | None
    after: str | None
    request_id: str
    created_at: Micros


_LOG = """
    SELECT l.id, l.room_id, l.rev, l.actor_id, l.actor_role, l.as_admin, l.action, l.target_user_id,
           l.target_message_id, l.reason, l.before, l.after, l.request_id, l.created_at
      FROM chat.moderation_logs l
     WHERE l.room_id = $1 AND l.rev < $2
"""
_LOG_PAGE = Query[LogRow, UUID, int, int]("chat.log_page", f"{_LOG} ORDER BY l.rev DESC LIMIT $3")
_LOG_OF_USER = Query[LogRow, UUID, int, int, UUID](
    "chat.log_page_of_user", f"{_LOG} AND l.target_user_id = $4 ORDER BY l.rev DESC LIMIT $3"
)


async def logs(
    session: Reader, room_id: UUID, *, user_id: UUID | None, before_rev: int, limit: int
) -> list[LogLine]:
    """Lines of the log, the newest first."""
    if user_id is None:
        rows = await session.rows(_LOG_PAGE, room_id, before_rev, limit)
    else:
        rows = await session.rows(_LOG_OF_USER, room_id, before_rev, limit, user_id)
    return [LogLine(*row) for row in rows]
