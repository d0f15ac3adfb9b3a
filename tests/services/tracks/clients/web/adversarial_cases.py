"""Adversarial URLs, DNS records and servers, each with its expected failure."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from services.tracks.domain.web.fetch_response import Failure, Policy
from tests.services.tracks.clients.web.web_server import (
    BLACK_HOLE,
    Handler,
    ReceivedRequest,
    answer,
    redirect,
)

MIB = 1 << 20
# Tolerance of each limit on a busy machine, in seconds.
SLACK = 2.0


@dataclass(frozen=True)
class Case:
    """An adversarial URL. `seconds`: the time limit; a case above SLACK takes all of it.

    `names` are the answers of DNS, `pages` those of the public server and `plain` those of its port 80.
    """

    url: str
    failure: Failure
    names: Mapping[str, list[list[str]]] = field(default_factory=dict)
    pages: Mapping[str, bytes | Handler] = field(default_factory=dict)
    plain: Mapping[str, bytes | Handler] = field(default_factory=dict)
    seconds: float = SLACK
    policy: Policy = Policy.ANY_SITE


def _resolving(*answers: list[str], failure: Failure = Failure.BLOCKED_ADDRESS) -> Case:
    return Case("https://trap.com/", failure, {"trap.com": list(answers)})


def _leading(location: str, failure: Failure, **names: list[list[str]]) -> Case:
    return Case(
        "https://music.example.com/go",
        failure,
        {name.replace("_", "."): answers for name, answers in names.items()},
        {"music.example.com/go": redirect(location)},
    )


def _serving(page: bytes | Handler, failure: Failure, seconds: float = SLACK) -> Case:
    return Case("https://music.example.com/bad", failure, pages={"/bad": page}, seconds=seconds)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def _endless(start: bytes, piece: Callable[[int], bytes], pause: float = 0) -> Handler:
    async def serve(_: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        number = 0
        while not writer.is_closing():
            writer.write(piece(number))
            await writer.drain()
            number += 1
            # Yields to the other side between writes.
            await asyncio.sleep(pause)

    return serve


async def _silent(_: ReceivedRequest, _writer: asyncio.StreamWriter) -> None:
    # Until the server is stopped.
    await asyncio.Event().wait()


def _bomb(mebibytes: int) -> bytes:
    """So many mebibytes of zeros, compressed; a full flush makes each one compress to the same bytes."""
    zeros = b"\0" * MIB
    deflate = zlib.compressobj(9, wbits=31)
    first, *_, other = (deflate.compress(zeros) + deflate.flush(zlib.Z_FULL_FLUSH) for _ in range(3))
    return first + other * (mebibytes - 1)


def _gzipped(body: bytes) -> bytes:
    return answer(200, body, Content_Encoding="gzip")


_CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
_DEEP = "https://music.example.com/r"
_CHAIN = {f"/r{n}": redirect(f"/r{n + 1}") for n in range(20)}
# A gzip header and an empty block, which can be repeated endlessly.
_GZIP_HEAD = HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"")[:10]
_NOTHING = b"\x00\x00\x00\xff\xff"
_NODES = b"<b>" * 1_000_000

CASES: dict[str, Case] = {
    # The URL itself.
    "decimal": Case("https://2130706433/", Failure.BLOCKED_URL),
    "octal": Case("https://0177.0.0.01/", Failure.BLOCKED_URL),
    "hex": Case("https://0x7f000001/", Failure.BLOCKED_URL),
    "hex parts": Case("https://0x7f.0x0.0x0.0x1/", Failure.BLOCKED_URL),
    "short": Case("https://127.1/", Failure.BLOCKED_URL),
    "dotted": Case("https://127.0.0.1/", Failure.BLOCKED_URL),
    "dotted with a final dot": Case("https://127.0.0.1./", Failure.BLOCKED_URL),
    "public number": Case("https://8.8.8.8/", Failure.BLOCKED_URL),
    "metadata": Case("https://169.254.169.254/latest/meta-data/", Failure.BLOCKED_URL),
    "zero": Case("https://0/", Failure.BLOCKED_URL),
    "ipv6": Case("https://[::1]/", Failure.BLOCKED_URL),
    "ipv6 mapped": Case("https://[::ffff:127.0.0.1]/", Failure.BLOCKED_URL),
    "ipv6 zone": Case("https://[fe80::1%25eth0]/", Failure.BLOCKED_URL),
    "fullwidth digits": Case("https://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", Failure.BLOCKED_URL),
    "circled digits": Case("https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/", Failure.BLOCKED_URL),
    "ideographic dots": Case("https://127\u30020\u30020\u30021/", Failure.BLOCKED_URL),
    "escaped digits": Case("https://%31%32%37.0.0.1/", Failure.BLOCKED_URL),
    "userinfo": Case("https://music.example.com@127.0.0.1/", Failure.BLOCKED_URL),
    "userinfo before a name": Case("https://user:pass@music.example.com/", Failure.BLOCKED_URL),
    "backslash": Case("https://music.example.com\\@127.0.0.1/", Failure.BLOCKED_URL),
    "odd port": Case("https://music.example.com:8443/", Failure.BLOCKED_URL),
    "database's port": Case("https://music.example.com:5432/", Failure.BLOCKED_URL),
    "other scheme's port": Case("https://music.example.com:80/", Failure.BLOCKED_URL),
    "file": Case("file:///etc/passwd", Failure.BLOCKED_URL),
    "gopher": Case("gopher://music.example.com/", Failure.BLOCKED_URL),
    "ftp": Case("ftp://music.example.com/", Failure.BLOCKED_URL),
    "data": Case("data:text/html,hello", Failure.BLOCKED_URL),
    "javascript": Case("javascript:alert(1)", Failure.BLOCKED_URL),
    "no host": Case("https:///etc/passwd", Failure.BLOCKED_URL),
    "no scheme": Case("//music.example.com/", Failure.BLOCKED_URL),
    "line break": Case("https://music.example.com/\r\nHost: internal", Failure.BLOCKED_URL),
    "tab in the host": Case("https://127.0.0.1\t.example.com/", Failure.BLOCKED_URL),
    "half a character": Case("https://music.example.com/\ud800", Failure.BLOCKED_URL),
    "too long": Case("https://music.example.com/" + "a" * 2100, Failure.BLOCKED_URL),
    "empty label": Case("https://music..example.com/", Failure.BLOCKED_URL),
    "two final dots": Case("https://music.example.com../", Failure.BLOCKED_URL),
    "denied with two final dots": Case("https://denied.com../", Failure.BLOCKED_URL),
    "denied with a final dot of another script": Case("https://denied.com\u3002/", Failure.BLOCKED_URL),
    # Reserved and unregistrable names.
    "localhost": Case("https://localhost/", Failure.BLOCKED_HOST),
    "localhost with a final dot": Case("https://localhost./", Failure.BLOCKED_HOST),
    "below localhost": Case("https://music.localhost/", Failure.BLOCKED_HOST),
    "one label": Case("https://intranet/", Failure.BLOCKED_HOST),
    "local": Case("https://printer.local/", Failure.BLOCKED_HOST),
    "internal": Case("https://metadata.google.internal/", Failure.BLOCKED_HOST),
    "onion": Case("https://abcdefghijklmnop.onion/", Failure.BLOCKED_HOST),
    "cluster": Case("https://tracks.default.svc.cluster.local/", Failure.BLOCKED_HOST),
    "cluster, short": Case("https://tracks.default.svc/", Failure.BLOCKED_HOST),
    "reverse zone": Case("https://1.0.0.127.in-addr.arpa/", Failure.BLOCKED_HOST),
    "public suffix": Case("https://co.uk/", Failure.BLOCKED_HOST),
    "denied": Case("https://denied.com/", Failure.BLOCKED_HOST),
    "below denied": Case("https://www.denied.com./", Failure.BLOCKED_HOST),
    # FakeResolver that resolve to private addresses.
    "loopback": _resolving(["127.0.0.1"]),
    "other loopback": _resolving(["127.8.8.8"]),
    "loopback v6": _resolving(["::1"]),
    "mapped": _resolving(["::ffff:127.0.0.1"]),
    "mapped public": _resolving(["::ffff:8.8.8.8"]),
    "compatible": _resolving(["::127.0.0.1"]),
    "nat64": _resolving(["64:ff9b::7f00:1"]),
    "nat64 local": _resolving(["64:ff9b:1::7f00:1"]),
    "6to4": _resolving(["2002:7f00:1::"]),
    "6to4 relay": _resolving(["192.88.99.1"]),
    "teredo": _resolving(["2001::7f00:1"]),
    "private 10": _resolving(["10.0.0.1"]),
    "private 172": _resolving(["172.16.0.1"]),
    "private 192": _resolving(["192.168.1.1"]),
    "carrier": _resolving(["100.64.0.1"]),
    "link-local": _resolving(["169.254.169.254"]),
    "link-local v6": _resolving(["fe80::1"]),
    "unique local": _resolving(["fd00:ec2::254"]),
    "site-local": _resolving(["fec0::1"]),
    "multicast": _resolving(["224.0.0.1"]),
    "multicast v6": _resolving(["ff02::1"]),
    "unspecified": _resolving(["0.0.0.0"]),
    "unspecified v6": _resolving(["::"]),
    "broadcast": _resolving(["255.255.255.255"]),
    "documentation": _resolving(["3fff::1"]),
    "segment routing": _resolving(["5f00::1"]),
    "denied network": _resolving(["93.184.216.34"]),
    "one of several": _resolving(["8.8.8.8", "2606:4700::1111", "10.0.0.1"]),
    "no address": Case("https://nowhere.com/", Failure.DNS_FAILED),
    # Redirects.
    "redirect to a number": _leading("https://127.0.0.1/", Failure.BLOCKED_URL),
    "redirect to a private name": _leading(
        "https://trap.com/", Failure.BLOCKED_ADDRESS, trap_com=[["127.0.0.1"]]
    ),
    "redirect to localhost": _leading("https://localhost:443/", Failure.BLOCKED_HOST),
    "redirect to a port": _leading("https://music.example.com:8443/", Failure.BLOCKED_URL),
    "redirect with userinfo": _leading("https://a:b@other.example.org/", Failure.BLOCKED_URL),
    "redirect to a file": _leading("file:///etc/passwd", Failure.BLOCKED_URL),
    "redirect to two final dots": _leading("https://trap.com../", Failure.BLOCKED_URL),
    "redirect without a scheme": _leading("//127.0.0.1/", Failure.BLOCKED_URL),
    "redirect to http": _leading("http://music.example.com/", Failure.REDIRECT_REFUSED),
    "redirect to itself": _leading("/go", Failure.REDIRECT_LOOP),
    "redirect to nonsense": _leading("https://[::1/", Failure.BLOCKED_URL),
    "redirect loop": Case(
        "https://loop.example.com/a",
        Failure.REDIRECT_LOOP,
        pages={"/a": redirect("/b"), "/b": redirect("/a")},
    ),
    "redirect chain": Case(f"{_DEEP}0", Failure.TOO_MANY_REDIRECTS, pages=_CHAIN),
    "short chain, same site": Case(
        f"{_DEEP}0", Failure.TOO_MANY_REDIRECTS, pages=_CHAIN, policy=Policy.SAME_SITE
    ),
    "other site": Case(
        "https://music.example.com/go",
        Failure.REDIRECT_REFUSED,
        pages={"/go": redirect("https://other.example.org/")},
        policy=Policy.SAME_SITE,
    ),
    "http that stays": Case("http://www.example.com/", Failure.NOT_UPGRADED, plain={"/": answer(200, "hi")}),
    "http to http": Case(
        "http://www.example.com/", Failure.NOT_UPGRADED, plain={"/": redirect("http://www.example.com/b")}
    ),
    "http to a private name": Case(
        "http://www.example.com/",
        Failure.BLOCKED_ADDRESS,
        {"trap.com": [["127.0.0.1"]]},
        plain={"/": redirect("https://trap.com/")},
    ),
    "rebinding": Case(
        "https://music.example.com/go",
        Failure.BLOCKED_ADDRESS,
        {"trap.com": [["8.8.8.8", "127.0.0.1"], ["127.0.0.1"]]},
        {"/go": redirect("https://trap.com/")},
    ),
    # Servers that send too much or too little.
    "header flood": _serving(_endless(HEAD, lambda n: b"X-%d: y\r\n" % n), Failure.PROTOCOL_ERROR),
    "long header": _serving(_endless(HEAD + b"X: ", lambda _: b"y" * 4096), Failure.PROTOCOL_ERROR),
    "provisional flood": _serving(
        _endless(b"", lambda _: b"HTTP/1.1 100 Continue\r\n\r\n"), Failure.PROTOCOL_ERROR
    ),
    "no HTTP": _serving(b"220 mail.example.com ESMTP\r\n\r\n", Failure.PROTOCOL_ERROR),
    "status of no class": _serving(answer(600, "x"), Failure.PROTOCOL_ERROR),
    "highest status": _serving(answer(999, "x"), Failure.PROTOCOL_ERROR),
    "two lengths": _serving(
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", Failure.PROTOCOL_ERROR
    ),
    "tiny chunks": _serving(_endless(_CHUNKED, lambda _: b"1\r\nx\r\n" * 100), Failure.PROTOCOL_ERROR),
    "broken chunks": _serving(_CHUNKED + b"zz\r\n\r\n", Failure.PROTOCOL_ERROR),
    "gzip bomb": _serving(_gzipped(_bomb(300)), Failure.TOO_LARGE),
    "gzip of exactly one byte too much": _serving(
        _gzipped(gzip.compress(b"\0" * (MIB + 1))), Failure.TOO_LARGE
    ),
    "gzip without end": _serving(_endless(_GZIP_HEAD, lambda _: _NOTHING * 4000), Failure.TOO_LARGE),
    "broken gzip": _serving(_gzipped(b"not gzip at all"), Failure.ENCODING_REFUSED),
    "half of a gzip": _serving(_gzipped(gzip.compress(b"hello" * 1000)[:-10]), Failure.ENCODING_REFUSED),
    "deflate": _serving(
        answer(200, zlib.compress(b"x"), Content_Encoding="deflate"), Failure.ENCODING_REFUSED
    ),
    "two encodings": _serving(answer(200, b"x", Content_Encoding="gzip, gzip"), Failure.ENCODING_REFUSED),
    "endless body": _serving(_endless(HEAD + b"\r\n", lambda _: b"x" * 65536), Failure.TOO_LARGE),
    "announced length": _serving(HEAD + b"Content-Length: 10000000000\r\n\r\n", Failure.TOO_LARGE),
    "absurd length": _serving(HEAD + b"Content-Length: " + b"9" * 19 + b"\r\n\r\n", Failure.TOO_LARGE),
    "million nodes": _serving(answer(200, _NODES), Failure.TOO_LARGE),
    "million nodes, packed": _serving(_gzipped(gzip.compress(_NODES)), Failure.TOO_LARGE),
    "truncated": _serving(HEAD + b"Content-Length: 100\r\n\r\nabc", Failure.CONNECTION_LOST),
    "nothing at all": _serving(b"", Failure.CONNECTION_LOST),
    "picture": _serving(answer(200, b"\x89PNG", "image/png"), Failure.CONTENT_TYPE_REFUSED),
    "script": _serving(answer(200, b"{}", "text/javascript"), Failure.CONTENT_TYPE_REFUSED),
    "application's script": _serving(
        answer(200, b"{}", "application/javascript"), Failure.CONTENT_TYPE_REFUSED
    ),
    "no type": _serving(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", Failure.CONTENT_TYPE_REFUSED),
    "download": _serving(answer(200, b"x", "application/octet-stream"), Failure.CONTENT_TYPE_REFUSED),
    "certificate of another": Case("https://nowhere.example.com/", Failure.TLS_FAILED),
    "no TLS": Case("https://plain.example.com/", Failure.TLS_FAILED),
    "refused": Case("https://closed.com/", Failure.CONNECT_FAILED, {"closed.com": [["8.8.4.4"]]}),
    # Slow servers: each takes its whole limit.
    "dead": Case(
        "https://dead.com/", Failure.CONNECT_TIMEOUT, {"dead.com": [[BLACK_HOLE]]}, seconds=3 + SLACK
    ),
    "no handshake": Case("https://mute.example.com/", Failure.CONNECT_TIMEOUT, seconds=3 + SLACK),
    "silence": _serving(_silent, Failure.ANSWER_TIMEOUT, 5 + SLACK),
    "drip in the first line": _serving(
        _endless(b"", lambda n: HEAD[n : n + 1], 0.7), Failure.TOTAL_TIMEOUT, 10 + SLACK
    ),
    "drip in the headers": _serving(
        _endless(HEAD, lambda _: b"X: y\r\n", 0.5), Failure.TOTAL_TIMEOUT, 10 + SLACK
    ),
    "drip in the body": _serving(
        _endless(HEAD + b"\r\n", lambda _: b"x", 0.5), Failure.TOTAL_TIMEOUT, 10 + SLACK
    ),
    "drip in gzip": _serving(
        _endless(_GZIP_HEAD, lambda _: _NOTHING, 0.5), Failure.TOTAL_TIMEOUT, 10 + SLACK
    ),
}
FAST = {name: case for name, case in CASES.items() if case.seconds <= SLACK}
SLOW = {name: case for name, case in CASES.items() if case.seconds > SLACK}
