"""SSRF guard for IP addresses: only public ones may be connected to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from typing import Self, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# The IANA special-purpose registries of both versions, IPv4 multicast and reserved space included. `is_global` knows
# parts of them, other parts in each version of Python. Entries that are globally reachable (anycast of PCP, TURN, AMT and
# AS112) are here too: no site is served from them. IPv6 outside 2000::/3 is never public, with all addresses that embed
# an IPv4 address except those of 6to4 and Teredo.
_GLOBAL_UNICAST = ip_network("2000::/3")
_SPECIAL_PURPOSE: tuple[Network, ...] = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        # Azure gives its instances their metadata at this public address.
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


def is_public(address: Address) -> bool:
    """Return True for an address of the public internet that a site can be served from."""
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address not in _GLOBAL_UNICAST):
        return False
    return address.is_global and not any(
        address in network for network in _SPECIAL_PURPOSE if network.version == address.version
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
