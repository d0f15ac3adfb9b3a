"""Types of settings that check their values, and the addresses in them."""

from __future__ import annotations

import ipaddress
import os
import re
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import AfterValidator, Field, SecretStr

from sedaclient.auth import MIN_SECRET_BYTES
from sedaclient.channels import is_loopback
from servicekit.database_url import read_database_url

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")


def addresses(hosts: str) -> tuple[str, ...]:
    """Parse addresses separated by commas; IPv6 ones may be in brackets."""
    return tuple(host.strip().removeprefix("[").removesuffix("]") for host in hosts.split(","))


def is_protected_database(url: str) -> bool:
    """Whether a database is on this machine or its URL demands TLS with a verified host name.

    Reads hosts as asyncpg does, with its defaults. One from a service file counts as beyond this machine.
    """
    parts, options = urlsplit(url), dict(parse_qsl(urlsplit(url).query))
    if options.get("sslmode") == "verify-full":
        return True
    if options.get("service") or os.environ.get("PGSERVICE"):
        return False
    listed = parts.netloc.partition("@")[2] if "@" in parts.netloc else parts.netloc
    hosts = unquote(listed) or options.get("host") or os.environ.get("PGHOST") or "localhost"
    without_ports = (re.sub(r"^(\[.*\]|[^:]+):\d*$", r"\1", each) for each in hosts.split(","))
    return all(host.startswith("/") or is_loopback(host) for host in without_ports)


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
        raise ValueError(f"must be at least {MIN_SECRET_BYTES} bytes long")
    return secret


def _postgres(url: SecretStr) -> SecretStr:
    read_database_url(url.get_secret_value())
    return url


def _all_addresses(hosts: str) -> str:
    if not all(addresses(hosts)):
        raise ValueError("must be an address, or several with commas")
    return hosts


def _all_names(names: str) -> str:
    if names and not all(_NAME.fullmatch(each) for each in names.split(",")):
        raise ValueError(
            "must be names of services with commas: lower-case letters, digits, hyphens and underscores"
        )
    return names


def _one_family(target: str) -> str:
    """Several addresses must be of one family: grpc resolves one name, or a list of IP addresses."""
    if "," in target and not target.startswith(("dns:", "ipv4:", "ipv6:")):
        found = [_ip_address(each.rpartition(":")[0]) for each in target.split(",")]
        if None in found or len(set(map(type, found))) > 1:
            raise ValueError("several targets must all be IPv4 or all be IPv6 addresses with ports")
    return target


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres)]
Names = Annotated[str, AfterValidator(_all_names)]
Addresses = Annotated[str, AfterValidator(_all_addresses)]
Target = Annotated[str, Field(min_length=1), AfterValidator(_one_family)]
