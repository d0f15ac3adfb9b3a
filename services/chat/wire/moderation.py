"""Converters of ModerationService."""

from __future__ import annotations

from typing import Protocol

import structlog
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration

from seda.chat.v1 import moderation_pb2, moderation_service_pb2
from servicekit.ids import parse_id, parse_optional_id
from servicekit.pagination import page_size
from servicekit.timestamps import from_proto, to_proto
from services.chat.actions.authorization import ActingAs
from services.chat.actions.message_delete import AuthorDeletion
from services.chat.actions.reports import ReportDraft, ReportListing
from services.chat.actions.sanctions import SanctionRequest
from services.chat.domain.model import LogLine, Report, ReportState, Sanction
from services.chat.domain.permissions import Rank

_log = structlog.get_logger("moderation")


class _SanctionRpcRequest(Protocol):
    """The fields of every request about a user."""

    room_id: str
    user_id: str
    reason: str
    as_admin: bool


def acting_as(room_id: str, *, as_admin: bool, min_rank: Rank = Rank.MODERATOR) -> ActingAs:
    """Return the right by which a caller acts."""
    return ActingAs(parse_id(room_id), as_admin=as_admin, min_rank=min_rank)


def report_acting_as(room_id: str, *, as_admin: bool) -> ActingAs:
    """Return the right to handle reports, which platform moderators have in public rooms."""
    return ActingAs(parse_id(room_id), as_admin=as_admin, platform_moderators=True)


def sanction_request(request: _SanctionRpcRequest, seconds: float | None = None) -> SanctionRequest:
    """Convert a request about a user."""
    by = acting_as(request.room_id, as_admin=request.as_admin)
    return SanctionRequest(by, parse_id(request.user_id), request.reason, seconds)


def timed_sanction_request(
    request: moderation_service_pb2.MuteMemberRequest | moderation_service_pb2.BanMemberRequest,
) -> SanctionRequest:
    """Convert a request for a mute or ban, with or without an end."""
    return sanction_request(
        request, seconds_from_duration(request.duration) if request.HasField("duration") else None
    )


def seconds_from_duration(duration: Duration) -> float:
    """Convert a duration to seconds."""
    return duration.seconds + duration.nanos / 1e9


def author_deletion(request: moderation_service_pb2.DeleteMessagesByAuthorRequest) -> AuthorDeletion:
    """Convert the request to delete an author's messages."""
    return AuthorDeletion(
        acting_as=acting_as(request.room_id, as_admin=request.as_admin),
        author_id=parse_id(request.author_id),
        reason=request.reason,
        since=from_proto(request.start_time) if request.HasField("start_time") else None,
        request_id=parse_optional_id(request.request_id),
    )


def report_draft(request: moderation_service_pb2.ReportMessageRequest) -> ReportDraft:
    """Convert a ReportMessage request."""
    return ReportDraft(
        room_id=parse_id(request.room_id),
        message_id=parse_id(request.message_id),
        reason=request.reason,
        request_id=parse_optional_id(request.request_id),
    )


def report_listing(
    request: moderation_service_pb2.ListReportsRequest | moderation_service_pb2.InspectReportsRequest,
    *,
    as_admin: bool,
) -> ReportListing:
    """Convert a ListReports or an InspectReports request."""
    return ReportListing(
        acting_as=report_acting_as(request.room_id, as_admin=as_admin),
        state=report_state(request.state) if request.state else None,
        page_size=page_size(request.page_size),
        page_token=request.page_token,
    )


def report_state(state: moderation_pb2.ReportState.ValueType) -> ReportState:
    """Convert a report's state."""
    return ReportState(moderation_pb2.ReportState.Name(state).removeprefix("REPORT_STATE_"))


def fill_sanction(into: moderation_pb2.Sanction, sanction: Sanction) -> None:
    """Write a sanction."""
    into.id = str(sanction.id)
    into.room_id = str(sanction.room_id)
    into.user_id = str(sanction.user_id)
    into.kind = moderation_pb2.SanctionKind.Value(f"SANCTION_KIND_{sanction.kind}")
    into.reason = sanction.reason
    into.rev = sanction.rev
    to_proto(into.start_time, sanction.starts_at)
    if sanction.issued_by is not None:
        into.issuer_id = str(sanction.issued_by)
    if sanction.expires_at is not None:
        to_proto(into.expire_time, sanction.expires_at)
    if sanction.ended_at is not None:
        to_proto(into.end_time, sanction.ended_at)


def fill_report(into: moderation_pb2.Report, report: Report) -> None:
    """Write a report."""
    into.id = str(report.id)
    into.room_id = str(report.room_id)
    into.message_id = str(report.message_id)
    into.state = moderation_pb2.ReportState.Value(f"REPORT_STATE_{report.state}")
    to_proto(into.create_time, report.created_at)
    if report.reporter_id is not None:
        into.reporter_id = str(report.reporter_id)
    if report.reason is not None:
        into.reason = report.reason
    if report.resolved_at is not None:
        to_proto(into.resolve_time, report.resolved_at)
    if report.resolved_by is not None:
        into.resolver_id = str(report.resolved_by)


def fill_log(into: moderation_pb2.ModerationLog, line: LogLine) -> None:
    """Write a line of the audit log."""
    into.id = str(line.id)
    into.room_id = str(line.room_id)
    into.rev = line.rev
    into.actor_id = str(line.actor_id)
    into.actor_role = moderation_pb2.ActorRole.Value(f"ACTOR_ROLE_{line.actor_role}")
    into.as_admin = line.as_admin
    into.action = _moderation_action(line.action)
    into.call_id = line.call_id
    into.delegate = line.delegate or ""
    to_proto(into.create_time, line.created_at)
    if line.target_user_id is not None:
        into.target_user_id = str(line.target_user_id)
    if line.target_message_id is not None:
        into.target_message_id = str(line.target_message_id)
    if line.reason is not None:
        into.reason = line.reason
    if line.before is not None:
        json_format.Parse(line.before, into.before)
    if line.after is not None:
        json_format.Parse(line.after, into.after)


def _moderation_action(action: str) -> moderation_pb2.ModerationAction.ValueType:
    try:
        return moderation_pb2.ModerationAction.Value(f"MODERATION_ACTION_{action}")
    except ValueError:
        # During a rolling deployment, a newer build may have logged an action that this one does not know.
        _log.warning("unknown_moderation_action", action=action)
        return moderation_pb2.MODERATION_ACTION_UNSPECIFIED
