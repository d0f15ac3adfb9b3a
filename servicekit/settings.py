"""Settings of a process, read from the environment; all errors are reported at once, by variable."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    Field,
    FilePath,
    ModelWrapValidatorHandler,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from sedaclient.auth import SERVICE_ISSUER
from sedaclient.channels import is_local_target, is_loopback
from servicekit.database import PoolOptions
from servicekit.database_url import read_database_url
from servicekit.setting_types import Addresses, Names, PostgresUrl, Secret, addresses, is_protected_database
from servicekit.tokens import DEVELOPMENT_ISSUER
from servicekit.tracing import why_no_tracing
from servicekit.transport import TransportName, why_not

_PREFIX = "SEDA_"
_RATES = ("SEND", "REACTION", "SEARCH", "ROOM", "JOIN", "INVITATION", "REPORT", "FETCH_HOST")
_RENAMED = {
    "SEDA_CALLER_TTL": "SEDA_CALLER_TTL_SECONDS",
    "SEDA_ENRICH_PLACES": "SEDA_ENRICH_CONCURRENCY",
    "SEDA_FETCH_TEST_TARGETS": "SEDA_FETCH_HOST_OVERRIDES",
    "SEDA_JANITOR_INTERVAL": "SEDA_JANITOR_INTERVAL_SECONDS",
    "SEDA_KEPT_PAGES_MIB": "SEDA_PAGE_CACHE_MIB",
    "SEDA_MAX_WAITING_CALLS": "SEDA_MAX_QUEUED_CALLS",
    "SEDA_MAX_WAIT_MS": "SEDA_MAX_QUEUE_WAIT_MS",
    **{f"SEDA_{rate}_RATE": f"SEDA_{rate}_RATE_PER_SECOND" for rate in _RATES},
}
"""Former names of settings; a process refuses to start with one of them."""


class Environment(enum.StrEnum):
    """The deployment environment; the defaults of production are the strictest."""

    DEVELOPMENT = "development"
    QA = "qa"
    SANDBOX = "sandbox"
    PRODUCTION = "production"


class SettingsError(Exception):
    """All errors of the settings, one line each, by variable name."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = errors


class ServiceSettings(BaseSettings):
    """The settings of every process. Variables start with SEDA_, except DATABASE_URL.

    Each secret has a variant ending in _FILE that names a file to read it from.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="ignore", frozen=True, case_sensitive=False)

    process: ClassVar[str]
    """The process's name: users, chat, tracks, gateway."""
    has_database: ClassVar[bool] = True
    max_connection_streams: ClassVar[int] = 10_000
    """The most concurrent HTTP/2 streams of one connection."""

    env: Environment = Field(Environment.DEVELOPMENT, description="development, qa, sandbox or production")
    host: Addresses = Field(
        "127.0.0.1", description="addresses to listen on, comma-separated; the port is the same on each"
    )
    port: int = Field(0, ge=0, le=65_535, description="gRPC port of the services")
    admin_host: Addresses = Field(
        "127.0.0.1", description="addresses of the admin and metrics ports, comma-separated"
    )
    admin_port: int = Field(
        0, ge=0, le=65_535, description="admin port, plaintext gRPC: health and reflection"
    )
    metrics_port: int = Field(0, ge=0, le=65_535, description="metrics port, HTTP: Prometheus")
    tls_certificate_file: FilePath | None = Field(
        None, description="PEM certificate of the server, also presented to other services"
    )
    tls_key_file: FilePath | None = Field(None, description="PEM private key of that certificate")
    tls_ca_file: FilePath | None = Field(
        None, description="PEM certificate authority of the other services; calls to them then use TLS"
    )
    tls_client_ca_file: FilePath | None = Field(
        None, description="PEM certificate authority of clients; clients without a certificate are refused"
    )
    allow_plaintext: bool = Field(False, description="allow plaintext beyond loopback, to listen and to call")
    allow_database_plaintext: bool = Field(
        False,
        description="allow production a database beyond loopback without `sslmode=verify-full` in its DSN",
    )
    reflection: bool | None = Field(
        None,
        description="reflection on the main port, default: 1, never in production; 1 is also needed for an admin port beyond loopback",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="minimum level to log: debug, info, warning or error"
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="json, console, or auto: readable on a terminal, JSON elsewhere"
    )
    tracing: bool = Field(
        False,
        description="export traces by OpenTelemetry to where `OTEL_EXPORTER_OTLP_ENDPOINT` says (docs/observability.md)",
    )
    transport: TransportName = Field(
        "grpc",
        description="server of the main port: grpc, or native, which has no TLS (docs/transport.md)",
    )
    drain_seconds: float | None = Field(
        None, ge=0, le=300, description="seconds to keep serving after SIGTERM; default 5, in development 0"
    )
    parent_fd: int | None = Field(None, ge=0, description="inherited pipe; the process stops when it closes")
    ready_fd: int | None = Field(
        None, ge=0, description="inherited pipe; the process writes a byte when it first serves"
    )
    reuse_port: bool = Field(
        False,
        description="share the ports with another process of the same user, as `seda up --reload` does; only in development",
    )

    jwt_secret: Secret | None = Field(
        None,
        description="HS256 secret of users' tokens, at least 32 bytes; required unless `SEDA_JWKS_URL` is set",
    )
    jwks_url: str | None = Field(
        None,
        pattern="^https://",
        description="https URL of the JWKS with the keys of users' tokens (ES256, RS256, EdDSA)",
    )
    jwt_issuer: str = Field(
        DEVELOPMENT_ISSUER,
        min_length=1,
        description="accepted issuer of users' tokens; production refuses the default",
    )
    jwt_audience: str = Field("authenticated", min_length=1, description="accepted audience of users' tokens")
    require_verified_email: bool | None = Field(
        None,
        description="refuse users' tokens whose e-mail address is not verified, default: in production",
    )
    service_secret: Secret | None = Field(
        None,
        description="shared secret of service tokens, at least 32 bytes; required unless `SEDA_SERVICE_KEY` is set",
    )
    service_key: SecretStr | None = Field(
        None, description="Ed25519 private key of this process, PEM, in place of the shared secret"
    )
    service_jwks_file: FilePath | None = Field(
        None, description="JWKS with the public keys of all services; each kid is the service's name"
    )
    delegates: Names = Field(
        "",
        description="services that may act for users, with commas, such as recommender; every process needs it",
    )
    caller_ttl_seconds: float = Field(
        5.0,
        gt=0,
        le=60,
        description="seconds until a mute, a role or a suspension takes effect at the latest",
    )

    database_url: PostgresUrl | None = Field(
        None,
        validation_alias="DATABASE_URL",
        description="administrator's DSN, for `seda db init`, `seda migrate` and services without a DSN of their own",
    )
    db_pooler: Literal["none", "transaction"] = Field(
        "none",
        description="`transaction` if a transaction pooler such as PgBouncer is in front of PostgreSQL",
    )
    db_pool_min: int = Field(2, ge=1, le=100, description="minimum number of pooled connections")
    db_pool_max: int = Field(8, ge=1, le=100, description="maximum number of pooled connections")
    slow_query_ms: float = Field(
        1000, gt=0, description="milliseconds from which a statement is logged as slow"
    )
    log_statements: bool = Field(False, description="log the name and the duration of every statement")

    max_calls: int = Field(256, ge=1, description="concurrent unary calls")
    max_queued_calls: int = Field(
        512, ge=0, description="unary calls that wait for a slot; more are rejected"
    )
    max_queue_wait_ms: float = Field(100, ge=0, description="milliseconds that a call waits for a slot")
    max_calls_per_user: int = Field(32, ge=1, description="unary calls of one user that run or wait")
    max_streams: int = Field(2000, ge=1, description="concurrent streams")
    max_streams_per_user: int = Field(5, ge=1, description="concurrent streams of one user")
    max_watches: int = Field(1024, ge=1, description="concurrent streams of health and reflection")
    max_watches_per_address: int = Field(
        128,
        ge=1,
        description="concurrent streams of health and reflection of one client address (IPv6: /64), which a proxy's clients share",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _collect_errors(cls, values: dict[str, Any], check: ModelWrapValidatorHandler[Self]) -> Self:
        errors = cls._read_files(values)
        try:
            settings = check(values)
        except ValidationError as error:
            wrong = {
                str(each["loc"][0]): each["msg"].removeprefix("Value error, ") for each in error.errors()
            }
            errors |= {_variable(key): why for key, why in wrong.items()}
            # Check the remaining ones for conflicts too.
            settings = check({key: value for key, value in values.items() if key not in wrong})
        for name, why in settings.cross_field_errors():
            errors.setdefault(name, why)
        for old, new in _RENAMED.items():
            if old in os.environ:
                errors[old] = f"was renamed to {new}"
        if errors:
            raise SettingsError([f"{name}: {why}" for name, why in errors.items()])
        return settings

    @classmethod
    def _read_files(cls, values: dict[str, Any]) -> dict[str, str]:
        """Read the secrets given as files into `values`; returns the errors by variable."""
        errors: dict[str, str] = {}
        for field in filter(partial(is_secret, cls), cls.model_fields):
            key, name = _key(cls, field), variable(cls, field)
            path = os.environ.get(f"{name}_FILE")
            if path and key in values:
                errors[name] = f"is set twice, also as {name}_FILE"
            elif path:
                try:
                    values[key] = Path(path).read_text(encoding="utf-8").strip()
                except (OSError, UnicodeDecodeError) as error:
                    errors[f"{name}_FILE"] = f"{path}: {getattr(error, 'strerror', None) or 'is not text'}"
        return errors

    def cross_field_errors(self) -> Iterator[tuple[str, str]]:
        """Conflicts between valid settings: variables and messages."""
        own_keys = (self.service_key, self.service_jwks_file)
        if bool(self.jwt_secret) == bool(self.jwks_url):
            yield "SEDA_JWT_SECRET", "is required (or SEDA_JWT_SECRET_FILE), or SEDA_JWKS_URL, but not both"
        if any(own_keys) and not all(own_keys):
            yield "SEDA_SERVICE_KEY", "requires SEDA_SERVICE_JWKS_FILE"
        if bool(self.service_secret) == any(own_keys):
            why = "is required (or SEDA_SERVICE_SECRET_FILE), or SEDA_SERVICE_KEY, but not both"
            yield "SEDA_SERVICE_SECRET", why
        tls = self.tls_certificate_file is not None
        if reason := why_not(self.transport, tls=tls, addresses=addresses(self.host)):
            yield "SEDA_TRANSPORT", reason
        if self.tracing and (reason := why_no_tracing()):
            yield "SEDA_TRACING", reason
        if self.jwt_issuer == SERVICE_ISSUER:
            yield "SEDA_JWT_ISSUER", "is the issuer of service tokens"
        if self.jwt_audience in {self.process, *self.upstreams()}:
            yield "SEDA_JWT_AUDIENCE", "is the audience of service tokens"
        yield from self._tls_errors()
        yield from self._database_errors()
        if self.env is Environment.PRODUCTION:
            yield from self._production_errors()

    def _production_errors(self) -> Iterator[tuple[str, str]]:
        if self.reuse_port:
            yield "SEDA_REUSE_PORT", "is not for production: another process could take part of the calls"
        if self.jwt_issuer == DEVELOPMENT_ISSUER:
            yield "SEDA_JWT_ISSUER", "must be set in production: development tokens are rejected"
        if self.jwt_secret and self.jwt_secret == self.service_secret:
            yield "SEDA_SERVICE_SECRET", "is SEDA_JWT_SECRET; in production each kind of token has its own"
        if not self.has_database:
            return
        name = f"SEDA_{self.process.upper()}_DATABASE_URL"
        if not self.own_database_url:
            yield name, "is required in production (DATABASE_URL is the administrator's)"
        elif not (self.allow_database_plaintext or is_protected_database(self.dsn)):
            why = "is not loopback; it requires sslmode=verify-full, or SEDA_ALLOW_DATABASE_PLAINTEXT=1"
            yield name, why

    def _tls_errors(self) -> Iterator[tuple[str, str]]:
        certificate = self.tls_certificate_file
        if bool(certificate) != bool(self.tls_key_file):
            yield "SEDA_TLS_CERTIFICATE_FILE", "requires SEDA_TLS_KEY_FILE"
        if self.tls_client_ca_file and not certificate:
            yield "SEDA_TLS_CLIENT_CA_FILE", "requires SEDA_TLS_CERTIFICATE_FILE"
        if not (certificate or self.allow_plaintext or all(map(is_loopback, addresses(self.host)))):
            why = "is not loopback; it requires SEDA_TLS_CERTIFICATE_FILE, or SEDA_ALLOW_PLAINTEXT=1"
            yield "SEDA_HOST", why
        for name in () if self.tls_ca_file or self.allow_plaintext else self.upstreams():
            if not is_local_target(getattr(self, f"{name}_target")):
                why = "is not loopback; it requires SEDA_TLS_CA_FILE, or SEDA_ALLOW_PLAINTEXT=1"
                yield f"SEDA_{name.upper()}_TARGET", why

    def _database_errors(self) -> Iterator[tuple[str, str]]:
        if self.db_pool_min > self.db_pool_max:
            yield "SEDA_DB_POOL_MIN", "is more than SEDA_DB_POOL_MAX"
        if self.has_database and not self.own_database_url:
            name = f"SEDA_{self.process.upper()}_DATABASE_URL"
            if self.db_pooler == "transaction":
                why = "is required with SEDA_DB_POOLER=transaction (a pooler drops the role that DATABASE_URL sets)"
                yield name, why
            elif not self.database_url:
                yield name, "is required (or DATABASE_URL)"

    @classmethod
    def upstreams(cls) -> list[str]:
        """The services that the process calls: those with a setting for their target."""
        return [name.removesuffix("_target") for name in cls.model_fields if name.endswith("_target")]

    @property
    def own_database_url(self) -> SecretStr | None:
        """The DSN of this process's own login, if set."""
        return getattr(self, "slice_database_url", None)

    @property
    def dsn(self) -> str:
        """The DSN the process uses: its own, or DATABASE_URL with the service's application role."""
        url, _ = self._database()
        if self.own_database_url is not None:
            return url
        # The start-up parameter `role` survives RESET ALL.
        return f"{url}{'&' if '?' in url else '?'}role={self.process}_app"

    @property
    def ignored_database_parameters(self) -> tuple[str, ...]:
        """The parameters of the DSN that mean nothing here."""
        return self._database()[1]

    def _database(self) -> tuple[str, tuple[str, ...]]:
        url = self.own_database_url or self.database_url
        assert url is not None  # noqa: S101 - checked with the settings
        return read_database_url(url.get_secret_value())

    @property
    def drain_wait(self) -> float:
        """Seconds between turning readiness off and stopping."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        return 0.0 if self.env is Environment.DEVELOPMENT else 5.0

    @property
    def requires_verified_email(self) -> bool:
        """Whether users need a verified e-mail address."""
        if self.require_verified_email is not None:
            return self.require_verified_email
        return self.env is Environment.PRODUCTION

    @property
    def admin_reflects(self) -> bool:
        """Whether the admin port serves reflection: beyond loopback only when set."""
        return bool(self.reflection) or all(map(is_loopback, addresses(self.admin_host)))

    @property
    def serves_reflection(self) -> bool:
        """Whether the main port serves reflection: never in production."""
        return self.env is not Environment.PRODUCTION and self.reflection is not False

    def pool_options(self) -> PoolOptions:
        """The options of the database pool."""
        return PoolOptions(
            name=f"seda-{self.process}",
            min_size=self.db_pool_min,
            max_size=self.db_pool_max,
            slow_statement_ms=self.slow_query_ms,
            log_statements=self.log_statements,
            pooled=self.db_pooler == "transaction",
        )


SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


def load(settings: type[SettingsT]) -> SettingsT:
    """Read the settings from the environment; raises SettingsError with all errors."""
    return settings()  # type: ignore[call-arg]  # every field has a default


def variable(settings: type[ServiceSettings], field: str) -> str:
    """The environment variable of a field."""
    return _variable(_key(settings, field))


def is_secret(settings: type[ServiceSettings], field: str) -> bool:
    """Whether a field may also be given as a file."""
    return "SecretStr" in str(settings.model_fields[field].annotation)


def _key(settings: type[ServiceSettings], field: str) -> str:
    """The input key of a field: its alias, a whole variable name, or the field name."""
    return str(settings.model_fields[field].validation_alias or field)


def _variable(key: str) -> str:
    return key if key.isupper() else _PREFIX + key.upper()
