"""Faulty keys and certificates are errors of the settings, named by their variables; TLS on real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar

import grpc
import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from grpc_health.v1 import health_pb2
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey

from sedaclient.auth import SERVICE_ISSUER
from sedaclient.channels import open_channel
from servicekit import credentials
from servicekit.errors import TokenInvalidError
from servicekit.process import App, Process
from servicekit.settings import ServiceSettings, SettingsError
from servicekit.tokens import ServiceToken
from tests.certificates import Authority, Pair, Tls
from tests.probe import METHODS, ProbeRequest
from tests.servicekit.probe_server import JWT_SECRET, SERVICE_SECRET, Probe, Users, as_user, servicers
from tests.servicekit.test_addresses import second_address

PROJECT = Path(__file__).resolve().parents[2]
_CHECK = "/grpc.health.v1.Health/Check"
ED = OKPKey.generate_key("Ed25519")
OWN_KEY = ED.as_pem(private=True).decode()


class Settings(ServiceSettings):
    process: ClassVar[str] = "probe"
    has_database: ClassVar[bool] = False


def settings(**values: Any) -> Settings:
    secrets = {"jwt_secret": JWT_SECRET.decode(), "service_secret": SERVICE_SECRET.decode()}
    return Settings(**{**secrets, **values})


def with_keys(folder: Path, key: str, *entries: dict[str, object]) -> Settings:
    jwks = folder / "services.json"
    jwks.write_text(json.dumps({"keys": entries}))
    return settings(service_secret=None, service_key=key, service_jwks_file=jwks)


def public(key: Any, kid: str) -> dict[str, object]:
    return {**key.as_dict(private=False), "kid": kid}


@pytest.mark.parametrize(
    "key",
    [
        "not a key",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----",
        ED.as_pem(private=False).decode(),
        OKPKey.generate_key("X25519").as_pem(private=True).decode(),
        ECKey.generate_key("P-256").as_pem(private=True).decode(),
    ],
    ids=["no PEM", "no key", "public", "X25519", "EC"],
)
def test_a_service_key_that_cannot_sign_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(SettingsError) as raised:
        credentials.build_service_signer(with_keys(tmp_path, key, public(ED, "probe")))
    assert raised.value.errors == ["SEDA_SERVICE_KEY: is not a private Ed25519 key in PEM form"]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '{"keys": []}',
        json.dumps({"keys": [{**OctKey.generate_key().as_dict(), "kid": "probe"}]}),
        json.dumps({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "probe"}]}),
    ],
    ids=["empty", "no set", "no keys", "secret", "broken key"],
)
def test_a_file_of_service_keys_that_cannot_be_used_is_named(tmp_path: Path, content: str) -> None:
    told = with_keys(tmp_path, OWN_KEY, public(ED, "probe"))
    (tmp_path / "services.json").write_text(content)
    with pytest.raises(SettingsError, match=r"^SEDA_SERVICE_JWKS_FILE: "):
        credentials.build_token_verifier(told)


def test_a_service_verifies_what_it_signs_with_its_own_key(tmp_path: Path) -> None:
    told = with_keys(tmp_path, OWN_KEY, public(ED, "probe"))
    assert (
        credentials.build_token_verifier(told)
        .verify(credentials.build_service_signer(told).token("probe"))
        .expires
        > 0
    )


def test_a_service_can_not_sign_in_the_name_of_another(tmp_path: Path) -> None:
    other = OKPKey.generate_key("Ed25519")
    told = with_keys(tmp_path, OWN_KEY, public(ED, "probe"), public(other, "chat"))
    claims = {
        "iss": SERVICE_ISSUER,
        "aud": "probe",
        "sub": "chat",
        "iat": int(time.time()),
        "exp": int(time.time()) + 60,
    }
    verifier = credentials.build_token_verifier(told)
    genuine = jwt.encode({"alg": "Ed25519", "kid": "chat"}, claims, other, algorithms=["Ed25519"])
    assert isinstance(verifier.verify(genuine), ServiceToken)
    forged = jwt.encode({"alg": "Ed25519", "kid": "probe"}, claims, ED, algorithms=["Ed25519"])
    with pytest.raises(TokenInvalidError, match="another service's key"):
        verifier.verify(forged)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    return Tls.made(tmp_path_factory.mktemp("tls"))


PAIR = "SEDA_TLS_CERTIFICATE_FILE: is not a certificate that matches SEDA_TLS_KEY_FILE"
# The setting with a faulty file, what is in it, and how the error begins.
FAULTY = {
    "no certificate": ("tls_certificate_file", "nothing", PAIR),
    "no key": ("tls_key_file", "nothing", PAIR),
    "another's key": ("tls_key_file", "stranger-key", PAIR),
    "a key with a password": ("tls_key_file", "locked", PAIR),
    "no authority": ("tls_ca_file", "nothing", "SEDA_TLS_CA_FILE: is not a certificate in PEM form"),
    "no client authority": (
        "tls_client_ca_file",
        "nothing",
        "SEDA_TLS_CLIENT_CA_FILE: is not a certificate in PEM form",
    ),
}


@pytest.mark.parametrize(("setting", "file", "error"), FAULTY.values(), ids=FAULTY)
def test_tls_files_that_cannot_be_used_are_named(
    tls: Tls, tmp_path: Path, setting: str, file: str, error: str
) -> None:
    (tmp_path / "nothing.pem").write_text("nothing")
    Authority(tmp_path, "other").sign("stranger")
    key = load_pem_private_key(tls.own.key.read_bytes(), None)
    password = BestAvailableEncryption(b"password")
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, password)
    (tmp_path / "locked.pem").write_bytes(locked)
    told = settings(**{**tls.settings(), setting: tmp_path / f"{file}.pem"})
    use = credentials.channel_credentials if setting == "tls_ca_file" else credentials.server_credentials
    with pytest.raises(SettingsError) as raised:
        use(told)
    assert raised.value.errors[0].startswith(error)


def test_a_real_process_names_a_faulty_file(tls: Tls, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    inherited = {name: each for name, each in os.environ.items() if not name.startswith("SEDA_")}
    environ = {
        "SEDA_PORT": "0",
        "SEDA_ADMIN_PORT": "0",
        "SEDA_METRICS_PORT": "0",
        "SEDA_JWT_SECRET": JWT_SECRET.decode(),
        "SEDA_SERVICE_SECRET": SERVICE_SECRET.decode(),
        "SEDA_TLS_CERTIFICATE_FILE": str(tls.own.certificate),
        "SEDA_TLS_KEY_FILE": str(tls.own.key),
        "SEDA_TLS_CLIENT_CA_FILE": str(nothing),
        "PYTHONPATH": str(PROJECT),
    }
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "gateway"],
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1].startswith(
        "SEDA_TLS_CLIENT_CA_FILE: is not a certificate in PEM form"
    )
    assert "Traceback" not in ended.stderr


@asynccontextmanager
async def serving(told: Settings) -> AsyncIterator[Process]:
    process = Process(told, lambda _kit: App(servicers=servicers(Probe()), resolver=Users()))
    await process.start()
    try:
        yield process
    finally:
        await process.stop(grace=0)


async def answer(address: str, tls: grpc.ChannelCredentials | None, path: str, **metadata: Any) -> str:
    """Call a method; return its code."""
    async with open_channel(address, healthy_only=False, tls=tls) as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(path)
        request = health_pb2.HealthCheckRequest(service="live") if path == _CHECK else ProbeRequest()
        try:
            await call(request.SerializeToString(), timeout=10, **metadata)
        except grpc.aio.AioRpcError as error:
            return error.code().name
    return "OK"


Client = Callable[[Tls, Path], grpc.ChannelCredentials | None]


def client(authority: Path, pair: Pair | None = None) -> grpc.ChannelCredentials:
    if pair is None:
        return grpc.ssl_channel_credentials(authority.read_bytes())
    own = (pair.key.read_bytes(), pair.certificate.read_bytes())
    return grpc.ssl_channel_credentials(authority.read_bytes(), *own)


CLIENTS: dict[str, tuple[Client, str, str]] = {
    # Who calls, what becomes of it with TLS, and with a certificate wanted of callers.
    "plain": (lambda _tls, _folder: None, "UNAVAILABLE", "UNAVAILABLE"),
    "with the authority": (lambda tls, _folder: client(tls.authority.certificate), "OK", "UNAVAILABLE"),
    "with a certificate": (lambda tls, _folder: client(tls.authority.certificate, tls.own), "OK", "OK"),
    "with a stranger's certificate": (
        lambda tls, folder: client(tls.authority.certificate, Authority(folder, "other").sign("stranger")),
        "OK",
        "UNAVAILABLE",
    ),
    "of another authority": (
        lambda tls, folder: client(Authority(folder, "other").certificate, tls.own),
        "UNAVAILABLE",
        "UNAVAILABLE",
    ),
}


@pytest.mark.parametrize("mutual", [False, True], ids=["TLS", "mutual TLS"])
async def test_who_is_let_in_over_tls(tls: Tls, tmp_path: Path, mutual: bool) -> None:
    async with serving(settings(**tls.settings(mutual=mutual))) as process:
        address = f"127.0.0.1:{process.servers.port}"
        for name, (make, with_tls, with_mutual_tls) in CLIENTS.items():
            found = await answer(
                address, make(tls, tmp_path), METHODS["Empty"].path, metadata=as_user("ada@example.org")
            )
            assert found == (with_mutual_tls if mutual else with_tls), name
        # Kubelet and Prometheus have no certificates.
        assert await answer(f"127.0.0.1:{process.servers.admin_port}", None, _CHECK) == "OK"
        assert await answer(address, None, _CHECK) == "UNAVAILABLE"


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_each_of_several_targets_is_verified(tls: Tls, host: str) -> None:
    hosts = ("127.0.0.1", second_address())
    if host.strip("[]") not in hosts:
        pytest.skip("this machine has no IPv6")
    async with serving(settings(host=",".join(hosts), **tls.settings())) as process:
        trusted = client(tls.authority.certificate, tls.own)
        target = f"{host}:{process.servers.port}"
        for several in (target, f"{target},{target}"):
            given = as_user("ada@example.org")
            assert await answer(several, trusted, METHODS["Empty"].path, metadata=given) == "OK"


def replace(pair: Pair, by: Pair) -> None:
    """Put other files in the place of two, as a volume of Kubernetes does."""
    for old, new in ((pair.certificate, by.certificate), (pair.key, by.key)):
        copy = new.with_suffix(".new")
        copy.write_bytes(new.read_bytes())
        copy.replace(old)


async def test_renewed_files_count_from_the_next_connection_on(tls: Tls, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")
    former = tmp_path / "former.pem"
    former.write_bytes(tls.authority.certificate.read_bytes())
    renewed = other.sign("renewed")
    before, after = client(former, tls.own), client(other.certificate, renewed)
    async with serving(settings(**tls.settings())) as process:
        address = f"127.0.0.1:{process.servers.port}"

        async def answers() -> tuple[str, str]:
            return await answer(address, before, _CHECK), await answer(address, after, _CHECK)

        assert await answers() == ("OK", "UNAVAILABLE")
        key = tls.own.key.read_bytes()
        replace(tls.own, renewed)
        tls.own.key.write_bytes(key)
        # A certificate without its key: the former ones go on.
        assert await answers() == ("OK", "UNAVAILABLE")
        tls.own.key.write_bytes(renewed.key.read_bytes())
        # Its callers are still those of the former authority.
        assert await answers() == ("UNAVAILABLE", "UNAVAILABLE")
        tls.authority.certificate.write_bytes(other.certificate.read_bytes())
        assert await answers() == ("UNAVAILABLE", "OK")
