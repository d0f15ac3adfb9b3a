"""Which references can be stored as tracks, and where a link that was followed leads."""

from __future__ import annotations

from collections.abc import Iterable

from servicekit.errors import ServiceError
from services.tracks.domain.errors import NotATrackError, UnsupportedProviderError
from services.tracks.domain.links.reference import Kind, TrackReference
from services.tracks.domain.links.registry import custom_domain, parse


def parse_pasted_link(text: str) -> TrackReference:
    """The one track that a pasted text points to, or the link that has to be followed to know.

    A page on a host that is nobody's may be one of Bandcamp on an artist's own domain; following it tells.
    Raises what `parse` raises, and NotATrackError for other kinds of things.
    """
    try:
        return _track(parse(text))
    except UnsupportedProviderError:
        own = custom_domain(text)
        if own is None:
            raise
        return own


def track_from_final_url(final_url: str) -> TrackReference | None:
    """The track at the address where a link ended; None where the address says nothing of one.

    Raises NotATrackError when it is the address of something else.
    """
    try:
        reference = _track(parse(final_url))
    except NotATrackError:
        raise
    except ServiceError:
        return None
    return None if reference.needs_resolution else reference


def track_from_canonical_url(link: TrackReference, addresses: Iterable[str]) -> TrackReference | None:
    """The track that a page states as its own address.

    It counts only for the link's own provider: anybody may state anything.
    """
    for address in addresses:
        try:
            reference = parse(address)
        except ServiceError:
            continue
        if reference.kind is Kind.TRACK and reference.provider == link.provider:
            return reference
    return None


def _track(reference: TrackReference) -> TrackReference:
    if reference.kind is not None and reference.kind is not Kind.TRACK:
        raise NotATrackError(reference.kind)
    return reference
