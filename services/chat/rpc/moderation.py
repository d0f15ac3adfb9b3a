"""seda.chat.v1.ModerationService."""

from __future__ import annotations

from seda.chat.v1 import moderation_service_pb2 as pb
from servicekit.call import Call
from servicekit.ids import parse_id, parse_optional_id
from servicekit.pagination import page_size
from services.chat.actions import audit_log, message_delete, reports, room_moderation, sanctions
from services.chat.actions.deps import Deps
from services.chat.domain.permissions import Rank
from services.chat.wire import moderation as wire
from services.chat.wire.rooms import fill_position, fill_room


class ModerationServicer:
    """Sanctions, reports, room flags and the audit log."""

    descriptor = pb.DESCRIPTOR.services_by_name["ModerationService"]

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def MuteMember(self, request: pb.MuteMemberRequest, call: Call) -> pb.MuteMemberResponse:
        """See the contract."""
        made, position = await sanctions.mute_member(
            self._deps, call.caller, wire.timed_sanction_request(request)
        )
        response = pb.MuteMemberResponse()
        wire.fill_sanction(response.sanction, made)
        fill_position(response.position, position)
        return response

    async def UnmuteMember(self, request: pb.UnmuteMemberRequest, call: Call) -> pb.UnmuteMemberResponse:
        """See the contract."""
        lifted, position = await sanctions.unmute_member(
            self._deps, call.caller, wire.sanction_request(request)
        )
        response = pb.UnmuteMemberResponse()
        if lifted is not None:
            wire.fill_sanction(response.sanction, lifted)
        fill_position(response.position, position)
        return response

    async def KickMember(self, request: pb.KickMemberRequest, call: Call) -> pb.KickMemberResponse:
        """See the contract."""
        response = pb.KickMemberResponse()
        position = await sanctions.kick_member(self._deps, call.caller, wire.sanction_request(request))
        fill_position(response.position, position)
        return response

    async def BanMember(self, request: pb.BanMemberRequest, call: Call) -> pb.BanMemberResponse:
        """See the contract."""
        made, deleted, position = await sanctions.ban_member(
            self._deps,
            call.caller,
            wire.timed_sanction_request(request),
            wire.seconds_from_duration(request.delete_window),
        )
        response = pb.BanMemberResponse(deleted_count=deleted.deleted, remaining_count=deleted.remaining)
        wire.fill_sanction(response.sanction, made)
        fill_position(response.position, position)
        return response

    async def UnbanMember(self, request: pb.UnbanMemberRequest, call: Call) -> pb.UnbanMemberResponse:
        """See the contract."""
        lifted, position = await sanctions.unban_member(
            self._deps, call.caller, wire.sanction_request(request)
        )
        response = pb.UnbanMemberResponse()
        if lifted is not None:
            wire.fill_sanction(response.sanction, lifted)
        fill_position(response.position, position)
        return response

    async def ListSanctions(self, request: pb.ListSanctionsRequest, call: Call) -> pb.ListSanctionsResponse:
        """See the contract."""
        response = pb.ListSanctionsResponse()
        await self._list_sanctions(request, response, call, as_admin=False)
        return response

    async def InspectSanctions(
        self, request: pb.InspectSanctionsRequest, call: Call
    ) -> pb.InspectSanctionsResponse:
        """See the contract."""
        response = pb.InspectSanctionsResponse()
        await self._list_sanctions(request, response, call, as_admin=True)
        return response

    async def LockRoom(self, request: pb.LockRoomRequest, call: Call) -> pb.LockRoomResponse:
        """See the contract."""
        acting_as = wire.acting_as(request.room_id, as_admin=request.as_admin)
        response = pb.LockRoomResponse()
        room, position = await room_moderation.lock_room(self._deps, call.caller, acting_as, request.reason)
        fill_room(response.room, room)
        fill_position(response.position, position)
        return response

    async def UnlockRoom(self, request: pb.UnlockRoomRequest, call: Call) -> pb.UnlockRoomResponse:
        """See the contract."""
        acting_as = wire.acting_as(request.room_id, as_admin=request.as_admin)
        response = pb.UnlockRoomResponse()
        room, position = await room_moderation.unlock_room(self._deps, call.caller, acting_as, request.reason)
        fill_room(response.room, room)
        fill_position(response.position, position)
        return response

    async def ArchiveRoom(self, request: pb.ArchiveRoomRequest, call: Call) -> pb.ArchiveRoomResponse:
        """See the contract."""
        acting_as = wire.acting_as(request.room_id, as_admin=request.as_admin, min_rank=Rank.OWNER)
        response = pb.ArchiveRoomResponse()
        room, position = await room_moderation.archive_room(
            self._deps, call.caller, acting_as, request.reason
        )
        fill_room(response.room, room)
        fill_position(response.position, position)
        return response

    async def UnarchiveRoom(self, request: pb.UnarchiveRoomRequest, call: Call) -> pb.UnarchiveRoomResponse:
        """See the contract."""
        acting_as = wire.acting_as(request.room_id, as_admin=request.as_admin, min_rank=Rank.OWNER)
        response = pb.UnarchiveRoomResponse()
        room, position = await room_moderation.unarchive_room(
            self._deps, call.caller, acting_as, request.reason
        )
        fill_room(response.room, room)
        fill_position(response.position, position)
        return response

    async def DeleteMessagesByAuthor(
        self, request: pb.DeleteMessagesByAuthorRequest, call: Call
    ) -> pb.DeleteMessagesByAuthorResponse:
        """See the contract."""
        deleted, position = await message_delete.delete_messages_by_author(
            self._deps, call.caller, wire.author_deletion(request)
        )
        response = pb.DeleteMessagesByAuthorResponse(
            deleted_count=deleted.deleted,
            remaining_count=deleted.remaining,
            deduplicated=deleted.deduplicated,
        )
        fill_position(response.position, position)
        return response

    async def ReportMessage(self, request: pb.ReportMessageRequest, call: Call) -> pb.ReportMessageResponse:
        """See the contract."""
        (made, deduplicated), position = await reports.report_message(
            self._deps, call.caller, wire.report_draft(request)
        )
        response = pb.ReportMessageResponse(deduplicated=deduplicated)
        wire.fill_report(response.report, made)
        fill_position(response.position, position)
        return response

    async def ListReports(self, request: pb.ListReportsRequest, call: Call) -> pb.ListReportsResponse:
        """See the contract."""
        response = pb.ListReportsResponse()
        await self._list_reports(request, response, call, as_admin=False)
        return response

    async def InspectReports(
        self, request: pb.InspectReportsRequest, call: Call
    ) -> pb.InspectReportsResponse:
        """See the contract."""
        response = pb.InspectReportsResponse()
        await self._list_reports(request, response, call, as_admin=True)
        return response

    async def ResolveReport(self, request: pb.ResolveReportRequest, call: Call) -> pb.ResolveReportResponse:
        """See the contract."""
        resolved, position = await reports.resolve_report(
            self._deps,
            call.caller,
            wire.report_acting_as(request.room_id, as_admin=request.as_admin),
            parse_id(request.report_id),
            wire.report_state(request.state),
            request.reason,
        )
        response = pb.ResolveReportResponse()
        wire.fill_report(response.report, resolved)
        fill_position(response.position, position)
        return response

    async def ListModerationLogs(
        self, request: pb.ListModerationLogsRequest, call: Call
    ) -> pb.ListModerationLogsResponse:
        """See the contract."""
        response = pb.ListModerationLogsResponse()
        await self._list_logs(request, response, call, as_admin=False)
        return response

    async def InspectModerationLogs(
        self, request: pb.InspectModerationLogsRequest, call: Call
    ) -> pb.InspectModerationLogsResponse:
        """See the contract."""
        response = pb.InspectModerationLogsResponse()
        await self._list_logs(request, response, call, as_admin=True)
        return response

    async def _list_sanctions(
        self,
        request: pb.ListSanctionsRequest | pb.InspectSanctionsRequest,
        response: pb.ListSanctionsResponse | pb.InspectSanctionsResponse,
        call: Call,
        *,
        as_admin: bool,
    ) -> None:
        found, response.next_page_token = await sanctions.list_sanctions(
            self._deps,
            call.caller,
            wire.acting_as(request.room_id, as_admin=as_admin),
            parse_optional_id(request.user_id),
            page_size(request.page_size),
            request.page_token,
        )
        for each in found:
            wire.fill_sanction(response.sanctions.add(), each)

    async def _list_reports(
        self,
        request: pb.ListReportsRequest | pb.InspectReportsRequest,
        response: pb.ListReportsResponse | pb.InspectReportsResponse,
        call: Call,
        *,
        as_admin: bool,
    ) -> None:
        listing = wire.report_listing(request, as_admin=as_admin)
        found, response.next_page_token = await reports.list_reports(self._deps, call.caller, listing)
        for each in found:
            wire.fill_report(response.reports.add(), each)

    async def _list_logs(
        self,
        request: pb.ListModerationLogsRequest | pb.InspectModerationLogsRequest,
        response: pb.ListModerationLogsResponse | pb.InspectModerationLogsResponse,
        call: Call,
        *,
        as_admin: bool,
    ) -> None:
        found, response.next_page_token = await audit_log.list_moderation_logs(
            self._deps,
            call.caller,
            wire.acting_as(request.room_id, as_admin=as_admin),
            parse_optional_id(request.target_user_id),
            page_size(request.page_size),
            request.page_token,
        )
        for each in found:
            wire.fill_log(response.logs.add(), each)
