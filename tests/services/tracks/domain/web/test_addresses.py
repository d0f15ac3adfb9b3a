"""Which addresses are public: the whole special-purpose registries of IANA, and what clouds and IPv6 add to them."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from unittest.mock import patch

import pytest

from services.tracks.domain.web import addresses
from services.tracks.domain.web.addresses import Address, DenyList, Network, all_allowed, is_public

# iana-ipv4-special-registry, the multicast space, and the addresses of cloud metadata.
IPV4 = """
    0.0.0.0/8 0.0.0.0/32 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.0.0/29
    192.0.0.8/32 192.0.0.9/32 192.0.0.10/32 192.0.0.170/32 192.0.0.171/32 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24
    192.88.99.0/24 192.88.99.2/32 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24
    224.0.0.0/4 240.0.0.0/4 255.255.255.255/32
    169.254.169.254/32 169.254.170.2/32 168.63.129.16/32 100.100.100.200/32 192.0.0.192/32
"""
# iana-ipv6-special-registry, the addresses with an embedded IPv4 address, multicast, and cloud metadata.
IPV6 = """
    ::1/128 ::/128 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128
    2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28
    2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10
    ::/96 ::ffff:0:0:0/96 fec0::/10 ff00::/8 4000::/2 8000::/1 fd00:ec2::254/128 fd20:ce::254/128 fe80::a9fe:a9fe/128
"""
SPECIAL = [ip_network(each) for each in (IPV4 + IPV6).split()]
# Right before and after special blocks, and sites.
PUBLIC = """
    1.0.0.0 1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 168.63.129.15
    168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0
    192.31.195.255 192.31.197.0 192.52.192.255 192.52.194.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0
    192.175.47.255 192.175.49.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0
    223.255.255.255
    2000::1 2001:200:: 2001:db7::1 2001:db9:: 2003:: 2606:4700:4700::1111 2620:4f:7fff::1 2620:4f:8001:: 2a00:1450:4001::1
    3ffe:ffff::1
"""


def _samples(network: Network) -> Iterator[Address]:
    for offset in {0, 1, network.num_addresses // 2, network.num_addresses - 1}:
        if offset < network.num_addresses:
            yield network[offset]


def _embedding(inner: IPv4Address) -> Iterator[IPv6Address]:
    """The IPv6 addresses that lead to an IPv4 address: compatible, mapped, translated, NAT64, 6to4, Teredo."""
    for prefix in ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::"):
        yield IPv6Address(int(IPv6Address(prefix)) | int(inner))
    yield IPv6Address(int(IPv6Address("2002::")) | int(inner) << 80)
    yield IPv6Address(int(IPv6Address("2001::")) | int(inner) ^ 0xFFFFFFFF)


@pytest.mark.parametrize("network", SPECIAL, ids=str)
def test_special_purpose_addresses_are_not_public(network: Network) -> None:
    for address in _samples(network):
        assert not is_public(address), address
        if isinstance(address, IPv4Address):
            assert not any(map(is_public, _embedding(address))), address


@pytest.mark.parametrize("network", SPECIAL, ids=str)
def test_the_table_does_not_depend_on_the_version_of_python(network: Network) -> None:
    with patch.object(IPv4Address, "is_global", True), patch.object(IPv6Address, "is_global", True):
        assert not any(map(is_public, _samples(network)))


@pytest.mark.parametrize("address", PUBLIC.split())
def test_addresses_beside_special_purpose_blocks_are_public(address: str) -> None:
    found = ip_address(address)
    assert is_public(found)
    # Another way to the same host is none: it would pass a deny list by.
    if isinstance(found, IPv4Address):
        assert not any(map(is_public, _embedding(found)))


def test_an_address_with_a_zone_is_not_public() -> None:
    assert not is_public(ip_address("2606:4700:4700::1111%eth0"))


def test_one_private_or_denied_address_refuses_the_name() -> None:
    public, private = ip_address("1.1.1.1"), ip_address("10.0.0.1")
    assert all_allowed([public], DenyList())
    assert not all_allowed([public, private], DenyList())
    assert not all_allowed([public, ip_address("8.8.8.8")], DenyList.parse("8.8.8.0/24"))


def test_a_missing_entry_is_noticed() -> None:
    for entry in addresses._SPECIAL_PURPOSE:
        rest = tuple(each for each in addresses._SPECIAL_PURPOSE if each != entry)
        with (
            patch.object(addresses, "_SPECIAL_PURPOSE", rest),
            patch.object(IPv4Address, "is_global", True),
            patch.object(IPv6Address, "is_global", True),
        ):
            assert any(is_public(each) for network in SPECIAL for each in _samples(network)), entry
