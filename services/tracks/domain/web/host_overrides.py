"""Host overrides: loopback servers in place of web hosts, for tests and offline development."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TypeAlias

from servicekit.public_host import DEFAULT_PORTS
from services.tracks.domain.web.addresses import Address

HostOverrides: TypeAlias = dict[tuple[str, int], tuple[Address, int]]
"""Host and port to the loopback address and port that replace them."""


def parse_host_overrides(text: str) -> HostOverrides:
    """Parse a list such as `open.spotify.com=127.0.0.1:8443,example.com:80=[::1]:8080`; the default port is 443.

    Raises ValueError for an address that is not loopback: any other would bypass the SSRF guard.
    """
    found: HostOverrides = {}
    for entry in filter(None, (each.strip() for each in text.split(","))):
        source, equals, server = entry.partition("=")
        name, _, source_port = source.strip().lower().partition(":")
        address_text, _, port_text = server.strip().rpartition(":")
        address = ip_address(address_text.strip("[]"))
        if not (equals and name and address.is_loopback):
            message = f"{entry}: must be name=loopback address:port"
            raise ValueError(message)
        found[name, _port(source_port or "443", tuple(DEFAULT_PORTS.values()))] = (address, _port(port_text))
    return found


def _port(text: str, allowed: tuple[int, ...] = ()) -> int:
    port = int(text)
    if port not in (allowed or range(1, 65_536)):
        message = f"port {port} is not allowed"
        raise ValueError(message)
    return port
