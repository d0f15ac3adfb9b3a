"""Which addresses of the network may be connected to: those that anybody could reach from anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Self, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# What `is_global` lets through in at least one version of Python, though it leads inside or nowhere: relays of
# 6to4, addresses that hold an IPv4 address (which may be any), the site-local and documentation blocks, segment
# routing.
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
    """Whether the address is one of the public internet."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not (isinstance(address, IPv6Address) and address.scope_id is not None)
        and not any(address in network for network in _NOT_PUBLIC if network.version == address.version)
    )


@dataclass(frozen=True, slots=True)
class DenyList:
    """What the operator closes beside that: networks, and hosts with everything below them."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """From a list with commas, such as `10.1.0.0/16, example.org`. Raises ValueError."""
        hosts: set[str] = set()
        networks: list[Network] = []
        for entry in filter(None, (each.strip().lower().rstrip(".") for each in text.split(","))):
            if "/" in entry or ":" in entry or entry.rpartition(".")[2].isdigit():
                networks.append(ip_network(entry))
            else:
                hosts.add(entry.removeprefix("*."))
        return cls(frozenset(hosts), tuple(networks))

    def holds_host(self, host: str) -> bool:
        """Whether the host, or a domain that it belongs to, is on the list."""
        labels = host.split(".")
        return any(".".join(labels[start:]) in self.hosts for start in range(len(labels)))

    def holds_address(self, address: Address) -> bool:
        """Whether the address is on the list."""
        return any(address in network for network in self.networks if network.version == address.version)


def all_allowed(addresses: Iterable[Address], denied: DenyList) -> bool:
    """Whether every one may be connected to: a name with one private address is not to be trusted with any."""
    return all(is_public(each) and not denied.holds_address(each) for each in addresses)
