"""The network of a client without a token, whose open streams are counted together."""

from __future__ import annotations

import ipaddress
from urllib.parse import unquote

# One subscriber has a whole network of IPv6 addresses.
_IPV6_PREFIX = 64


def client_network(peer: str) -> str:
    """The address in grpc's name of a peer, such as `ipv4:10.0.0.1:5000`; of IPv6, the network of a subscriber."""
    host = unquote(peer.partition(":")[2].rpartition(":")[0]).strip("[]")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        # Such as a Unix socket.
        return peer
    prefix = _IPV6_PREFIX if isinstance(address, ipaddress.IPv6Address) else 32
    return str(ipaddress.ip_network((address, prefix), strict=False).network_address)
