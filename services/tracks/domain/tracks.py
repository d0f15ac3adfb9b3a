"""Which references can be stored as tracks."""

from __future__ import annotations

from services.tracks.domain.errors import NeedsResolutionError, NotATrackError
from services.tracks.domain.links.reference import Kind, Reference
from services.tracks.domain.links.table import parse


def track_reference(text: str) -> Reference:
    """The one track that a pasted text points to.

    Raises what `parse` raises, NotATrackError for other kinds of things, and NeedsResolutionError for a short
    link.
    """
    reference = parse(text)
    if reference.kind is None:
        raise NeedsResolutionError(reference.provider)
    if reference.kind is not Kind.TRACK:
        raise NotATrackError(reference.kind)
    return reference
