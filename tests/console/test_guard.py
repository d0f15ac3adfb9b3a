"""Only the console's own page, opened with its key, gets anything from its API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from console.settings import ConsoleSettings
from tests.console.serving import KEY, ConsoleServer, console_server


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ConsoleServer]:
    settings = ConsoleSettings(port=0, key=KEY, targets={"none": "127.0.0.1:1"})
    async with console_server(settings) as started:
        yield started


@pytest.mark.parametrize(
    "host", ["evil.example", "127.evil.example:{port}", "127.0.0.1", "127.0.0.1:{port}0", ""]
)
@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/catalog", "/missing"])
async def test_other_hosts_are_refused_before_routing(server: ConsoleServer, path: str, host: str) -> None:
    headers = server.headers(Host=host.format(port=server.port))
    assert (await server.raw("GET", path, headers)).status == 403


async def test_requests_without_host_or_with_two_are_refused(server: ConsoleServer) -> None:
    assert (await server.raw("GET", "/", server.headers(Host=None))).status in {400, 403}
    twice = {"host": f"127.0.0.1:{server.port}"}
    assert (await server.raw("GET", "/", server.headers() | twice)).status in {400, 403}


@pytest.mark.parametrize(
    "changed",
    [
        {"x_seda_key": None},
        {"x_seda_key": "wrong"},
        {"Origin": "http://evil.example", "Sec_Fetch_Site": None},
        {"Origin": "null", "Sec_Fetch_Site": None},
        {"Origin": None, "Sec_Fetch_Site": None},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "none"},
        {"Content_Type": "text/plain"},
        {"Content_Type": None},
    ],
)
async def test_posts_from_elsewhere_are_refused(
    server: ConsoleServer, changed: dict[str, str | None]
) -> None:
    refused = await server.raw("POST", "/api/call", server.headers(**changed), b"{}")
    assert refused.status == 403


@pytest.mark.parametrize("changed", [{"x_seda_key": None}, {"Sec_Fetch_Site": "cross-site"}])
async def test_reads_from_elsewhere_are_refused(
    server: ConsoleServer, changed: dict[str, str | None]
) -> None:
    assert (await server.raw("GET", "/api/catalog", server.headers(**changed))).status == 403


async def test_other_methods_are_refused(server: ConsoleServer) -> None:
    for method in ("OPTIONS", "PUT", "DELETE", "TRACE"):
        assert (await server.raw(method, "/api/catalog", server.headers())).status in {403, 405}
    assert (await server.raw("POST", "/", server.headers(), b"{}")).status == 403


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/missing", "/static/../app.py"])
async def test_every_response_has_the_headers(server: ConsoleServer, path: str) -> None:
    reply = await server.get(path)
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert not [name for name in reply.headers if name.startswith("access-control")]
    assert "server" not in reply.headers


async def test_files_are_served_to_the_page(server: ConsoleServer) -> None:
    assert (await server.raw("GET", "/", {"Host": f"localhost:{server.port}"})).status == 200
    assert (await server.get("/static/main.js")).headers["content-type"].startswith("text/javascript")
    assert (await server.get("/static/..%2fapp.py")).status == 404
