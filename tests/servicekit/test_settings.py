"""Settings: what is refused, that all errors are told at once, and what the environments make different."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import app as gateway_app
from gateway.config import Settings as GatewaySettings
from servicekit.credentials import build_token_verifier
from servicekit.process import App, AppContext, Process
from servicekit.settings import Environment, ServiceSettings, SettingsError, SettingsT, load
from services.chat import app as chat_app
from services.chat.config import Settings as ChatSettings
from services.tracks import app as tracks_app
from services.tracks.config import Settings as TracksSettings
from services.users import app as users_app
from services.users.config import Settings as UsersSettings
from tests.servicekit.probe_process import Settings

SECRET = "a secret that is long enough for anybody"
DSN = "postgresql://seda:hush@127.0.0.1:1/seda"
_SERVICE_SECRET = "another secret that is long enough"
GOOD = {"SEDA_JWT_SECRET": SECRET, "SEDA_SERVICE_SECRET": _SERVICE_SECRET}


@pytest.fixture(autouse=True)
def environ(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but what a test sets."""
    for name in [each for each in os.environ if each.startswith("SEDA_") or each == "DATABASE_URL"]:
        monkeypatch.delenv(name)


def loaded(monkeypatch: pytest.MonkeyPatch, kind: type[SettingsT], **environ: str) -> SettingsT:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return load(kind)


def errors(monkeypatch: pytest.MonkeyPatch, kind: type[ServiceSettings], **environ: str) -> dict[str, str]:
    """The errors by variable."""
    with pytest.raises(SettingsError) as raised:
        loaded(monkeypatch, kind, **environ)
    assert str(raised.value) == "\n".join(raised.value.errors)
    told = [line.partition(": ") for line in raised.value.errors]
    assert len({name for name, _, _ in told}) == len(told), raised.value.errors
    assert "hush" not in str(raised.value)
    return {name: why for name, _, why in told}


def test_defaults_are_those_of_development(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, Settings, **GOOD)
    assert (settings.env, settings.host, settings.drain_wait) == ("development", "127.0.0.1", 0.0)
    assert settings.serves_reflection


@pytest.mark.parametrize("env", ["qa", "sandbox", "production"])
def test_elsewhere_drains_take_five_seconds(monkeypatch: pytest.MonkeyPatch, env: str) -> None:
    settings = loaded(monkeypatch, Settings, SEDA_ENV=env, SEDA_JWT_ISSUER="https://example.org", **GOOD)
    assert settings.drain_wait == 5.0
    assert settings.serves_reflection == (env != "production")
    monkeypatch.setenv("SEDA_DRAIN_SECONDS", "0")
    assert load(Settings).drain_wait == 0.0


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = errors(
        monkeypatch,
        ChatSettings,
        SEDA_ENV="production",
        SEDA_PORT="70000",
        SEDA_ADMIN_PORT="x",
        SEDA_LOG_LEVEL="loud",
        SEDA_JWT_SECRET="hush",
        SEDA_CALLER_TTL_SECONDS="0",
        SEDA_HOST="0.0.0.0",
        SEDA_DB_POOL_MIN="9",
        SEDA_DB_POOL_MAX="2",
    )
    assert found.keys() == {
        "SEDA_PORT", "SEDA_ADMIN_PORT", "SEDA_LOG_LEVEL", "SEDA_JWT_SECRET", "SEDA_CALLER_TTL_SECONDS",
        "SEDA_SERVICE_SECRET", "SEDA_JWT_ISSUER", "SEDA_HOST", "SEDA_DB_POOL_MIN", "SEDA_CHAT_DATABASE_URL",
    }  # fmt: skip
    assert all(found.values())


def test_what_is_missing_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = errors(monkeypatch, ChatSettings)
    assert found.keys() == {"SEDA_JWT_SECRET", "SEDA_SERVICE_SECRET", "SEDA_CHAT_DATABASE_URL"}


@pytest.mark.parametrize("name", ["SEDA_JWT_SECRET", "SEDA_SERVICE_SECRET"])
def test_short_secret_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    short = "hush" + "x" * 27
    assert "at least 32 bytes" in errors(monkeypatch, Settings, **(GOOD | {name: short}))[name]
    # Bytes count, not characters.
    loaded(monkeypatch, Settings, **(GOOD | {name: "é" * 16}))


def test_secrets_come_from_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "jwt").write_text(f"{SECRET}\n")
    (tmp_path / "dsn").write_text(f" {DSN}\n")
    settings = loaded(
        monkeypatch,
        ChatSettings,
        SEDA_JWT_SECRET_FILE=str(tmp_path / "jwt"),
        SEDA_SERVICE_SECRET=SECRET,
        SEDA_CHAT_DATABASE_URL_FILE=str(tmp_path / "dsn"),
    )
    assert settings.jwt_secret is not None
    assert settings.jwt_secret.get_secret_value() == SECRET
    assert settings.dsn == DSN


def test_fault_of_a_secret_s_file_names_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "short").write_text("hush")
    (tmp_path / "binary").write_bytes(b"\xff" * 40)
    found = errors(
        monkeypatch,
        ChatSettings,
        SEDA_JWT_SECRET_FILE=str(tmp_path / "short"),
        SEDA_SERVICE_SECRET_FILE=str(tmp_path / "gone"),
        DATABASE_URL_FILE=str(tmp_path / "binary"),
    )
    assert "at least 32 bytes" in found["SEDA_JWT_SECRET"]
    assert "No such file" in found["SEDA_SERVICE_SECRET_FILE"]
    assert "not text" in found["DATABASE_URL_FILE"]


def test_secret_given_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "jwt").write_text(SECRET)
    found = errors(monkeypatch, Settings, **GOOD, SEDA_JWT_SECRET_FILE=str(tmp_path / "jwt"))
    assert "set twice" in found["SEDA_JWT_SECRET"]


def test_what_is_no_secret_has_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "port").write_text("1")
    assert loaded(monkeypatch, Settings, **GOOD, SEDA_PORT_FILE=str(tmp_path / "port")).port == 0


def test_development_tokens_are_refused_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(errors(monkeypatch, Settings, **GOOD, SEDA_ENV="production")) == {"SEDA_JWT_ISSUER"}
    loaded(monkeypatch, Settings, SEDA_JWT_ISSUER="https://example.org")


def test_users_and_services_do_not_share_an_issuer(monkeypatch: pytest.MonkeyPatch) -> None:
    found = errors(monkeypatch, Settings, **GOOD, SEDA_JWT_ISSUER="seda-services")
    assert found == {"SEDA_JWT_ISSUER": "is the issuer of service tokens"}


@pytest.mark.parametrize("env", Environment)
def test_verified_address_is_required_in_production(
    monkeypatch: pytest.MonkeyPatch, env: Environment
) -> None:
    given = {**GOOD, "SEDA_ENV": env, "SEDA_JWT_ISSUER": "https://example.org"}
    production = env is Environment.PRODUCTION
    for value, required in ((None, production), ("0", False), ("1", True)):
        settings = loaded(
            monkeypatch, Settings, **given, **({"SEDA_REQUIRE_VERIFIED_EMAIL": value} if value else {})
        )
        assert build_token_verifier(settings).require_verified_email == required


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SEDA_CALLER_TTL", "SEDA_CALLER_TTL_SECONDS"),
        ("SEDA_KEPT_PAGES_MIB", "SEDA_PAGE_CACHE_MIB"),
        ("SEDA_SEND_RATE", "SEDA_SEND_RATE_PER_SECOND"),
    ],
)
def test_former_name_is_refused_with_the_new_one(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    assert errors(monkeypatch, Settings, **GOOD, **{old: "1"}) == {old: f"was renamed to {new}"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", "127.0.0.1,0.0.0.0"])
def test_plain_text_beyond_this_machine_must_be_asked_for(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert "SEDA_HOST" in errors(monkeypatch, Settings, **GOOD, SEDA_HOST=host)
    assert loaded(monkeypatch, Settings, SEDA_ALLOW_PLAINTEXT="1").host == host


@pytest.mark.parametrize(
    "target",
    [
        "dns:///users:1",
        "users:1",
        "192.0.2.1:1",
        "127.0.0.1:1,192.0.2.1:1",
        "ipv4:127.0.0.1:1,192.0.2.1:1",
        "[2001:db8::1]:1",
    ],
)
def test_plain_text_to_services_elsewhere_must_be_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: str
) -> None:
    environ = GOOD | {"DATABASE_URL": DSN, "SEDA_USERS_TARGET": target}
    assert set(errors(monkeypatch, ChatSettings, **environ)) == {"SEDA_USERS_TARGET"}
    with monkeypatch.context() as allowed:
        assert loaded(allowed, ChatSettings, SEDA_ALLOW_PLAINTEXT="1").users_target == target
    (tmp_path / "ca").write_text("an authority")
    assert loaded(monkeypatch, ChatSettings, SEDA_TLS_CA_FILE=str(tmp_path / "ca")).users_target == target


@pytest.mark.parametrize(
    "target",
    [
        "localhost:1",
        "dns:///localhost:1",
        "127.0.0.1:1,127.0.0.2:1",
        "[::1]:1",
        "ipv6:[::1]:1,[::1]:2",
        "dns:127.0.0.1:1",
    ],
)
def test_services_on_loopback_are_called_in_plain_text(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    environ = GOOD | {"DATABASE_URL": DSN, "SEDA_USERS_TARGET": target}
    assert loaded(monkeypatch, ChatSettings, **environ).users_target == target


@pytest.mark.parametrize("name", ["users", "chat", "tracks", "gateway"])
async def test_settings_know_the_services_that_are_called(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    built: dict[str, tuple[type[ServiceSettings], Callable[[AppContext[Any]], App]]] = {
        "users": (UsersSettings, users_app.build),
        "chat": (ChatSettings, chat_app.build),
        "tracks": (TracksSettings, tracks_app.build),
        "gateway": (GatewaySettings, gateway_app.build),
    }
    kind, build = built[name]
    process = Process(loaded(monkeypatch, kind, **GOOD, DATABASE_URL=DSN), build)
    assert {client.name for client in process.context.service_clients} == set(kind.upstreams())
    for client in process.context.service_clients:
        await client.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost", "127.0.0.1,[::1]"])
def test_loopback_is_served_in_plain_text(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert loaded(monkeypatch, Settings, **GOOD, SEDA_HOST=host).host == host


@pytest.mark.parametrize(
    "dsn",
    [
        "mysql://hush@db/seda",
        "hush",
        "http://hush",
        "postgresql+asyncpg://hush@db/seda",
        # Each of these the standard library or the driver quotes in its error.
        "postgresql://a:hush\u2100@db/seda",
        "postgresql://a:[hush@db/seda",
        "postgresql://a:hush/more@db/seda",
        "postgresql://a:hush?more@db/seda",
    ],
)
@pytest.mark.parametrize("name", ["DATABASE_URL", "SEDA_CHAT_DATABASE_URL"])
def test_other_databases_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, dsn: str) -> None:
    told = errors(monkeypatch, ChatSettings, **GOOD, **{name: dsn})
    assert name in told
    assert "hush" not in str(told)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://a:b@h/d", "postgresql://a:b@h/d?role=chat_app"),
        ("postgres://a:b@h:1/d?sslmode=require", "postgresql://a:b@h:1/d?sslmode=require&role=chat_app"),
        ("postgresql:///d?host=/run", "postgresql:///d?host=/run&role=chat_app"),
        ("postgresql://a:b@h/d?", "postgresql://a:b@h/d?role=chat_app"),
        ("postgresql://a:b@[::1]:1,h:2,h/d?user=y&", "postgresql://a:b@[::1]:1,h:2,h/d?user=y&role=chat_app"),
    ],
)
def test_administrator_s_way_in_is_used_in_the_application_s_role(
    monkeypatch: pytest.MonkeyPatch, given: str, used: str
) -> None:
    assert loaded(monkeypatch, ChatSettings, **GOOD, DATABASE_URL=given).dsn == used
    monkeypatch.setenv("SEDA_CHAT_DATABASE_URL", DSN)
    assert load(ChatSettings).dsn == DSN


def test_pooler_demands_the_slice_s_own_way_in(monkeypatch: pytest.MonkeyPatch) -> None:
    environ = GOOD | {"DATABASE_URL": DSN, "SEDA_DB_POOLER": "transaction"}
    assert "SEDA_DB_POOLER" in errors(monkeypatch, ChatSettings, **environ)["SEDA_CHAT_DATABASE_URL"]
    settings = loaded(monkeypatch, ChatSettings, SEDA_CHAT_DATABASE_URL=DSN)
    arguments = settings.pool_options().connect_arguments()
    assert arguments["statement_cache_size"] == 0
    assert arguments["server_settings"] == {"application_name": "seda-chat"}


def test_pool_is_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(
        monkeypatch,
        ChatSettings,
        **GOOD,
        DATABASE_URL=DSN,
        SEDA_DB_POOL_MIN="3",
        SEDA_DB_POOL_MAX="5",
        SEDA_SLOW_QUERY_MS="7",
        SEDA_LOG_STATEMENTS="1",
    )
    options = settings.pool_options()
    assert (options.name, options.min_size, options.max_size) == ("seda-chat", 3, 5)
    assert (options.slow_statement_ms, options.log_statements, options.pooled) == (7, True, False)


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, ChatSettings, **GOOD, DATABASE_URL=DSN)
    for text in (repr(settings), str(settings), settings.model_dump_json()):
        assert "hush" not in text
        assert SECRET not in text


@pytest.mark.parametrize(
    "target", ["127.0.0.1:1,127.0.0.2:1", "[::1]:1,[::1]:2", "a.example:1", "dns:///a:1"]
)
def test_targets_that_a_channel_takes(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    assert (
        loaded(
            monkeypatch, GatewaySettings, SEDA_CHAT_TARGET=target, **GOOD | {"SEDA_ALLOW_PLAINTEXT": "1"}
        ).chat_target
        == target
    )


@pytest.mark.parametrize("target", ["a.example:1,b.example:1", "127.0.0.1:1,[::1]:1", "127.0.0.1:1,"])
def test_targets_that_no_channel_takes(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    assert set(
        errors(monkeypatch, GatewaySettings, SEDA_CHAT_TARGET=target, SEDA_ALLOW_PLAINTEXT="1", **GOOD)
    ) == {"SEDA_CHAT_TARGET"}
