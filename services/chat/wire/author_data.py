"""Converters of AuthorDataService."""

from __future__ import annotations

from seda.chat.internal.v1 import author_data_service_pb2 as pb
from services.chat.domain.erasure import AuthorRecord, ErasureMode, ErasureProgress

_MODES = {pb.ERASURE_MODE_ANONYMISE: ErasureMode.ANONYMISE, pb.ERASURE_MODE_TOMBSTONE: ErasureMode.TOMBSTONE}


def erasure_mode(value: pb.ErasureMode.ValueType) -> ErasureMode:
    """Convert an erasure mode."""
    return _MODES[value]


def erase_author_response(erasure: ErasureProgress) -> pb.EraseAuthorResponse:
    """Convert the progress of an erasure."""
    return pb.EraseAuthorResponse(done=erasure.done, changed_count=erasure.changed)


def export_author_response(records: list[AuthorRecord], next_page_token: str) -> pb.ExportAuthorResponse:
    """Convert a page of records."""
    response = pb.ExportAuthorResponse(next_page_token=next_page_token)
    for record in records:
        into = response.records.add(kind=pb.AuthorRecordKind.Value(f"AUTHOR_RECORD_KIND_{record.kind}"))
        into.fields.update(record.fields)
    return response
