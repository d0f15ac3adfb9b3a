"""What production demands of its settings."""

from __future__ import annotations

import pytest

from servicekit.settings import Environment, ServiceSettings
from services.chat.config import Settings as ChatSettings
from services.tracks.config import Settings as TracksSettings
from services.users.config import Settings as UsersSettings
from tests.servicekit.probe_process import Settings
from tests.servicekit.test_settings import DSN, GOOD, SECRET, environ, errors, loaded

__all__ = ["environ"]
PRODUCTION = {"SEDA_ENV": "production", "SEDA_JWT_ISSUER": "https://example.org", **GOOD}


def test_ports_are_not_shared_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {**PRODUCTION, "SEDA_REUSE_PORT": "1"}
    assert set(errors(monkeypatch, Settings, **given)) == {"SEDA_REUSE_PORT"}


def test_users_and_services_do_not_share_an_audience(monkeypatch: pytest.MonkeyPatch) -> None:
    for audience in ("chat", "users", "tracks"):
        found = errors(monkeypatch, ChatSettings, **GOOD, DATABASE_URL=DSN, SEDA_JWT_AUDIENCE=audience)
        assert found == {"SEDA_JWT_AUDIENCE": "is the audience of service tokens"}


@pytest.mark.parametrize("env", Environment)
def test_users_and_services_do_not_share_a_secret_in_production(
    monkeypatch: pytest.MonkeyPatch, env: Environment
) -> None:
    given = {**PRODUCTION, "SEDA_ENV": env, "SEDA_SERVICE_SECRET": SECRET}
    if env is Environment.PRODUCTION:
        assert set(errors(monkeypatch, Settings, **given)) == {"SEDA_SERVICE_SECRET"}
    else:
        loaded(monkeypatch, Settings, **given)


@pytest.mark.parametrize(
    "kind", [UsersSettings, ChatSettings, TracksSettings], ids=["users", "chat", "tracks"]
)
def test_production_demands_a_login_of_the_service_s_own(
    monkeypatch: pytest.MonkeyPatch, kind: type[ServiceSettings]
) -> None:
    name = f"SEDA_{kind.process.upper()}_DATABASE_URL"
    found = errors(monkeypatch, kind, **PRODUCTION, DATABASE_URL=DSN)
    assert found == {name: "is required in production (DATABASE_URL is the administrator's)"}
    assert loaded(monkeypatch, kind, **{name: DSN}).dsn == DSN


@pytest.mark.parametrize(
    ("dsn", "protected"),
    [
        ("postgresql://a:hush@127.0.0.1/d", True),
        ("postgresql://a:hush@localhost:5432,[::1]:5433/d", True),
        ("postgresql:///d", True),
        ("postgresql://a:hush@%2Frun%2Fpostgresql/d", True),
        ("postgresql:///d?host=/run/postgresql", True),
        ("postgresql://a:hush@/d?host=::1", True),
        ("postgresql://a:hush@db/d?sslmode=verify-full", True),
        ("postgresql://a:hush@db/d?sslmode=disable&sslmode=verify-full", True),
        ("postgresql://a:hush@db/d", False),
        ("postgresql://db", False),
        ("postgresql://a:hush@192.0.2.1:5432/d?sslmode=require", False),
        ("postgresql://a:hush@db/d?sslmode=verify-ca", False),
        ("postgresql://a:hush@db/d?sslmode=verify-full&sslmode=prefer", False),
        ("postgresql://a:hush@127.0.0.1,db/d", False),
        ("postgresql://a:hush@127.0.0.1@db/d", False),
        ("postgresql://a:hush@localhost.example.org/d", False),
        ("postgresql:///d?host=db", False),
        ("postgresql:///d?service=elsewhere", False),
    ],
)
def test_production_demands_tls_of_a_database_elsewhere(
    monkeypatch: pytest.MonkeyPatch, dsn: str, *, protected: bool
) -> None:
    given = {**PRODUCTION, "SEDA_CHAT_DATABASE_URL": dsn}
    if not protected:
        assert "verify-full" in errors(monkeypatch, ChatSettings, **given)["SEDA_CHAT_DATABASE_URL"]
        given["SEDA_ALLOW_DATABASE_PLAINTEXT"] = "1"
    assert loaded(monkeypatch, ChatSettings, **given).dsn == dsn
    monkeypatch.delenv("SEDA_ALLOW_DATABASE_PLAINTEXT", raising=False)
    assert loaded(monkeypatch, ChatSettings, SEDA_ENV="qa").dsn == dsn


@pytest.mark.parametrize("variable", ["PGHOST", "PGSERVICE"])
def test_a_database_that_the_environment_names_counts_as_elsewhere(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "db")
    given = {**PRODUCTION, "SEDA_CHAT_DATABASE_URL": "postgresql:///d"}
    assert set(errors(monkeypatch, ChatSettings, **given)) == {"SEDA_CHAT_DATABASE_URL"}
