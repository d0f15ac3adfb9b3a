"""Converters of ErasureService."""

from __future__ import annotations

import json

from seda.chat.internal.v1 import author_data_service_pb2
from seda.users.v1 import erasure_service_pb2 as pb
from servicekit.caller import Caller
from servicekit.ids import parse_optional_id
from servicekit.timestamps import to_proto
from services.users.domain.erasure import ErasureMode, ErasureRequest, ErasureStep
from services.users.store.erasure import ErasureRow

CHAT_MODES = {each: author_data_service_pb2.ErasureMode.Value(f"ERASURE_MODE_{each}") for each in ErasureMode}
"""The modes in chat's contract."""
_MODES = {pb.ErasureMode.Value(f"ERASURE_MODE_{each}"): each for each in ErasureMode}
_STEPS = {str(each): pb.ErasureStep.Value(f"ERASURE_STEP_{each}") for each in ErasureStep}


def erasure_request(request: pb.EraseUserRequest, caller: Caller) -> ErasureRequest:
    """Convert an EraseUser request; without an id it means the caller."""
    user_id = parse_optional_id(request.user_id) or caller.user_id
    return ErasureRequest(user_id, _MODES[request.mode], request.reason)


def erase_user_response(row: ErasureRow) -> pb.EraseUserResponse:
    """Build the response of EraseUser."""
    response = pb.EraseUserResponse()
    _put_erasure(response.erasure, row)
    return response


def get_erasure_response(row: ErasureRow) -> pb.GetErasureResponse:
    """Build the response of GetErasure."""
    response = pb.GetErasureResponse()
    _put_erasure(response.erasure, row)
    return response


def _put_erasure(into: pb.Erasure, row: ErasureRow) -> None:
    into.id = str(row.id)
    into.step = _STEPS[row.step]
    into.state = pb.ERASURE_STATE_RETRYING if row.failures else pb.ERASURE_STATE_RUNNING
    to_proto(into.start_time, row.created_at)
    if row.finished_at is not None:
        into.state = pb.ERASURE_STATE_DONE
        to_proto(into.finish_time, row.finished_at)
    counts = json.loads(row.counts)
    for step, number in _STEPS.items():
        if step in counts:
            into.counts.add(step=number, row_count=counts[step])
