"""Converters of the tracks service's responses."""

from __future__ import annotations

from seda.tracks.internal.v1 import crawler_service_pb2 as pb
from services.users.domain.verification_check import Fetched, Meta, Page

# A value that is newer than this code has a number alone.
_FAILURES = {value.number: value.name for value in pb.FetchFailure.DESCRIPTOR.values if value.number}


def fetched_page(response: pb.FetchResponse) -> Fetched:
    """Convert a response of Fetch."""
    failure = _FAILURES.get(response.failure, "UNKNOWN" if response.failure else "")
    return Fetched(
        final_url=response.final_url,
        status_code=response.status_code,
        failure=failure.removeprefix("FETCH_FAILURE_"),
        page=_page(response.page) if response.HasField("page") else None,
        text=response.text if response.HasField("text") else None,
    )


def _page(page: pb.Page) -> Page:
    metas = tuple(Meta(meta.name, meta.content, meta.in_head) for meta in page.metas)
    return Page(metas, tuple(page.json_ld), page.text)
