"""Resolves host names with DNS alone, as absolute names."""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

import dns.asyncresolver
import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver

from services.tracks.domain.web.addresses import Address

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 2.0
_TYPES = (dns.rdatatype.A, dns.rdatatype.AAAA)


class ResolveError(Exception):
    """The name has no address, or DNS failed."""


class ResolveTimeoutError(ResolveError):
    """DNS timed out."""


class DnsResolver:
    """Queries the name servers of resolv.conf over asyncio sockets.

    The system's resolver would block a thread for as long as a dead zone takes, read the hosts file and try the
    cluster's search domains.
    """

    def __init__(self, resolver: dns.asyncresolver.Resolver | None = None) -> None:
        """`resolver` replaces the name servers of resolv.conf."""
        self._resolver = resolver

    async def addresses(self, host: str) -> list[Address]:
        """Return all addresses of the host, at least one. Raises ResolveError."""
        resolver = self._configured()
        name = _absolute(host)
        queries = [self._query(resolver, name, kind) for kind in _TYPES]
        answers = await asyncio.gather(*queries, return_exceptions=True)
        found = [address for answer in answers if isinstance(answer, list) for address in answer]
        if found:
            return found
        raise _worst([answer for answer in answers if isinstance(answer, BaseException)])

    async def _query(
        self, resolver: dns.asyncresolver.Resolver, name: dns.name.Name, kind: dns.rdatatype.RdataType
    ) -> list[IPv4Address | IPv6Address]:
        answer = await resolver.resolve(name, kind, lifetime=_SECONDS, raise_on_no_answer=False, search=False)
        return [ip_address(record.to_text()) for record in answer.rrset or ()]

    def _configured(self) -> dns.asyncresolver.Resolver:
        # Read on first use: without a network there is no configuration, and everything else still works.
        if self._resolver is None:
            try:
                self._resolver = dns.asyncresolver.Resolver()
            except dns.exception.DNSException as error:
                raise ResolveError("no name servers are configured") from error
        return self._resolver


def _absolute(host: str) -> dns.name.Name:
    try:
        return dns.name.from_text(f"{host}.")
    except dns.exception.DNSException as error:
        raise ResolveError("the host is not a DNS name") from error


def _worst(errors: Sequence[BaseException]) -> BaseException:
    for error in errors:
        if isinstance(error, dns.exception.Timeout):
            return ResolveTimeoutError("DNS timed out")
        if not isinstance(error, (dns.exception.DNSException, OSError, ValueError)):
            return error
    return ResolveError("the name has no address")
