"""A process may listen on several addresses: the same ports on each, all of them of this machine alone."""

from __future__ import annotations

import socket
import urllib.request
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from ops.probe import SERVING, check
from servicekit.process import App, AppContext, Process
from servicekit.setting_types import addresses
from servicekit.settings import ServiceSettings, SettingsError

BOTH = "127.0.0.1, [::1]"
# 127.0.0.2 is another address of the same machine where there is no IPv6; macOS has to be told of it first.
SECOND = "127.0.0.2"


class Settings(ServiceSettings):
    process: ClassVar[str] = "probe"
    has_database: ClassVar[bool] = False


def settings(**values: Any) -> Settings:
    secret = SecretStr("s" * 40)
    return Settings(jwt_secret=secret, service_secret=secret, **values)


def second_address() -> str:
    for host, family in (("::1", socket.AF_INET6), (SECOND, socket.AF_INET)):
        try:
            with socket.create_server((host, 0), family=family):
                return host
        except OSError:
            continue
    pytest.skip("this machine has one loopback address")


class Nobody:
    service = "users"

    async def resolve(self, _subject: str, _email: str) -> Any:
        raise AssertionError("nobody calls")

    async def resolve_user(self, _user_id: str) -> Any:
        raise AssertionError("nobody calls")


def build(_kit: AppContext[Any]) -> App:
    return App(servicers=[], resolver=Nobody())


def free_port(hosts: tuple[str, ...]) -> int:
    with socket.create_server((hosts[0], 0)) as probe:
        return int(probe.getsockname()[1])


def bracketed(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def test_every_port_is_the_same_on_each_address() -> None:
    hosts = ("127.0.0.1", second_address())
    listed = ",".join(hosts)
    metrics = free_port(hosts)
    process = Process(settings(host=listed, admin_host=listed, metrics_port=metrics), build)
    process.health.set_ready(True)
    await process.start()
    try:
        assert process.servers.port != process.servers.admin_port
        for host in hosts:
            for port in (process.servers.port, process.servers.admin_port):
                assert await check(bracketed(host, port), timeout=5) == SERVING
            with urllib.request.urlopen(f"http://{bracketed(host, metrics)}/metrics", timeout=5) as answer:
                assert answer.status == 200
    finally:
        await process.stop(0)


async def test_an_address_that_is_taken_is_named() -> None:
    second = second_address()
    family = socket.AF_INET6 if ":" in second else socket.AF_INET
    with socket.create_server((second, 0), family=family) as taken:
        port = taken.getsockname()[1]
        process = Process(settings(host=f"127.0.0.1,{second}", port=port), build)
        with pytest.raises(OSError, match="can't listen on") as raised:
            await process.start()
        await process.stop(0)
    assert bracketed(second, port) in str(raised.value)


def test_addresses_are_read_with_and_without_brackets() -> None:
    assert addresses(BOTH) == ("127.0.0.1", "::1")
    assert addresses("localhost") == ("localhost",)
    for nothing in ("", "127.0.0.1,", " , "):
        with pytest.raises(SettingsError):
            settings(host=nothing)
        with pytest.raises(SettingsError):
            settings(admin_host=nothing)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "127.0.0.1,0.0.0.0", "0.0.0.0,127.0.0.1", "::1,::", "127.0.0.1,10.0.0.1"]
)
def test_each_address_must_be_loopback_in_plain_text(host: str) -> None:
    with pytest.raises(SettingsError, match="SEDA_HOST: is not loopback"):
        settings(host=host)
    assert settings(host=host, allow_plaintext=True).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", BOTH, "localhost,::1", "127.0.0.1,127.0.0.2"])
def test_loopback_needs_no_leave(host: str) -> None:
    assert settings(host=host).host == host
