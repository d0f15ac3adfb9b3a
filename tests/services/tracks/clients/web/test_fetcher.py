"""Successful fetches: responses, requests, redirects."""

from __future__ import annotations

import asyncio
import gzip
import socket
from ipaddress import ip_address

import pytest

from servicekit.errors import OverloadedError
from services.tracks.clients.web import connector, fetcher
from services.tracks.domain.web.addresses import Address
from services.tracks.domain.web.fetch_response import Failure, Policy
from services.tracks.domain.web.url_policy import FetchUrl
from tests.services.tracks.clients.web.fake_web import FakeWeb
from tests.services.tracks.clients.web.web_server import CountingConnector, ReceivedRequest, answer, redirect

URL = "https://music.example.com/song"


async def test_response_has_the_servers_headers(web: FakeWeb) -> None:
    web.public.pages["/song"] = answer(
        200, "<title>Air</title>", etag='"v1"', cache_control="public, max-age=7200", retry_after="5"
    )
    got = await web.get(URL + "#here")
    assert (got.failure, got.status_code, got.final_url) == (None, 200, URL)
    assert (got.content, got.content_type) == (b"<title>Air</title>", "text/html; charset=utf-8")
    assert (got.etag, got.max_age, got.retry_after, got.not_modified) == ('"v1"', 7200, 5, False)


async def test_request_has_only_the_needed_headers(web: FakeWeb) -> None:
    web.public.pages["music.example.com/song"] = answer(
        302, location="https://www.example.com/air", set_cookie="a=b; Domain=example.com"
    )
    web.public.pages["www.example.com/air"] = answer(200, "air")
    assert (await web.get(URL)).content == b"air"
    asked = [(each.host, each.path, sorted(each.headers)) for each in web.public.asked]
    names = ["accept", "accept-encoding", "accept-language", "connection", "host", "user-agent"]
    assert asked == [("music.example.com", "/song", names), ("www.example.com", "/air", names)]
    assert web.public.asked[0].headers["user-agent"] == "test (+https://example.org)"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(web: FakeWeb, status: int) -> None:
    web.public.pages |= {"/song": redirect("../air?x=1#y", status), "/air?x=1": answer(200, "air")}
    got = await web.get(URL)
    assert (got.content, got.final_url) == (b"air", "https://music.example.com/air?x=1")


@pytest.mark.parametrize(("policy", "most"), [(Policy.ANY_SITE, 5), (Policy.SAME_SITE, 3)])
async def test_as_many_redirects_as_allowed_are_followed(web: FakeWeb, policy: Policy, most: int) -> None:
    web.public.pages |= {f"/{number}": redirect(f"/{number + 1}") for number in range(most)}
    web.public.pages[f"/{most}"] = answer(200, "there")
    assert (await web.get("https://music.example.com/0", policy)).content == b"there"
    web.public.pages["/start"] = redirect("/0")
    assert (await web.get("https://music.example.com/start", policy)).failure is Failure.TOO_MANY_REDIRECTS


async def test_same_site_is_that_of_the_first_url(web: FakeWeb) -> None:
    web.public.pages["music.example.com/song"] = redirect("https://www.example.com/song")
    web.public.pages["www.example.com/song"] = answer(200, "here")
    assert (await web.get(URL, Policy.SAME_SITE)).content == b"here"


async def test_each_host_is_announced_before_its_request_and_may_be_refused(web: FakeWeb) -> None:
    web.public.pages["music.example.com/song"] = redirect("https://www.example.com/song")
    web.public.pages["www.example.com/song"] = redirect("https://other.example.org/song")

    def visit(host: str) -> None:
        web.visited.append(host)
        if host == "other.example.org":
            raise OverloadedError(1)

    with pytest.raises(OverloadedError):
        await web.fetcher.get(FetchUrl("https", "music.example.com", "/song"), Policy.ANY_SITE, visit)
    assert web.visited == ["music.example.com", "www.example.com", "other.example.org"]
    assert [asked.host for asked in web.public.asked] == web.visited[:2]


async def test_http_is_upgraded_to_https(web: FakeWeb) -> None:
    web.plain.pages["/song"] = redirect(URL, 301)
    web.public.pages["/song"] = answer(200, "safe")
    got = await web.get("http://music.example.com/song")
    assert (got.content, got.final_url) == (b"safe", URL)


async def test_error_status_is_not_a_failure_and_its_body_is_not_read(web: FakeWeb) -> None:
    web.public.pages |= {
        "/song": answer(404, "x" * 100),
        "/busy": answer(429, "x", retry_after="17"),
        "/odd": answer(304),
        "/lost": answer(302, "nowhere to go"),
    }
    found = [
        await web.get(f"https://music.example.com{path}") for path in ("/song", "/busy", "/odd", "/lost")
    ]
    assert [each.status_code for each in found] == [404, 429, 304, 302]
    assert [(each.failure, each.content, each.not_modified) for each in found] == [(None, b"", False)] * 4
    assert found[1].retry_after == 17


async def test_gzip_is_decompressed_to_the_last_byte(web: FakeWeb) -> None:
    body = bytes(range(256)) * 4096
    web.public.pages["/song"] = answer(200, gzip.compress(body), "text/plain", content_encoding="gzip")
    assert (await web.get(URL)).content == body


@pytest.mark.parametrize("kind", ["text/javascript; charset=utf-8", "application/javascript", "text/json"])
async def test_json_as_javascript_is_read_from_listed_hosts(web: FakeWeb, kind: str) -> None:
    web.public.pages |= {"/song": redirect("https://www.example.com/air"), "/air": answer(200, "{}", kind)}
    assert (await web.get("https://www.example.com/air")).content == b"{}"
    # The host that responds counts.
    assert (await web.get(URL)).content == b"{}"
    web.public.pages["/song"] = answer(200, "{}", kind)
    assert (await web.get(URL)).failure is Failure.CONTENT_TYPE_REFUSED


async def test_chunks_are_joined(web: FakeWeb) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    web.public.pages["/song"] = head + b'3\r\n{"a\r\n4;x=y\r\n":1}\r\n0\r\n\r\n'
    assert (await web.get(URL)).content == b'{"a":1}'


async def test_etag_is_sent_to_its_url_only(web: FakeWeb) -> None:
    web.public.pages |= {"/song": redirect("/air"), "/air": answer(304)}
    got = await web.get(URL, known=("https://music.example.com/air", '"v1"'))
    assert got.not_modified
    sent = [each.headers.get("if-none-match") for each in web.public.asked]
    assert sent == [None, '"v1"']


async def test_name_is_resolved_once(web: FakeWeb) -> None:
    web.names.table["rebound.com"] = [["1.1.1.1"], ["127.0.0.1"]]
    got = await web.get("https://rebound.com/")
    assert got.failure is Failure.CONNECT_FAILED
    assert web.names.asked == ["rebound.com"]
    assert web.connector.dialed == [(ip_address("1.1.1.1"), 443)]


async def test_next_address_is_tried(web: FakeWeb) -> None:
    web.names.table["several.com"] = [["1.1.1.1", "2606:4700::1", "1.0.0.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"]]
    assert (await web.get("https://several.com/")).failure is Failure.CONNECT_FAILED
    assert [str(address) for address, _ in web.connector.dialed] == [
        "1.1.1.1",
        "2606:4700::1",
        "1.0.0.1",
        "1.1.1.2",
    ]


async def leading_inside(self: CountingConnector, _address: Address, _port: int) -> socket.socket:
    """A connector whose connections reach another address."""
    made = socket.create_connection(("127.0.0.1", self.internal.port))
    made.setblocking(False)
    return made


async def test_connection_to_an_unexpected_address_is_aborted(
    web: FakeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(web.connector), "socket", leading_inside)
    web.names.table["moved.com"] = [["1.1.1.1"]]
    assert (await web.get("https://moved.com/")).failure is Failure.BLOCKED_ADDRESS
    assert web.internal.asked == []


async def test_proxies_of_the_environment_are_not_used(web: FakeWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{web.internal.port}")
    web.public.pages["/song"] = answer(200, "direct")
    assert (await web.get(URL)).content == b"direct"
    assert web.internal.connections == 0


async def test_connections_are_closed_whatever_the_server_does(web: FakeWeb) -> None:
    closed = asyncio.Event()

    async def keep_open(_: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, "done"))
        await writer.drain()
        try:
            while True:
                writer.write(b"more")
                await writer.drain()
                # A closed peer is detected by repeated writes.
                await asyncio.sleep(0.01)
        except OSError:
            closed.set()
            raise

    web.public.pages["/song"] = keep_open
    assert (await web.get(URL)).content == b"done"
    async with asyncio.timeout(5):
        await closed.wait()


async def test_waiting_in_the_host_limiter_does_not_use_network_time(
    web: FakeWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A short limit, so that the wait exceeds it.
    monkeypatch.setattr(fetcher, "TOTAL_SECONDS", 0.5)
    held = asyncio.Event()

    async def slow(_: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.write(answer(200, "late"))

    web.public.pages |= {"/slow": slow, "/song": answer(200, "quick")}
    blocking = [asyncio.create_task(web.get("https://music.example.com/slow")) for _ in range(2)]
    waiting = asyncio.create_task(web.get(URL))
    assert {each.failure for each in await asyncio.gather(*blocking)} == {Failure.TOTAL_TIMEOUT}
    assert (await waiting).content == b"quick"
    held.set()


def test_the_context_checks_names_and_authorities() -> None:
    context = connector.tls_context()
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"
    assert context.minimum_version.name == "TLSv1_2"
