"""All providers, and the way from a text to a reference."""

from __future__ import annotations

from collections.abc import Callable

from services.tracks.domain.errors import UnsupportedProviderError
from services.tracks.domain.links import apple, bandcamp, deezer, soundcloud, spotify, tidal, youtube
from services.tracks.domain.links.extract import find_link
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
    """Tells what a pasted text points to.

    Raises InvalidUrlError, UnsupportedProviderError, UnsupportedResourceError or PrivateLinkError, and
    nothing else.
    """
    found = find_link(text)
    scheme, colon, _ = found.partition(":")
    if colon and (read_address := _BY_SCHEME.get(scheme.lower())):
        return read_address(found)
    link = read_link(found)
    read = _reader(link.host)
    if read is None:
        raise UnsupportedProviderError(link.host)
    return read(link)


def custom_domain(text: str) -> TrackReference | None:
    """The page that a text points to, if its host were a Bandcamp artist's own domain; None if it can't be.

    Nothing tells such a host from a foreign one but Bandcamp: the page's canonical address on a host that
    `parse` knows, or a page there that redirects to this one. The reference needs resolution, and must not
    be kept before. Raises InvalidUrlError.
    """
    link = read_link(find_link(text))
    return bandcamp.read_custom_domain(link) if _reader(link.host) is None else None


def _reader(host: str) -> Callable[[Link], TrackReference] | None:
    """Who reads the links of a host; None for a foreign one."""
    return _BY_HOST.get(host) or _BY_PARENT.get(host.partition(".")[2])
