"""DNS over real datagrams from a fake name server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import cast

import dns.asyncresolver
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.resolver
import dns.rrset
import pytest

from services.tracks.clients.web.resolver import DnsResolver, ResolveError, ResolveTimeoutError


class NameServer(asyncio.DatagramProtocol):
    """A name server with a table of records; queries for names in `mute` get no response."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.aliases: dict[str, str] = {}
        self.mute: set[tuple[str, str]] = set()
        self.asked: list[tuple[str, str]] = []
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        question = query.question[0]
        asked = (question.name.to_text(), dns.rdatatype.to_text(question.rdtype))
        self.asked.append(asked)
        if asked in self.mute:
            return
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        name, kind = asked
        if name in self.aliases:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", "CNAME", self.aliases[name]))
            name = self.aliases[name]
        records = self.records.get((name, kind))
        if records:
            response.answer.append(dns.rrset.from_text(name, 60, "IN", kind, *records))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)
        assert self._transport is not None
        self._transport.sendto(response.to_wire(), addr)


@pytest.fixture
async def names() -> AsyncIterator[tuple[NameServer, DnsResolver]]:
    """A name server, and a resolver that queries it."""
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(NameServer, local_addr=("127.0.0.1", 0))
    configured = dns.asyncresolver.Resolver(configure=False)
    configured.nameservers = ["127.0.0.1"]
    configured.port = transport.get_extra_info("sockname")[1]
    with contextlib.closing(transport):
        yield server, DnsResolver(configured)


async def test_all_addresses_of_both_families_are_given(names: tuple[NameServer, DnsResolver]) -> None:
    server, resolver = names
    server.records = {
        ("example.com.", "A"): ["8.8.8.8", "10.0.0.1"],
        ("example.com.", "AAAA"): ["2606:4700::1"],
    }
    found = await resolver.addresses("example.com")
    assert sorted(map(str, found)) == ["10.0.0.1", "2606:4700::1", "8.8.8.8"]
    assert sorted(server.asked) == [("example.com.", "A"), ("example.com.", "AAAA")]


async def test_aliases_are_followed_to_their_addresses(names: tuple[NameServer, DnsResolver]) -> None:
    server, resolver = names
    server.aliases["www.example.com."] = "internal.example.com."
    server.records["internal.example.com.", "A"] = ["10.0.0.1"]
    assert [str(each) for each in await resolver.addresses("www.example.com")] == ["10.0.0.1"]


async def test_one_family_is_enough(names: tuple[NameServer, DnsResolver]) -> None:
    server, resolver = names
    server.records["example.com.", "AAAA"] = ["2606:4700::1"]
    assert [str(each) for each in await resolver.addresses("example.com")] == ["2606:4700::1"]


async def test_a_name_without_addresses_is_an_error(names: tuple[NameServer, DnsResolver]) -> None:
    server, resolver = names
    server.records["example.com.", "TXT"] = ['"no address"']
    for name in ("example.com", "nowhere.com"):
        with pytest.raises(ResolveError) as raised:
            await resolver.addresses(name)
        assert not isinstance(raised.value, ResolveTimeoutError)


@pytest.mark.parametrize("host", ["example.com.", "a..example.com", "a" * 64 + ".com", "a." * 128 + "com"])
async def test_invalid_name_is_an_error_without_a_query(
    names: tuple[NameServer, DnsResolver], host: str
) -> None:
    server, resolver = names
    with pytest.raises(ResolveError):
        await resolver.addresses(host)
    assert server.asked == []


async def test_resolver_times_out(names: tuple[NameServer, DnsResolver]) -> None:
    server, resolver = names
    server.mute = {("slow.com.", "A"), ("slow.com.", "AAAA")}
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(ResolveTimeoutError):
        await resolver.addresses("slow.com")
    assert loop.time() - started < 4


async def test_search_domains_and_the_hosts_file_are_not_used(
    names: tuple[NameServer, DnsResolver],
) -> None:
    server, resolver = names
    server.records["tracks.default.svc.cluster.local.", "A"] = ["10.0.0.1"]
    assert resolver._resolver is not None
    resolver._resolver.search = [dns.name.from_text("default.svc.cluster.local.")]
    for name in ("tracks", "localhost"):
        with pytest.raises(ResolveError):
            await resolver.addresses(name)
    assert {name for name, _ in server.asked} == {"tracks.", "localhost."}


async def test_a_machine_without_name_servers_starts_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def unconfigured() -> None:
        raise dns.resolver.NoResolverConfiguration

    resolver = DnsResolver()
    monkeypatch.setattr(dns.asyncresolver, "Resolver", unconfigured)
    with pytest.raises(ResolveError):
        await resolver.addresses("example.com")
