"""Converters between the contract's messages and the gateway's values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from google.protobuf.struct_pb2 import Struct, Value

from gateway.actions.export_my_data import Chunk, Manifest, Summary
from gateway.actions.get_artist_page import ArtistPage
from gateway.actions.get_home import Home
from gateway.actions.get_me import Me
from gateway.actions.get_room_page import RoomPage
from gateway.actions.get_thread import Thread
from gateway.actions.parts import track_from_snapshot
from gateway.actions.post_message import PostResult
from gateway.actions.search_everything import Everything
from gateway.actions.watch_rooms import WatchedPart
from gateway.domain.status import ServiceStatus
from seda.gateway.v1 import gateway_service_pb2 as pb
from servicekit import timestamps


def post_message_response(post: PostResult) -> pb.PostMessageResponse:
    """Build the response of PostMessage."""
    sent = post.sent
    response = pb.PostMessageResponse(
        message=sent.message, track=post.track, deduplicated=sent.deduplicated, position=sent.position
    )
    if post.track is None and sent.message.HasField("track"):
        response.track.CopyFrom(track_from_snapshot(sent.message.track))
    return response


def get_me_response(me: Me) -> pb.GetMeResponse:
    """Build the response of GetMe."""
    response = pb.GetMeResponse(user=me.user, unreachable=me.unreachable)
    if me.artist is not None:
        response.artist_profile.CopyFrom(me.artist.artist_profile)
        response.open_verifications.extend(me.artist.open_verifications)
    if me.rooms is not None:
        response.rooms_rev, response.epoch = me.rooms.rooms_rev, me.rooms.epoch
    return response


def get_home_response(home: Home) -> pb.GetHomeResponse:
    """Build the response of GetHome."""
    listed = home.listed
    return pb.GetHomeResponse(
        rooms=listed.rooms,
        next_page_token=listed.next_page_token,
        epoch=listed.epoch,
        **home.parts._asdict(),
    )


def get_room_page_response(page: RoomPage) -> pb.GetRoomPageResponse:
    """Build the response of GetRoomPage."""
    listed, room = page.listed, page.room
    response = pb.GetRoomPageResponse(
        messages=listed.messages,
        next_page_token=listed.next_page_token,
        position=listed.position,
        found_oldest=listed.found_oldest,
        found_newest=listed.found_newest,
        **page.parts._asdict(),
    )
    if room is not None:
        response.room.CopyFrom(room.room)
        response.last_read_seq = room.last_read_seq
        if room.HasField("membership"):
            response.membership.CopyFrom(room.membership)
        if room.HasField("mute_expire_time"):
            response.mute_expire_time.CopyFrom(room.mute_expire_time)
    return response


def get_thread_response(thread: Thread) -> pb.GetThreadResponse:
    """Build the response of GetThread."""
    listed = thread.listed
    return pb.GetThreadResponse(
        root=listed.root,
        replies=listed.messages,
        next_page_token=listed.next_page_token,
        position=listed.position,
        found_oldest=listed.found_oldest,
        found_newest=listed.found_newest,
        **thread.parts._asdict(),
    )


def get_artist_page_response(page: ArtistPage) -> pb.GetArtistPageResponse:
    """Build the response of GetArtistPage."""
    artist = page.artist
    return pb.GetArtistPageResponse(
        artist_profile=artist.artist_profile,
        user=artist.user if artist.HasField("user") else None,
        verified_targets=artist.verified_targets,
        messages=page.messages,
        **page.parts._asdict(),
    )


def search_everything_response(found: Everything) -> pb.SearchEverythingResponse:
    """Build the response of SearchEverything."""
    response = pb.SearchEverythingResponse(**found.parts._asdict())
    if (artists := found.artists) is not None:
        more = bool(artists.next_page_token)
        response.artist_results.CopyFrom(pb.ArtistResults(matches=artists.matches, has_more=more))
    if (tracks := found.tracks) is not None:
        more = bool(tracks.next_page_token)
        response.track_results.CopyFrom(pb.TrackResults(tracks=tracks.tracks, has_more=more))
    if (messages := found.messages) is not None:
        more = bool(messages.next_page_token)
        response.message_results.CopyFrom(pb.MessageResults(messages=messages.messages, has_more=more))
    return response


def export_my_data_response(part: Manifest | Chunk | Summary) -> pb.ExportMyDataResponse:
    """Build one message of the stream of ExportMyData."""
    response = pb.ExportMyDataResponse()
    match part:
        case Manifest(kinds, epoch):
            response.manifest.epoch = epoch
            response.manifest.start_time.GetCurrentTime()
            for service, kind in kinds:
                response.manifest.kinds.add(service=service, kind=kind)
        case Chunk():
            response.chunk.CopyFrom(pb.ExportChunk(**part._asdict()))
        case Summary(counts, sha256):
            response.summary.sha256 = sha256
            for (service, kind), count in counts.items():
                response.summary.counts.add(service=service, kind=kind, row_count=count)
    return response


def json_line(fields: Mapping[str, object]) -> bytes:
    """Return a JSON object in UTF-8 with a line feed."""
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def plain_struct(struct: Struct) -> dict[str, object]:
    """Return a Struct as JSON has it; whole numbers are integers."""
    return {name: _plain(value) for name, value in sorted(struct.fields.items())}


def _plain(value: Value) -> object:
    match value.WhichOneof("kind"):
        case "string_value":
            return value.string_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return plain_struct(value.struct_value)
        case "list_value":
            return [_plain(each) for each in value.list_value.values]
        case _:
            return None


def get_system_status_response(system_status: Iterable[ServiceStatus]) -> pb.GetSystemStatusResponse:
    """Build the response of GetSystemStatus."""
    response = pb.GetSystemStatusResponse()
    for status in system_status:
        service = response.services.add()
        service.name = status.name
        service.state = pb.ServiceState.Value(f"SERVICE_STATE_{status.state.name}")
        if status.since is not None:
            timestamps.to_proto(service.since_time, status.since)
    return response


def watch_rooms_response(part: WatchedPart) -> pb.WatchRoomsResponse:
    """Build a response of WatchRooms."""
    return pb.WatchRoomsResponse(frames=part.frames, **part.parts._asdict())
