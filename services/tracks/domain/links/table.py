"""All providers, and the way from a text to a reference."""

from __future__ import annotations

from collections.abc import Callable

from services.tracks.domain.errors import UnsupportedProviderError
from services.tracks.domain.links import spotify, youtube
from services.tracks.domain.links.link import Link, read_link
from services.tracks.domain.links.reference import Reference
from services.tracks.domain.links.text import find_link

PROVIDERS = (spotify.PROVIDER, youtube.PROVIDER)

_BY_HOST: dict[str, Callable[[Link], Reference]] = {
    **{host: provider.read for provider in PROVIDERS for host in provider.hosts},
    **{host: provider.read_short for provider in PROVIDERS for host in provider.short_hosts},
}
_BY_SCHEME: dict[str, Callable[[str], Reference]] = {
    provider.address_scheme: provider.read_address
    for provider in PROVIDERS
    if provider.address_scheme is not None and provider.read_address is not None
}


def parse(text: str) -> Reference:
    """Tells what a pasted text points to.

    Raises InvalidUrlError, UnsupportedProviderError or UnsupportedResourceError, and nothing else.
    """
    found = find_link(text)
    scheme, colon, _ = found.partition(":")
    if colon and (read_address := _BY_SCHEME.get(scheme.lower())):
        return read_address(found)
    link = read_link(found)
    read = _BY_HOST.get(link.host)
    if read is None:
        raise UnsupportedProviderError(link.host)
    return read(link)
