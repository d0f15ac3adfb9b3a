"""CrawlerService over real channels, with a real database and a fake web server."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from seda.tracks.internal.v1 import crawler_service_pb2 as pb
from seda.tracks.internal.v1.crawler_service_pb2_grpc import CrawlerServiceStub
from servicekit.errors import AccessDeniedError, InvalidFieldsError
from servicekit.settings import SettingsError
from services.tracks.actions import crawler
from services.tracks.app import build
from services.tracks.config import Settings
from services.tracks.domain.web.fetch_response import Failure, Policy
from services.tracks.domain.web.html_metadata import Page, read_page
from tests.certificates import Authority
from tests.postgres import Database
from tests.services.running import Running, call, refused, running, service, user
from tests.services.tracks.clients.web.web_server import ReceivedRequest, WebServer, answer, redirect, serving

DOMAIN = "tracks.seda.fm"
HOST = "music.example.com"
URL = f"https://{HOST}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority of the fake web."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
async def web(authority: Authority) -> AsyncIterator[WebServer]:
    """The fake web server."""
    async with serving(authority.sign("web", HOST, "other.example.org")) as made:
        yield made


@pytest.fixture(scope="module")
def settings(authority: Authority, web: WebServer, users: Running) -> dict[str, Any]:
    """The settings that route a process to the fake web."""
    return {
        "users_target": users.address,
        "fetch_ca_file": authority.certificate,
        "fetch_host_overrides": f"{HOST}=127.0.0.1:{web.port},other.example.org=127.0.0.1:{web.port}",
        "fetch_deny": "denied.com",
        "fetch_host_rate_per_second": 1000,
        "fetch_host_burst": 1000,
    }


@pytest.fixture(scope="module")
async def crawling(database: Database, settings: dict[str, Any]) -> AsyncIterator[Running]:
    """The tracks service with the fake web."""
    async with running(Settings, build, database, **settings) as made:
        yield made


@pytest.fixture
def stub(crawling: Running) -> CrawlerServiceStub:
    return CrawlerServiceStub(crawling.channel)


async def fetch(
    stub: CrawlerServiceStub, path: str, max_age: float | None = None, **fields: Any
) -> pb.FetchResponse:
    request = pb.FetchRequest(url=path if "://" in path else f"{URL}{path}", **fields)
    if max_age is not None:
        request.max_age.FromNanoseconds(int(max_age * 1e9))
        request.max_age.SetInParent()
    return await call(stub.Fetch, request, service("users", "tracks"))


async def test_fetch_returns_the_parsed_page(stub: CrawlerServiceStub, web: WebServer) -> None:
    web.pages["/page"] = answer(
        200,
        '<head><title>Air</title><meta property="og:title" content="Air"><link rel=canonical href="/air">'
        '<script type="application/ld+json">{"a": 1}</script></head><body>by <b>Ada</b>'
        '<meta name="late" content="x">',
    )
    got = await fetch(stub, "/page#part")
    assert (got.url, got.final_url, got.status_code) == (f"{URL}/page", f"{URL}/page", 200)
    assert (got.content_type, got.failure, got.from_cache) == ("text/html; charset=utf-8", 0, False)
    assert got.WhichOneof("body") == "page"
    assert (got.page.title, got.page.canonical_url, got.page.text) == ("Air", "/air", "by Ada")
    assert [(each.name, each.content, each.in_head) for each in got.page.metas] == [
        ("og:title", "Air", True),
        ("late", "x", False),
    ]
    assert list(got.page.json_ld) == ['{"a": 1}']
    assert abs(got.fetch_time.seconds - time.time()) < 60
    assert not got.HasField("retry_delay")
    again = await fetch(stub, "/page")
    again.from_cache = False
    assert again == got


async def test_fetch_returns_other_texts_unchanged(stub: CrawlerServiceStub, web: WebServer) -> None:
    web.pages["/text"] = answer(200, "caf\u00e9 \u20ac".encode("cp1252"), "text/plain; charset=windows-1252")
    web.pages["/json"] = answer(200, '{"a": "\u97f3"}', "application/json")
    assert (await fetch(stub, "/text")).text == "caf\u00e9 \u20ac"
    assert (await fetch(stub, "/json")).text == '{"a": "\u97f3"}'


@pytest.mark.parametrize("status", [600, 999])
async def test_invalid_status_is_cached_as_a_failure(
    stub: CrawlerServiceStub, web: WebServer, status: int
) -> None:
    web.pages[f"/denied{status}"] = answer(status, "Request denied")
    got = [await fetch(stub, f"/denied{status}") for _ in range(2)]
    assert [(each.failure, each.status_code, each.from_cache) for each in got] == [
        (pb.FETCH_FAILURE_PROTOCOL_ERROR, 0, False),
        (pb.FETCH_FAILURE_PROTOCOL_ERROR, 0, True),
    ]
    assert all(100 < each.retry_delay.seconds <= 120 for each in got)


async def test_the_longest_text_arrives(stub: CrawlerServiceStub, web: WebServer) -> None:
    # Each byte becomes a letter of three bytes.
    web.pages["/long"] = answer(200, b"\xff" * (1 << 20), "text/plain; charset=utf-8")
    assert (await fetch(stub, "/long")).text == "\ufffd" * (1 << 20)


async def test_fetch_returns_the_failure(stub: CrawlerServiceStub, web: WebServer) -> None:
    web.pages["/busy"] = answer(429, retry_after="42")
    web.pages["/away"] = redirect("https://127.0.0.1/")
    got = [
        await fetch(stub, path)
        for path in (
            "/gone",
            "/busy",
            "/away",
            "https://denied.com/",
            "https://10.0.0.1/",
            "gopher://example.com/",
        )
    ]
    told = [(each.status_code, pb.FetchFailure.Name(each.failure), each.retry_delay.seconds) for each in got]
    assert told == [
        (404, "FETCH_FAILURE_UNSPECIFIED", 21_600),
        (429, "FETCH_FAILURE_UNSPECIFIED", 42),
        (0, "FETCH_FAILURE_BLOCKED_URL", 3600),
        (0, "FETCH_FAILURE_BLOCKED_HOST", 3600),
        (0, "FETCH_FAILURE_BLOCKED_URL", 3600),
        (0, "FETCH_FAILURE_BLOCKED_URL", 3600),
    ]
    assert [each.WhichOneof("body") for each in got] == [None] * 6
    assert [bool(each.url) for each in got] == [True, True, True, True, False, False]


async def test_fetch_with_same_site_policy(stub: CrawlerServiceStub, web: WebServer) -> None:
    web.pages[f"{HOST}/moved"] = redirect("https://other.example.org/there")
    web.pages["other.example.org/there"] = answer(200, "there", "text/plain")
    strict = await fetch(stub, "/moved", redirect_policy=pb.REDIRECT_POLICY_SAME_SITE)
    free = [await fetch(stub, "/moved", redirect_policy=each) for each in (0, 1)]
    assert (strict.failure, strict.final_url) == (pb.FETCH_FAILURE_REDIRECT_REFUSED, f"{URL}/moved")
    assert [(each.text, each.final_url, each.from_cache) for each in free] == [
        ("there", "https://other.example.org/there", False),
        ("there", "https://other.example.org/there", True),
    ]


async def test_max_age_zero_is_fetched_now(stub: CrawlerServiceStub, web: WebServer) -> None:
    web.pages["/news"] = answer(200, "old", "text/plain")
    await fetch(stub, "/news")
    web.pages["/news"] = answer(200, "new", "text/plain")
    assert (await fetch(stub, "/news", max_age=3600)).text == "old"
    assert (await fetch(stub, "/news", max_age=0)).text == "new"


async def test_a_fetch_outlives_its_caller(stub: CrawlerServiceStub, web: WebServer) -> None:
    ready = asyncio.Event()

    async def late(_: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        await ready.wait()
        writer.write(answer(200, "late", "text/plain"))

    web.pages["/late"] = late
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await stub.Fetch(pb.FetchRequest(url=f"{URL}/late"), metadata=service("users", "tracks"), timeout=1.0)
    assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    ready.set()
    assert (await fetch(stub, "/late")).text == "late"
    assert web.count("/late") == 1


async def test_parsing_a_page_does_not_block_the_event_loop(
    stub: CrawlerServiceStub, web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()

    def read(source: str) -> Page:
        # Blocks until another call completes: on the event loop this would deadlock.
        assert goes_on.wait(20)
        return read_page(source)

    monkeypatch.setattr(crawler, "read_page", read)
    web.pages |= {"/slow": answer(200, "<title>slow"), "/quick": answer(200, "quick", "text/plain")}
    slow = asyncio.create_task(fetch(stub, "/slow"))
    assert (await fetch(stub, "/quick")).text == "quick"
    goes_on.set()
    assert (await slow).WhichOneof("body") == "page"


async def test_two_processes_fetch_once(
    stub: CrawlerServiceStub, web: WebServer, database: Database, settings: dict[str, Any]
) -> None:
    web.pages["/once"] = answer(200, "once", "text/plain")
    async with running(Settings, build, database, **settings) as second:
        stubs = [stub, CrawlerServiceStub(second.channel)]
        got = await asyncio.gather(*(fetch(each, "/once") for each in stubs for _ in range(20)))
    assert {each.text for each in got} == {"once"}
    assert web.count("/once") == 1


async def test_purge_deletes_a_url_under_every_policy(stub: CrawlerServiceStub, web: WebServer) -> None:
    web.pages["/kept"] = answer(200, "kept", "text/plain")
    for policy in (pb.REDIRECT_POLICY_ANY_SITE, pb.REDIRECT_POLICY_SAME_SITE):
        await fetch(stub, "/kept", redirect_policy=policy)
    counts = [
        (await call(stub.PurgeCache, pb.PurgeCacheRequest(url=url), service("tracks", "tracks"))).purged_count
        for url in (f"{URL}/kept#x", f"{URL}/kept", "https://127.0.0.1/")
    ]
    assert counts == [2, 0, 0]
    assert not (await fetch(stub, "/kept")).from_cache


async def test_purge_deletes_older_responses(
    stub: CrawlerServiceStub, web: WebServer, admin: asyncpg.Connection
) -> None:
    web.pages |= {"/older": answer(200, "x"), "/newer": answer(200, "x")}
    await admin.execute("TRUNCATE tracks.crawler_cache")
    for path in ("/older", "/newer"):
        await fetch(stub, path)
    await admin.execute(
        "UPDATE tracks.crawler_cache SET fetched_at = now() - interval '2 hours' WHERE url LIKE '%older'"
    )
    request = pb.PurgeCacheRequest(older_than=Duration(seconds=3600))
    assert (await call(stub.PurgeCache, request, service("users", "tracks"))).purged_count == 1
    everything = pb.PurgeCacheRequest(older_than=Duration())
    assert (await call(stub.PurgeCache, everything, service("users", "tracks"))).purged_count == 1


@pytest.mark.parametrize("caller", ["a user", "gateway", "chat"])
async def test_fetch_and_purge_are_for_listed_services(
    stub: CrawlerServiceStub, web: WebServer, caller: str
) -> None:
    # Built here, as a service token expires after five minutes.
    metadata = user("ada@example.org") if caller == "a user" else service(caller, "tracks")
    before = web.connections
    fetching = call(stub.Fetch, pb.FetchRequest(url=f"{URL}/secret"), metadata)
    await refused(fetching, AccessDeniedError, DOMAIN)
    purging = call(stub.PurgeCache, pb.PurgeCacheRequest(older_than=Duration()), metadata)
    await refused(purging, AccessDeniedError, DOMAIN)
    assert web.connections == before


@pytest.mark.parametrize(
    "request_",
    [
        pb.FetchRequest(),
        pb.FetchRequest(url="x" * 2049),
        pb.FetchRequest(url=URL, redirect_policy=99),  # type: ignore[arg-type]  # no such policy
        pb.FetchRequest(url=URL, max_age=Duration(seconds=-1)),
    ],
    ids=["no address", "long address", "no such policy", "negative age"],
)
async def test_fetch_checks_its_fields(stub: CrawlerServiceStub, request_: pb.FetchRequest) -> None:
    await refused(call(stub.Fetch, request_, service("users", "tracks")), InvalidFieldsError, DOMAIN)


async def test_purge_requires_a_target(stub: CrawlerServiceStub) -> None:
    await refused(
        call(stub.PurgeCache, pb.PurgeCacheRequest(), service("users", "tracks")), InvalidFieldsError, DOMAIN
    )


def test_the_contract_has_the_names_of_the_domain() -> None:
    failures = {name.removeprefix("FETCH_FAILURE_") for name in pb.FetchFailure.DESCRIPTOR.values_by_name}
    assert failures - {"UNSPECIFIED"} == {each.value for each in Failure}
    policies = {name.removeprefix("REDIRECT_POLICY_") for name in pb.RedirectPolicy.DESCRIPTOR.values_by_name}
    assert policies - {"UNSPECIFIED"} == {each.value for each in Policy}


@pytest.mark.parametrize("env", ["qa", "sandbox", "production"])
@pytest.mark.parametrize("name", ["fetch_host_overrides", "fetch_ca_file"])
def test_host_overrides_are_for_development_only(env: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.touch()
    value = "a.com=127.0.0.1:1" if name == "fetch_host_overrides" else file
    given: dict[str, Any] = {
        "jwt_secret": "s" * 40,
        "service_secret": "t" * 40,
        "jwt_issuer": "https://issuer.example.org",
        "SEDA_TRACKS_DATABASE_URL": "postgresql://tracks_app@127.0.0.1/seda",
    }
    Settings(**given | {"env": env})
    Settings(**given | {"env": "development", name: value})
    with pytest.raises(SettingsError, match=f"^SEDA_{name.upper()}: is for SEDA_ENV=development alone"):
        Settings(**given | {"env": env, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fetch_deny", "10.0.0.0/99"),
        ("fetch_host_overrides", "a.com=8.8.8.8:443"),
        ("fetch_contact", "http://seda.fm"),
        ("fetch_contact", "https://seda.fm/\nX: y"),
    ],
)
def test_broken_settings_are_refused(name: str, value: str) -> None:
    given: dict[str, Any] = {
        "jwt_secret": "s" * 40,
        "service_secret": "s" * 40,
        "DATABASE_URL": "postgresql://x",
    }
    Settings(**given)
    with pytest.raises(SettingsError, match=f"^SEDA_{name.upper()}: "):
        Settings(**given | {name: value})
