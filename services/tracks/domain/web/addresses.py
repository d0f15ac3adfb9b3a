"""SSRF guard for IP addresses: only public ones may be connected to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Self, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# Networks that `is_global` accepts in at least one version of Python although they are private or unroutable: 6to4
# relays, addresses with an embedded IPv4 address, site-local and documentation blocks, segment routing.
_NOT_PUBLIC: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in (
        "192.88.99.0/24",
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/32",
        "2002::/16",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)


def is_public(address: Address) -> bool:
    """Return True for an address of the public internet."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not (isinstance(address, IPv6Address) and address.scope_id is not None)
        and not any(address in network for network in _NOT_PUBLIC if network.version == address.version)
    )


@dataclass(frozen=True, slots=True)
class DenyList:
    """Networks and hosts (with their subdomains) that the operator blocks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a comma-separated list such as `10.1.0.0/16, example.org`. Raises ValueError."""
        hosts: set[str] = set()
        networks: list[Network] = []
        for entry in filter(None, (each.strip().lower().rstrip(".") for each in text.split(","))):
            if "/" in entry or ":" in entry or entry.rpartition(".")[2].isdigit():
                networks.append(ip_network(entry))
            else:
                hosts.add(entry.removeprefix("*."))
        return cls(frozenset(hosts), tuple(networks))

    def has_host(self, host: str) -> bool:
        """Return True if the host or a parent domain is on the list."""
        labels = host.split(".")
        return any(".".join(labels[start:]) in self.hosts for start in range(len(labels)))

    def has_address(self, address: Address) -> bool:
        """Return True if the address is on the list."""
        return any(address in network for network in self.networks if network.version == address.version)


def all_allowed(addresses: Iterable[Address], denied: DenyList) -> bool:
    """Return True if all addresses are allowed: one private address blocks the whole name (DNS rebinding)."""
    return all(is_public(each) and not denied.has_address(each) for each in addresses)
