"""The registry of providers, and the parser of pasted links."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from services.tracks.domain.errors import InvalidUrlError, UnsupportedProviderError, UnsupportedResourceError
from services.tracks.domain.links import apple, bandcamp, deezer, soundcloud, spotify, tidal, youtube
from services.tracks.domain.links.extract import find_link, shorter_links
from services.tracks.domain.links.link import Link, read_link
from services.tracks.domain.links.reference import TrackReference

PROVIDERS = (
    apple.PROVIDER,
    bandcamp.PROVIDER,
    deezer.PROVIDER,
    soundcloud.PROVIDER,
    spotify.PROVIDER,
    tidal.PROVIDER,
    youtube.PROVIDER,
)

_BY_HOST: dict[str, Callable[[Link], TrackReference]] = {
    **{host: provider.read for provider in PROVIDERS for host in provider.hosts},
    **{host: provider.read_short for provider in PROVIDERS for host in provider.short_hosts},
}
_BY_PARENT: dict[str, Callable[[Link], TrackReference]] = {
    provider.parent_host: provider.read for provider in PROVIDERS if provider.parent_host is not None
}
_BY_SCHEME: dict[str, Callable[[str], TrackReference]] = {
    provider.address_scheme: provider.read_address
    for provider in PROVIDERS
    if provider.address_scheme is not None and provider.read_address is not None
}


def parse(text: str) -> TrackReference:
    """Parse a pasted text.

    Raises InvalidUrlError, UnsupportedProviderError, UnsupportedResourceError or PrivateLinkError only.
    """
    found = find_link(text, is_provider_host)
    try:
        return _read(found)
    except (InvalidUrlError, UnsupportedResourceError):
        for shorter in shorter_links(found):
            with contextlib.suppress(InvalidUrlError, UnsupportedResourceError):
                return _read(shorter)
        raise


def _read(found: str) -> TrackReference:
    scheme, colon, _ = found.partition(":")
    if colon and (read_address := _BY_SCHEME.get(scheme.lower())):
        return read_address(found)
    link = read_link(found)
    read = _reader(link.host)
    if read is None:
        raise UnsupportedProviderError(link.host)
    return read(link)


def custom_domain(text: str) -> TrackReference | None:
    """Return the page of a text as if its host were a Bandcamp artist's custom domain; None if it can't be one.

    Only Bandcamp can confirm that, by the page's canonical URL on a host that `parse` knows or by a redirect to this
    page. The reference must be resolved before it is stored. Raises InvalidUrlError.
    """
    link = read_link(find_link(text, is_provider_host))
    return bandcamp.read_custom_domain(link) if _reader(link.host) is None else None


def is_provider_host(host: str) -> bool:
    """Return True for a host whose links `parse` reads."""
    return _reader(host) is not None


def _reader(host: str) -> Callable[[Link], TrackReference] | None:
    """Return the parser for the links of a host; None for an unknown host."""
    return _BY_HOST.get(host) or _BY_PARENT.get(host.partition(".")[2])
