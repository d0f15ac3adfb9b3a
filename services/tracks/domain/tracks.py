"""Turns pasted links, final URLs and canonical URLs into references to tracks."""

from __future__ import annotations

from collections.abc import Iterable

from servicekit.errors import ServiceError
from services.tracks.domain.errors import NotATrackError, UnsupportedProviderError
from services.tracks.domain.links.reference import Kind, TrackReference
from services.tracks.domain.links.registry import custom_domain, parse


def parse_pasted_link(text: str) -> TrackReference:
    """Return the track of a pasted link, or a reference that must be resolved first.

    A page on an unknown host may be Bandcamp on an artist's custom domain; resolving it decides. Raises the errors
    of `parse`, and NotATrackError for other kinds of links.
    """
    try:
        return _track(parse(text))
    except UnsupportedProviderError:
        own = custom_domain(text)
        if own is None:
            raise
        return own


def track_from_final_url(final_url: str) -> TrackReference | None:
    """Return the track at the final URL of a link; None if the URL is not a provider's.

    Raises NotATrackError if it is the URL of something else.
    """
    try:
        reference = _track(parse(final_url))
    except NotATrackError:
        raise
    except ServiceError:
        return None
    return None if reference.needs_resolution else reference


def track_from_canonical_url(link: TrackReference, addresses: Iterable[str]) -> TrackReference | None:
    """Return the track that a page gives as its canonical URL.

    It must be of the link's provider: any page can claim any URL.
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
