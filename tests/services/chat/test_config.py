"""Which settings of chat are refused."""

from __future__ import annotations

from typing import Any

import pytest

from servicekit.settings import SettingsError
from services.chat import config
from services.chat.config import Settings
from tests.services.running import JWT_SECRET, SERVICE_SECRET


def _settings(**values: Any) -> Settings:
    given = {"jwt_secret": JWT_SECRET, "service_secret": SERVICE_SECRET, "DATABASE_URL": "postgresql:///x"}
    return Settings(**{**given, **values})


@pytest.mark.parametrize(
    ("hints", "urls"),
    [
        ("postgres", []),
        ("none", []),
        ("nats://127.0.0.1:4222", ["nats://127.0.0.1:4222"]),
        ("nats://localhost,nats://[::1]:4222", ["nats://localhost", "nats://[::1]:4222"]),
        ("tls://nats.example.org:4222", ["tls://nats.example.org:4222"]),
    ],
)
def test_hints_may_be_carried_by(hints: str, urls: list[str]) -> None:
    assert _settings(hints=hints).nats_urls == urls


@pytest.mark.parametrize(
    ("hints", "message"),
    [
        ("", "must be postgres, none, or nats://"),
        ("redis://127.0.0.1", "must be postgres, none, or nats://"),
        ("nats://", "must be postgres, none, or nats://"),
        ("nats://user:secret@127.0.0.1", "credentials are SEDA_HINTS_CREDENTIALS"),
        ("nats://127.0.0.1/x", "nothing but hosts and ports"),
        ("nats://127.0.0.1,tls://127.0.0.1", "for all servers"),
        ("nats://nats.example.org", "it requires tls://, or SEDA_ALLOW_PLAINTEXT=1"),
    ],
)
def test_hints_that_are_refused(hints: str, message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        _settings(hints=hints)
    (error,) = refused.value.errors
    assert error.startswith("SEDA_HINTS: ")
    assert message in error
    assert "secret" not in error


def test_plaintext_to_nats_beyond_loopback_may_be_allowed() -> None:
    assert _settings(hints="nats://nats.example.org", allow_plaintext=True).nats_urls


def test_credentials_without_nats_are_refused_and_nats_without_its_package(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SettingsError, match="SEDA_HINTS_CREDENTIALS: requires NATS servers"):
        _settings(hints_credentials="a-token")
    monkeypatch.setattr(config, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match="requires the package of the extra `nats`"):
        _settings(hints="nats://127.0.0.1")
