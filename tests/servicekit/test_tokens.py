"""Tokens by themselves: what time does to them, and what signing makes. How bad ones fare: tests/contract."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws

from ops.dev_tokens import development_subject, development_token
from sedaclient.auth import ServiceTokenSigner
from servicekit.errors import TokenExpiredError, TokenInvalidError
from servicekit.tokens import MAX_TOKEN_CHARACTERS, ServiceToken, TokenVerifier, UserToken
from tests.contract.auth_headers import bad_headers, jwt, service_claims, user_claims
from tests.servicekit.probe_server import JWT_SECRET, SERVICE_SECRET, verifier

_NOW = 1_800_000_000.0


class Time:
    """Wall clock time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = _NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time_() -> Time:
    return Time()


def token(lifetime: int = 600, now: float = _NOW) -> str:
    return development_token(JWT_SECRET, "Somebody@Example.org ", lifetime, now=now)


def test_development_token_is_a_user_s() -> None:
    issued = int(time.time())
    verified = verifier().verify(development_token(JWT_SECRET, " Somebody@Example.org"))
    assert isinstance(verified, UserToken)
    assert (verified.subject, verified.email) == (
        development_subject("somebody@example.org"),
        "somebody@example.org",
    )
    assert issued + 43_199 <= verified.expires <= issued + 43_202


def test_subject_of_an_email_never_changes() -> None:
    # As `uuid.uuid5(uuid.NAMESPACE_DNS, "a@example.org")` has always said.
    assert development_subject(" A@Example.org ") == "812af7eb-d297-521e-9347-65a54591b14e"


def test_development_token_is_refused_where_development_ones_are_not_accepted() -> None:
    with pytest.raises(TokenInvalidError, match="development"):
        verifier(accept_development=False).verify(development_token(JWT_SECRET, "a@example.org"))


def test_token_is_good_until_30_seconds_after_its_expiry(time_: Time) -> None:
    made = token(600)
    time_.now = _NOW + 629
    assert isinstance(verifier(time_).verify(made), UserToken)
    time_.now = _NOW + 630
    with pytest.raises(TokenExpiredError):
        verifier(time_).verify(made)


def test_token_is_good_from_30_seconds_before_its_issue(time_: Time) -> None:
    made = token()
    time_.now = _NOW - 30
    assert isinstance(verifier(time_).verify(made), UserToken)
    time_.now = _NOW - 31
    with pytest.raises(TokenInvalidError):
        verifier(time_).verify(made)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every token whose signature was checked."""
    seen: list[object] = []
    validate: Callable[..., object] = jws.validate_compact

    def counting(signed: object, *args: object, **kwargs: object) -> object:
        seen.append(signed)
        return validate(signed, *args, **kwargs)

    monkeypatch.setattr("servicekit.tokens.jws.validate_compact", counting)
    return seen


def test_signature_is_checked_once_a_minute(time_: Time, checks: list[object]) -> None:
    checked, made = verifier(time_), token()
    first = checked.verify(made)
    time_.now = _NOW + 59.9
    assert checked.verify(made) is first
    assert len(checks) == 1
    time_.now = _NOW + 60
    assert checked.verify(made) == first
    assert len(checks) == 2


def test_verified_token_is_not_remembered_beyond_its_expiry(time_: Time) -> None:
    checked, made = verifier(time_), token(10)
    checked.verify(made)
    time_.now = _NOW + 41
    with pytest.raises(TokenExpiredError):
        checked.verify(made)


def test_refusal_is_not_remembered_as_a_success(checks: list[object]) -> None:
    checked, forged = verifier(), jwt(user_claims(), "another secret that is long enough, too")
    for _ in range(2):
        with pytest.raises(TokenInvalidError):
            checked.verify(forged)
    assert len(checks) == 2


def test_cache_has_an_end(time_: Time, monkeypatch: pytest.MonkeyPatch, checks: list[object]) -> None:
    monkeypatch.setattr("servicekit.tokens._CACHE_SIZE", 2)
    checked = verifier(time_)
    made = [development_token(JWT_SECRET, f"{number}@example.org", now=_NOW) for number in range(3)]
    for each in made:
        checked.verify(each)
    checked.verify(made[2])
    assert len(checks) == 3
    checked.verify(made[0])
    assert len(checks) == 4
    assert checked._verified.weight == 2


def test_refreshed_token_is_not_the_first_to_be_evicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sedaclient.auth._CACHE_SIZE", 2)
    now = [_NOW]
    signer = ServiceTokenSigner("chat", SERVICE_SECRET, lambda: now[0])
    first = signer.token("probe", "first")
    signer.token("probe", "second")
    now[0] += 200
    refreshed = signer.token("probe", "first")
    assert refreshed != first
    signer.token("probe", "third")
    assert (signer.token("probe", "first"), ("probe", "second") in signer._signed) == (refreshed, False)


@pytest.mark.parametrize(
    "name", [name for name, (_, reason) in bad_headers().items() if reason == "TOKEN_INVALID"]
)
def test_bad_token_is_invalid(name: str) -> None:
    header, _ = bad_headers()[name]
    with pytest.raises(TokenInvalidError) as raised:
        verifier().verify((header or "").removeprefix("Bearer "))
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("header", [["alg"], "alg", 7, None])
def test_header_that_is_no_object_is_invalid(header: object) -> None:
    _, claims, signature = jwt(user_claims()).split(".")
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    with pytest.raises(TokenInvalidError, match="malformed"):
        verifier().verify(f"{encoded}.{claims}.{signature}")


def test_longest_token_is_taken_and_one_character_more_is_not() -> None:
    padding = "x"
    while len(jwt(user_claims(padding=padding))) < MAX_TOKEN_CHARACTERS - 4:
        padding += "x"
    made = jwt(user_claims(padding=padding))
    assert isinstance(verifier().verify(made), UserToken)
    with pytest.raises(TokenInvalidError, match="too long"):
        verifier().verify(made + "x" * (MAX_TOKEN_CHARACTERS + 1 - len(made)))


@pytest.mark.parametrize("email", [None, "", "a\0@example.org", "a\ud800@b.org", "a" * 255])
def test_token_without_a_usable_email_has_none(email: object) -> None:
    verified = verifier().verify(jwt(user_claims(email=email)))
    assert isinstance(verified, UserToken)
    assert verified.email == ""


def test_huge_expiry_is_one(time_: Time) -> None:
    assert isinstance(verifier(time_).verify(jwt(user_claims(exp=10**300, iat=None))), UserToken)


def test_role_and_mute_in_a_token_mean_nothing() -> None:
    claims = user_claims(user_metadata={"role": "ADMIN"}, app_metadata={"role": "ADMIN"}, role="ADMIN")
    assert verifier().verify(jwt(claims)) == UserToken("fuzz", claims["email"], claims["exp"])


def test_service_token_names_the_service_and_whom_it_acts_for(time_: Time) -> None:
    signer, checked = ServiceTokenSigner("chat", SERVICE_SECRET, time_), verifier(time_)
    assert checked.verify(signer.token("probe")) == ServiceToken("chat", None, int(_NOW) + 300)
    assert checked.verify(signer.token("probe", "user-7")) == ServiceToken("chat", "user-7", int(_NOW) + 300)


def test_service_token_is_reused_for_half_of_its_life(time_: Time) -> None:
    signer = ServiceTokenSigner("chat", SERVICE_SECRET, time_)
    uses = [("probe", None), ("probe", "user-7"), ("tracks", None)]
    first = [signer.token(*use) for use in uses]
    assert len(set(first)) == len(uses)
    time_.now = _NOW + 149
    assert [signer.token(*use) for use in uses] == first
    time_.now = _NOW + 150
    refreshed = signer.token("probe")
    assert refreshed != first[0]
    assert verifier(time_).verify(refreshed) == ServiceToken("chat", None, int(_NOW) + 450)


def test_service_token_is_good_at_its_target_alone() -> None:
    signer = ServiceTokenSigner("gateway", SERVICE_SECRET)
    for target in ("users", "chat", "sed", "authenticated", ""):
        with pytest.raises(TokenInvalidError, match="another issuer or audience"):
            verifier().verify(signer.token(target))


@pytest.mark.parametrize(
    ("lifetime", "good"), [(600, True), (601, False), (600.5, False), (10**400, False), (None, False)]
)
def test_service_token_lives_ten_minutes_at_most(lifetime: float | None, *, good: bool) -> None:
    issued = int(time.time())
    times = {"iat": None} if lifetime is None else {"iat": issued, "exp": issued + lifetime}
    made = jwt(service_claims(**times), SERVICE_SECRET.decode())
    if good:
        assert isinstance(verifier().verify(made), ServiceToken)
    else:
        with pytest.raises(TokenInvalidError, match="ten minutes"):
            verifier().verify(made)


# Each JSON type; Python writes the last two beyond the standard, and reads them.
_VALUES: list[Any] = [
    True, False, 0, 7, -1, 1.5, 10**400, -(10**400), 1e308, "", "x", "\0", "\ud800", [], [[]], ["x"], {},
    {"x": {}}, float("nan"), float("inf"),
]  # fmt: skip
_TEXTS = ("iss", "aud", "sub", "email", "role")


@pytest.mark.parametrize("make", [user_claims, service_claims])
@pytest.mark.parametrize("value", _VALUES, ids=repr)
def test_claim_of_any_type_is_accepted_or_refused_as_invalid(
    make: Callable[..., dict[str, Any]], value: object
) -> None:
    """No claim and no header leads to another exception; a text claim of another type is always refused."""
    secret = (SERVICE_SECRET if make is service_claims else JWT_SECRET).decode()
    extra = ("on_behalf_of", "nbf", "jti", "email_verified", "user_metadata", "app_metadata", "amr")
    for strict in (False, True):
        checked = verifier(require_verified_email=strict)
        for claim in {*make(), *_TEXTS, *extra}:
            refused = _refused(checked, jwt(make(**{claim: value}), secret))
            if claim in {*_TEXTS, "on_behalf_of"} and not isinstance(value, str):
                assert refused, claim
        for name in ("alg", "kid", "typ", "crit", "b64", "jwk", "x5c", "zip"):
            _refused(checked, jwt(make(), secret, {"alg": "HS256", name: value}))


def _refused(checked: TokenVerifier, token: str) -> bool:
    try:
        checked.verify(token)
    except (TokenInvalidError, TokenExpiredError):
        return True
    return False


@pytest.mark.parametrize(
    ("claims", "verified"),
    [
        ({}, False),
        ({"email_verified": True}, True),
        ({"email_verified": False}, False),
        ({"email_verified": "true"}, False),
        ({"user_metadata": {"email_verified": True}}, True),
        ({"user_metadata": {"email_verified": False}}, False),
        ({"user_metadata": {}}, False),
        # The issuer's own claim is worth more than what users can write.
        ({"email_verified": False, "user_metadata": {"email_verified": True}}, False),
        ({"email_verified": True, "user_metadata": {"email_verified": False}}, True),
        ({"app_metadata": {"email_verified": True}}, False),
    ],
)
def test_address_that_is_not_verified_is_refused_where_it_must_be(
    claims: dict[str, Any], *, verified: bool
) -> None:
    made = jwt(user_claims(**claims))
    assert isinstance(verifier().verify(made), UserToken)
    checked = verifier(require_verified_email=True)
    if verified:
        assert isinstance(checked.verify(made), UserToken)
    else:
        with pytest.raises(TokenInvalidError, match="not verified"):
            checked.verify(made)
    # A user without an address gets EMAIL_REQUIRED from users.
    assert isinstance(checked.verify(jwt(user_claims(email=None))), UserToken)
