"""Checks through the real crawler, against a web server with TLS: where a code counts, and what a failure tells."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from seda.users.v1 import verification_pb2 as pb
from services.tracks.app import build as build_tracks
from services.tracks.clients.web import http1_client
from services.tracks.config import Settings as TracksSettings
from services.tracks.rpc.crawler import CrawlerServicer
from services.users.app import build
from services.users.config import Settings
from tests.certificates import Authority
from tests.postgres import Database, free_port
from tests.services.running import Running, running
from tests.services.tracks.clients.web.web_server import (
    Handler,
    ReceivedRequest,
    WebServer,
    answer,
    redirect,
    serving,
)
from tests.services.users.verification_client import VerificationClient

HOST = "ada.example.com"
SPOTIFY = "open.spotify.com"
HOSTS = (
    HOST,
    "www.ada.example.com",
    "other.example.org",
    SPOTIFY,
    "soundcloud.com",
    "ada.bandcamp.com",
    "www.youtube.com",
)
WELL_KNOWN = "/.well-known/seda-verification.txt"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority of the web server."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
async def web(authority: Authority) -> AsyncIterator[WebServer]:
    """The server of all hosts."""
    async with serving(authority.sign("web", *HOSTS)) as made:
        yield made


@pytest.fixture(scope="module")
def tracks_port() -> int:
    """The port of tracks, which is started after users."""
    return free_port()


@pytest.fixture(scope="module")
async def users(database: Database, tracks_port: int) -> AsyncIterator[Running]:
    async with running(Settings, build, database, tracks_target=f"127.0.0.1:{tracks_port}") as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
async def tracks(
    database: Database, users: Running, tracks_port: int, web: WebServer, authority: Authority
) -> AsyncIterator[Running]:
    at = f"127.0.0.1:{web.port}"
    hosts = [f"{host}={at}" for host in (*HOSTS, "badcert.example.com")]
    settings = {
        "port": tracks_port,
        "users_target": users.address,
        "fetch_ca_file": authority.certificate,
        "fetch_host_overrides": ",".join([*hosts, "closed.example.com=127.0.0.1:1"]),
        "fetch_deny": "denied.example.com",
        "fetch_host_rate_per_second": 1000,
        "fetch_host_burst": 1000,
    }
    async with running(TracksSettings, build_tracks, database, **settings) as made:
        yield made


@pytest.fixture
def client(users: Running, admin: asyncpg.Connection) -> VerificationClient:
    return VerificationClient(users, admin)


@pytest.fixture
def server(web: WebServer) -> WebServer:
    """The web server, without pages."""
    web.pages.clear()
    web.asked.clear()
    return web


def new_page() -> str:
    """A path of its own: one claim per page."""
    return f"/{uuid.uuid4().hex}"


def html(body: str = "", head: str = "") -> bytes:
    return answer(200, f"<html><head><title>x</title>{head}</head><body><p>Hello</p>{body}</body></html>")


PLACES: dict[str, tuple[pb.ProofKind.ValueType, Callable[[str], bytes]]] = {
    "meta": (
        pb.PROOF_KIND_META_TAG,
        lambda code: html(head=f'<meta name="seda-verification" content="{code}">'),
    ),
    "text": (pb.PROOF_KIND_PAGE_TEXT, lambda code: html(f"<p>my code is {code}.</p>")),
}


@pytest.mark.parametrize("place", PLACES)
async def test_code_on_an_own_site_is_found(
    client: VerificationClient, server: WebServer, place: str
) -> None:
    kind, page = PLACES[place]
    artist, path = await client.add_artist(), new_page()
    started = await client.start(artist, f"https://{HOST}{path}?utm=1#top")
    server.pages[f"{HOST}{path}"] = page(started.instructions.code)
    got = await client.checked(artist, started.verification.id)
    assert got.verification.state == pb.VERIFICATION_STATE_VERIFIED
    attempt = got.last_attempt
    assert (attempt.stage, attempt.proof, attempt.status_code) == (pb.CHECK_STAGE_MATCH, kind, 200)
    assert attempt.failure == pb.CHECK_FAILURE_UNSPECIFIED
    profile = await client.profile(artist)
    assert profile["verified"]
    assert profile["verified_at"] is not None
    assert profile["website_url"] == f"https://{HOST}{path}"
    assert await client.transitions(started.verification.id) == [
        (None, "PENDING", "USER"),
        ("PENDING", "CHECKING", "USER"),
        ("CHECKING", "VERIFIED", "SYSTEM"),
    ]
    assert await client.actions(started.verification.id) == [("SYSTEM", "VERIFY_ARTIST")]


async def test_exactly_what_the_instructions_say_is_found(
    client: VerificationClient, server: WebServer
) -> None:
    for number in range(3):
        artist, path = await client.add_artist(), new_page()
        started = await client.start(artist, f"https://{HOST}{path}")
        proof = started.instructions.proofs[number]
        assert proof.what in {
            started.instructions.code,
            f'<meta name="seda-verification" content="{started.instructions.code}">',
        }
        assert proof.where in started.instructions.text
        server.pages.clear()
        server.pages[f"{HOST}{path}"] = html()
        where = proof.where.removeprefix("https://")
        server.pages[where] = {
            pb.PROOF_KIND_META_TAG: html(head=proof.what),
            pb.PROOF_KIND_WELL_KNOWN: answer(200, f"{proof.what}\n", "text/plain"),
            pb.PROOF_KIND_PAGE_TEXT: html(proof.what),
        }[proof.kind]
        got = await client.checked(artist, started.verification.id)
        assert (got.verification.state, got.last_attempt.proof) == (
            pb.VERIFICATION_STATE_VERIFIED,
            proof.kind,
        )


@pytest.mark.parametrize(
    ("url", "field"),
    [
        (f"https://{SPOTIFY}/artist/0TnOYISbd1XYRBk9myaseg", "spotify_url"),
        ("https://soundcloud.com/ada", "soundcloud_url"),
        ("https://ada.bandcamp.com/", None),
        ("https://www.youtube.com/@ada", None),
    ],
)
@pytest.mark.parametrize("json_ld", [False, True])
async def test_description_of_a_provider_profile_is_found(
    client: VerificationClient, server: WebServer, url: str, field: str | None, json_ld: bool
) -> None:
    await client.admin.execute("DELETE FROM users.verification_requests")
    artist = await client.add_artist()
    started = await client.start(artist, url)
    (proof,) = started.instructions.proofs
    head = (
        f'<script type="application/ld+json">{{"@type": "MusicGroup", "description": "{proof.what}"}}</script>'
        if json_ld
        else f'<meta property="og:description" content="Songs. {proof.what}">'
    )
    server.pages[url.removeprefix("https://")] = html(head=head)
    got = await client.checked(artist, started.verification.id)
    assert (got.verification.state, got.last_attempt.proof) == (
        pb.VERIFICATION_STATE_VERIFIED,
        pb.PROOF_KIND_PROVIDER_FIELD,
    )
    profile = await client.profile(artist)
    assert [profile[each] for each in ("spotify_url", "soundcloud_url") if each == field] == (
        [url] if field else []
    )
    assert server.count(WELL_KNOWN) == 0


NOWHERE: dict[str, Callable[[str], bytes]] = {
    "comment": lambda code: html(
        f"<!-- {code} -->", f'<!-- <meta name="seda-verification" content="{code}"> -->'
    ),
    "hidden": lambda code: html(f"<div hidden><p>{code}</p></div>"),
    "display": lambda code: html(f'<p style="display:none">{code}</p>'),
    "script": lambda code: html(f"<script>var code = '{code}'</script><template>{code}</template>"),
    "meta of the body": lambda code: html(f'<meta name="seda-verification" content="{code}">'),
    "part of a word": lambda code: html(f"<p>x{code} {code}x</p>"),
    "link": lambda code: html(f"<p>https://{HOST}/search?q={code}</p>"),
    "attribute": lambda code: html(f"<a href='/{code}' title='{code}'>x</a>"),
}


@pytest.mark.parametrize("place", NOWHERE)
async def test_code_does_not_count_there(client: VerificationClient, server: WebServer, place: str) -> None:
    artist, path = await client.add_artist(), new_page()
    started = await client.start(artist, f"https://{HOST}{path}")
    server.pages[f"{HOST}{path}"] = NOWHERE[place](started.instructions.code)
    got = await client.checked(artist, started.verification.id)
    assert got.verification.state == pb.VERIFICATION_STATE_PENDING
    assert (got.last_attempt.stage, got.last_attempt.failure) == (
        pb.CHECK_STAGE_MATCH,
        pb.CHECK_FAILURE_CODE_NOT_FOUND,
    )
    assert not (await client.profile(artist))["verified"]


async def test_echo_of_the_request_proves_nothing(client: VerificationClient, server: WebServer) -> None:
    artist, path = await client.add_artist(), new_page()

    async def echo(request: ReceivedRequest, writer: asyncio.StreamWriter) -> None:
        writer.write(html(f"<p>You asked for {request.path} {' '.join(request.headers.values())}</p>"))

    server.pages[f"{HOST}{path}"] = echo
    first = await client.start(artist, f"https://{HOST}{path}")
    again = await client.start(
        artist, f"https://{HOST}{path}?q={first.instructions.code}#{first.instructions.code}"
    )
    assert again.verification == first.verification
    got = await client.checked(artist, first.verification.id)
    assert got.last_attempt.failure == pb.CHECK_FAILURE_CODE_NOT_FOUND
    assert first.instructions.code not in str(server.asked)


STRANGERS: dict[str, Callable[[str], bytes]] = {
    "comment": lambda code: html(f"<div class=comment>{code}</div>"),
    "json_ld": lambda code: html(
        head='<script type="application/ld+json">{"@type": "MusicGroup",'
        f' "comment": {{"description": "{code}"}}}}</script>'
    ),
    "meta": lambda code: html(head=f'<meta name="seda-verification" content="{code}">'),
}


@pytest.mark.parametrize("place", STRANGERS)
async def test_text_of_others_on_a_provider_page_proves_nothing(
    client: VerificationClient, server: WebServer, place: str
) -> None:
    artist = await client.add_artist()
    started = await client.start(artist, f"https://{SPOTIFY}/artist/1111111111111111111111")
    server.pages[f"{SPOTIFY}/artist/1111111111111111111111"] = STRANGERS[place](started.instructions.code)
    got = await client.checked(artist, started.verification.id)
    assert got.last_attempt.failure == pb.CHECK_FAILURE_CODE_NOT_FOUND


async def _mute(_: ReceivedRequest, __: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


SECRET = "what only the server knows"
PROBLEMS: dict[str, tuple[str, bytes | Handler, str, str, int]] = {
    "another host": (HOST, redirect("https://other.example.org/"), "HTTP", "REDIRECT_NOT_ALLOWED", 0),
    "a subdomain": (HOST, redirect("https://www.ada.example.com/proof"), "HTTP", "REDIRECT_NOT_ALLOWED", 200),
    "not found": (HOST, answer(404, SECRET), "HTTP", "HTTP_STATUS", 404),
    "broken": (HOST, answer(503, SECRET), "HTTP", "HTTP_STATUS", 503),
    "timeout": (HOST, _mute, "HTTP", "TIMEOUT", 0),
    "too large": (HOST, answer(200, SECRET * 100_000), "BODY", "TOO_LARGE", 200),
    "image": (HOST, answer(200, SECRET, "image/png"), "BODY", "CONTENT_TYPE", 200),
    "loopback": (HOST, redirect("https://127.0.0.1/"), "DNS", "BLOCKED_TARGET", 0),
    "denied": ("denied.example.com", b"", "DNS", "BLOCKED_TARGET", 0),
    "closed": ("closed.example.com", b"", "CONNECT", "CONNECTION_FAILED", 0),
    "certificate": ("badcert.example.com", b"", "TLS", "TLS_FAILED", 0),
}


@pytest.mark.parametrize("problem", PROBLEMS)
async def test_failure_tells_its_stage_and_reason_and_nothing_else(
    client: VerificationClient, server: WebServer, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1_client, "FIRST_BYTE_SECONDS", 0.5)
    host, response, stage, failure, status = PROBLEMS[problem]
    artist, path = await client.add_artist(), new_page()
    started = await client.start(artist, f"https://{host}{path}")
    code = started.instructions.code
    server.pages |= {
        f"{host}{path}": response,
        "www.ada.example.com/proof": html(code),
        "other.example.org/": html(code),
    }
    got = await client.checked(artist, started.verification.id)
    assert got.verification.state == pb.VERIFICATION_STATE_PENDING
    attempt = got.last_attempt
    told = (
        pb.CheckStage.Name(attempt.stage),
        pb.CheckFailure.Name(attempt.failure),
        attempt.status_code,
    )
    assert told == (f"CHECK_STAGE_{stage}", f"CHECK_FAILURE_{failure}", status)
    assert await client.attempts(artist, started.verification.id) == [attempt]
    rows = await client.admin.fetch(
        "SELECT t::text FROM users.verification_attempts t WHERE request_id = $1", started.verification.id
    )
    text = f"{attempt} {rows}"
    assert SECRET not in text
    assert not re.search(r"127\.0\.0|example\.org|www\.", text)


async def test_redirect_to_another_page_of_a_provider_is_refused(
    client: VerificationClient, server: WebServer
) -> None:
    artist, key = await client.add_artist(), "2" * 22
    started = await client.start(artist, f"https://{SPOTIFY}/artist/{key}")
    server.pages[f"{SPOTIFY}/artist/{key}"] = redirect(f"https://{SPOTIFY}/artist/{'3' * 22}")
    server.pages[f"{SPOTIFY}/artist/{'3' * 22}"] = html(
        head=f'<meta property="og:description" content="{started.instructions.code}">'
    )
    got = await client.checked(artist, started.verification.id)
    assert got.last_attempt.failure == pb.CHECK_FAILURE_REDIRECT_NOT_ALLOWED


async def test_well_known_file_of_another_host_is_refused(
    client: VerificationClient, server: WebServer
) -> None:
    artist, path = await client.add_artist(), new_page()
    started = await client.start(artist, f"https://{HOST}{path}")
    server.pages |= {
        f"{HOST}{path}": html(),
        f"{HOST}{WELL_KNOWN}": redirect(f"https://www.ada.example.com{WELL_KNOWN}"),
        f"www.ada.example.com{WELL_KNOWN}": answer(200, started.instructions.code, "text/plain"),
    }
    got = await client.checked(artist, started.verification.id)
    assert got.last_attempt.failure == pb.CHECK_FAILURE_CODE_NOT_FOUND


async def test_fetches_are_charged_to_the_user(
    client: VerificationClient, server: WebServer, tracks: Running
) -> None:
    artist, path = await client.add_artist(), new_page()
    started = await client.start(artist, f"https://{HOST}{path}")
    server.pages[f"{HOST}{path}"] = html()
    await client.checked(artist, started.verification.id)
    (crawler,) = [each for each in tracks.process.app.servicers if isinstance(each, CrawlerServicer)]
    assert uuid.UUID(artist.user_id) in crawler._deps.fetches._left
