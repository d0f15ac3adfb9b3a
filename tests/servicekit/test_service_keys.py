"""Service tokens with one key per service: a key signs in its own service's name alone."""

from __future__ import annotations

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, OKPKey

from sedaclient.auth import SERVICE_ISSUER, ServiceTokenSigner, load_signing_key
from servicekit.errors import TokenInvalidError
from servicekit.jwks import SharedSecret, StaticJwks
from servicekit.tokens import ServiceToken, TokenVerifier
from tests.servicekit.test_jwks import AUDIENCE, ISSUER, SERVICE_SECRET, key_set, public

SERVICE_KEYS = {name: OKPKey.generate_key("Ed25519") for name in ("chat", "gateway")}


def service_verifier(*entries: dict[str, object]) -> TokenVerifier:
    return TokenVerifier(
        user_keys=SharedSecret(SERVICE_SECRET),
        user_issuer=ISSUER,
        user_audience=AUDIENCE,
        service_keys=StaticJwks(key_set(*entries)),
        service="tracks",
        accept_development=True,
    )


def test_each_service_signs_with_its_own_key_for_itself_alone() -> None:
    verifier = service_verifier(*(public(key, name) for name, key in SERVICE_KEYS.items()))
    for name, key in SERVICE_KEYS.items():
        signer = ServiceTokenSigner(name, load_signing_key(key.as_pem(private=True).decode()))
        signed = signer.token("tracks", "somebody")
        verified = verifier.verify(signed)
        assert isinstance(verified, ServiceToken)
        assert (verified.service, verified.on_behalf_of) == (name, "somebody")
    chat = SERVICE_KEYS["chat"]
    now = int(time.time())
    claims = {"iss": SERVICE_ISSUER, "aud": "tracks", "iat": now, "exp": now + 60}
    as_gateway: dict[str, tuple[dict[str, str], Any]] = {
        "with chat's key under chat's name": ({"alg": "Ed25519", "kid": "chat"}, chat),
        "with chat's key under gateway's name": ({"alg": "Ed25519", "kid": "gateway"}, chat),
        "without a name": ({"alg": "Ed25519"}, chat),
        "with the public key as a secret": (
            {"alg": "HS256", "kid": "gateway"},
            OctKey.import_key(str(SERVICE_KEYS["gateway"].as_dict(private=False)["x"])),
        ),
    }
    for how, (header, key) in as_gateway.items():
        forged = jwt.encode(header, {**claims, "sub": "gateway"}, key, algorithms=[header["alg"]])
        with pytest.raises(TokenInvalidError):
            pytest.fail(f"{how}: {verifier.verify(forged)}")
