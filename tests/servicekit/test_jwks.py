"""KeySource of a JWKS: what is fetched when, what of it is used, and which tokens it verifies."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from sedaclient.auth import SERVICE_ISSUER
from servicekit import jwks
from servicekit.call import Call
from servicekit.errors import ServiceUnavailableError, TokenInvalidError
from servicekit.identity import Authenticator
from servicekit.jwks import RemoteJwks, SharedSecret, StaticJwks, fetch_https, parse_jwks
from servicekit.tokens import TokenVerifier, UnknownKeyError, UserToken
from tests.certificates import Authority
from tests.probe import METHODS
from tests.servicekit.probe_server import HandClock, Users

URL = "https://issuer.example.org/jwks"
ISSUER, AUDIENCE = "https://issuer.example.org", "authenticated"
EC, RSA, ED = ECKey.generate_key("P-256"), RSAKey.generate_key(2048), OKPKey.generate_key("Ed25519")
SIGNERS: dict[str, Any] = {"ES256": EC, "RS256": RSA, "EdDSA": ED, "Ed25519": ED}
SERVICE_SECRET = b"a secret of services' tokens for tests only"


def public(key: Any, kid: str, **more: object) -> dict[str, object]:
    return {**key.as_dict(private=False), "kid": kid, **more}


def key_set(*entries: object) -> bytes:
    return json.dumps({"keys": entries}).encode()


ALL = key_set(public(EC, "ec"), public(RSA, "rsa"), public(ED, "ed"))
KIDS = {"ES256": "ec", "RS256": "rsa", "EdDSA": "ed", "Ed25519": "ed"}


def user_token(algorithm: str, key: Any, kid: str | None, **claims: object) -> str:
    header = {"alg": algorithm} | ({"kid": kid} if kid is not None else {})
    said = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": int(time.time()) + 600, **claims}
    return jwt.encode(header, said, key, algorithms=[algorithm])


class Issuer:
    """What is behind the URL, and a clock to move."""

    def __init__(self, answer: bytes | Exception = ALL) -> None:
        self.answer = answer
        self.fetched = 0
        self.seconds = 1_000.0
        self.keys = RemoteJwks(URL, self._fetch, lambda: self.seconds)

    def _fetch(self, url: str) -> bytes:
        assert url == URL
        self.fetched += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def verifier(self) -> TokenVerifier:
        return TokenVerifier(
            user_keys=self.keys,
            user_issuer=ISSUER,
            user_audience=AUDIENCE,
            service_keys=SharedSecret(SERVICE_SECRET),
            service="chat",
            accept_development=False,
        )

    async def background(self) -> None:
        """Wait for the fetch that was begun in the background."""
        assert self.keys._fetching is not None
        await self.keys._fetching


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", SIGNERS)
async def test_a_key_set_verifies_each_algorithm_with_its_own_key_alone(algorithm: str) -> None:
    issuer = Issuer()
    verifier = issuer.verifier()
    await verifier.refresh()
    for kid in KIDS.values():
        token = user_token(algorithm, SIGNERS[algorithm], kid)
        if kid == KIDS[algorithm]:
            assert isinstance(verifier.verify(token), UserToken)
        else:
            with pytest.raises(TokenInvalidError):
                verifier.verify(token)


@pytest.mark.parametrize("secret", [ALL, RSA.as_pem(private=False), RSA.as_der(private=False), b""])
@pytest.mark.filterwarnings("ignore")
async def test_a_secret_made_of_public_keys_signs_nothing(
    secret: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Algorithm confusion: what everybody knows must never count as an HS256 secret."""
    # The library refuses to sign with a public key; whoever attacks has another one.
    monkeypatch.setattr(OctKey.binding, "import_from_bytes", lambda value, _password=None: value)
    token = user_token("HS256", OctKey.import_key(secret or b"\0"), "rsa")
    issuer = Issuer()
    await issuer.keys.refresh()
    with pytest.raises(TokenInvalidError):
        issuer.verifier().verify(token)


async def test_a_token_without_algorithm_or_with_one_of_another_family_is_refused() -> None:
    issuer = Issuer()
    await issuer.keys.refresh()
    for algorithm, key in (("PS256", RSA), ("RS512", RSA)):
        with pytest.raises(TokenInvalidError):
            issuer.verifier().verify(user_token(algorithm, key, "rsa"))
    header, claims, _ = user_token("RS256", RSA, "rsa").split(".")
    with pytest.raises(TokenInvalidError):
        issuer.verifier().verify(f"eyJhbGciOiJub25lIiwia2lkIjoicnNhIn0.{claims}.")
    with pytest.raises(TokenInvalidError):
        issuer.verifier().verify(f"{header}.{claims}.")


async def test_a_user_token_for_services_is_checked_with_the_services_keys() -> None:
    issuer = Issuer()
    await issuer.keys.refresh()
    forged = user_token("ES256", EC, "ec", iss=SERVICE_ISSUER, aud="chat", sub="gateway")
    with pytest.raises(TokenInvalidError):
        issuer.verifier().verify(forged)


async def test_unknown_keys_make_one_fetch_a_minute() -> None:
    issuer = Issuer(key_set(public(RSA, "rsa")))
    verifier = issuer.verifier()

    async def ask(kid: str) -> None:
        with pytest.raises(UnknownKeyError):
            verifier.verify(user_token("ES256", EC, kid))
        await verifier.refresh()

    await asyncio.gather(*(ask(f"unknown-{n}") for n in range(100)))
    assert issuer.fetched == 1
    issuer.seconds += 59.9
    await ask("another")
    assert issuer.fetched == 1
    issuer.seconds += 0.1
    issuer.answer = ALL
    await ask("ec")
    assert issuer.fetched == 2
    assert isinstance(verifier.verify(user_token("ES256", EC, "ec")), UserToken)


async def test_known_keys_are_refreshed_in_the_background_and_go_when_withdrawn() -> None:
    issuer = Issuer()
    await issuer.keys.refresh()
    issuer.seconds += 599
    assert issuer.keys.find("ec") is not None
    assert issuer.fetched == 1
    issuer.answer = key_set(public(RSA, "rsa"))
    issuer.seconds += 1
    # This call is answered with what is known; nobody waits.
    assert issuer.keys.find("ec") is not None
    await issuer.background()
    assert issuer.fetched == 2
    assert issuer.keys.find("ec") is None
    assert issuer.keys.find("rsa") is not None


FAILURES: dict[str, bytes | Exception] = {
    "unreachable": OSError("no route"),
    "too slow": TimeoutError(),
    "cut off": http.client.IncompleteRead(b"{"),
    "no HTTP": http.client.BadStatusLine("x"),
    "no JSON": b"<html>",
    "no text": b"\xff\xfe",
    "no keys": b'{"keys": []}',
    "no list": b'{"keys": {"a": 1}}',
    "no set": b"[]",
    "deep": b"[" * 200_000,
    "other kinds": key_set({"kty": "oct", "k": "AAAA", "kid": "a"}, public(RSA, "enc", use="enc"), 7, None),
    "nameless": key_set({**public(EC, "x"), "kid": None}, public(EC, ""), public(EC, "k" * 65), {}),
}


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
async def test_what_is_known_stays_when_a_fetch_fails(answer: bytes | Exception) -> None:
    issuer = Issuer()
    await issuer.keys.refresh()
    issuer.answer = answer
    for tries in (2, 3):
        issuer.seconds += 600
        assert issuer.keys.find("ec") is not None
        await issuer.background()
        assert issuer.fetched == tries
        assert issuer.keys.find("ec") is not None
        # Not again at once.
        assert issuer.keys.find("rsa") is not None
        assert issuer.keys._fetching is None


@pytest.mark.parametrize("answer", FAILURES.values(), ids=FAILURES)
async def test_without_any_key_nobody_is_called_a_forger(answer: bytes | Exception) -> None:
    """A token that can't be judged is no bad token: the caller may come again, and the keys are fetched soon."""
    issuer = Issuer(answer)
    verifier = issuer.verifier()
    authenticator = Authenticator(verifier, Users(), HandClock(), 5.0)
    call = Call(METHODS["Ask"], "one", 0.0)

    async def authenticate() -> None:
        assert not authenticator.verify(call, token)
        await authenticator.verify_with_new_keys(call, token)

    token = f"Bearer {user_token('ES256', EC, 'ec')}"
    for _ in range(2):
        with pytest.raises(ServiceUnavailableError) as raised:
            await authenticate()
        assert raised.value.metadata == {"service": "issuer"}
        assert raised.value.retry_after == 1.0
    assert issuer.fetched == 1
    issuer.answer = ALL
    issuer.seconds += 1
    await authenticate()
    assert issuer.fetched == 2
    assert call.caller_key is not None


async def test_broken_keys_beside_good_ones_are_passed_over() -> None:
    broken: list[object] = [
        {"kty": "EC", "crv": "P-256", "x": 1, "y": [], "kid": "a"},
        {"kty": "EC", "crv": "unheard of", "x": "AA", "y": "AA", "kid": "b"},
        {"kty": "RSA", "n": "AQ", "e": "AQAB", "kid": "c"},
        {"kty": ["EC"], "kid": "d"},
        {"kty": "OKP", "crv": "Ed25519", "x": "AA", "kid": "e"},
    ]
    issuer = Issuer(key_set(*broken, public(EC, "ec")))
    await issuer.keys.refresh()
    assert issuer.keys.find("ec") is not None
    assert not any(issuer.keys.find(kid) for kid in "abcde")
    for entry in broken:
        with pytest.raises(ValueError, match="key"):
            StaticJwks(key_set(entry, public(EC, "ec")))


def test_of_many_keys_the_first_twenty_count() -> None:
    assert set(parse_jwks(key_set(*(public(EC, f"{n}") for n in range(1_000))))) == {
        f"{n}" for n in range(20)
    }


async def test_an_endless_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "_WHOLE_FETCH_SECONDS", 0.05)
    ended = threading.Event()

    def drip(_url: str) -> bytes:
        ended.wait(30)
        return ALL

    issuer = RemoteJwks(URL, drip)
    began = time.monotonic()
    try:
        with pytest.raises(ServiceUnavailableError):
            await issuer.refresh()
    finally:
        ended.set()
    assert time.monotonic() - began < 5
    assert issuer.find("ec") is None


class Handler(BaseHTTPRequestHandler):
    answers: dict[str, tuple[int, dict[str, str], bytes]]

    def do_GET(self) -> None:
        status, headers, body = self.answers[self.path]
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for _ in range(150 if self.path == "/drip" else 0):
                self.wfile.write(b" ")
                # As slow as a server that wants to keep its client.
                time.sleep(0.02)
            self.wfile.write(body)
        except OSError:
            # The other side has had enough.
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        del format, args


@pytest.fixture
def https(tmp_path: Path) -> Iterator[tuple[str, Callable[[str], bytes]]]:
    """A server with a certificate; gives its address and a fetch that knows the authority."""
    authority = Authority(tmp_path)
    pair = authority.sign("server")
    server = HTTPServer(("127.0.0.1", 0), Handler)
    address = f"https://127.0.0.1:{server.server_port}"
    plain = HTTPServer(("127.0.0.1", 0), Handler)
    Handler.answers = {
        "/keys": (200, {}, ALL),
        "/moved": (302, {"Location": f"{address}/keys"}, b""),
        "/moved-to-plain": (302, {"Location": f"http://127.0.0.1:{plain.server_port}/keys"}, b""),
        "/moved-to-file": (302, {"Location": "file:///etc/hostname"}, b""),
        "/missing": (404, {}, b""),
        "/huge": (200, {}, b" " * (1 << 20) + ALL),
        "/drip": (200, {}, b""),
        "/cut": (200, {"Content-Length": "1000"}, ALL[:20]),
    }
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threads = [threading.Thread(target=each.serve_forever, args=(0.01,)) for each in (server, plain)]
    for thread in threads:
        thread.start()
    try:
        yield address, partial(fetch_https, context=ssl.create_default_context(cafile=authority.certificate))
    finally:
        for each in (server, plain):
            each.shutdown()
            each.server_close()
        for thread in threads:
            thread.join()


async def test_keys_come_over_https_alone(https: tuple[str, Callable[[str], bytes]]) -> None:
    address, fetch = https
    for path in ("/keys", "/moved"):
        remote = RemoteJwks(f"{address}{path}", fetch)
        await remote.refresh()
        assert remote.find("ec") is not None
    for path in ("/moved-to-plain", "/moved-to-file", "/missing", "/huge", "/cut"):
        remote = RemoteJwks(f"{address}{path}", fetch)
        with pytest.raises(ServiceUnavailableError):
            await remote.refresh()
        assert remote.find("ec") is None, path
    # Nobody's certificate vouches for this one.
    stranger = RemoteJwks(f"{address}/keys")
    with pytest.raises(ServiceUnavailableError):
        await stranger.refresh()
    assert stranger.find("ec") is None
    with pytest.raises(ValueError, match="https only"):
        fetch(address.replace("https", "http"))


async def test_a_body_that_drips_gives_the_thread_back(
    https: tuple[str, Callable[[str], bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, fetch = https
    monkeypatch.setattr(jwks, "_WHOLE_FETCH_SECONDS", 0.2)
    async with asyncio.timeout(5):
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(fetch, f"{address}/drip")
