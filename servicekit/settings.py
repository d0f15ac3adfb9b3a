"""Settings of a process, from the environment, checked at once and named in every fault."""

from __future__ import annotations

import enum
import ipaddress
import os
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, FilePath, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from servicekit.database import PoolOptions
from servicekit.tokens import DEVELOPMENT_ISSUER, MIN_SECRET_BYTES

_PREFIX = "SEDA_"
_Settings = TypeVar("_Settings", bound="ServiceSettings")


class Environment(enum.StrEnum):
    """Where the process runs; each has safe differences."""

    DEVELOPMENT = "development"
    QA = "qa"
    SANDBOX = "sandbox"
    PRODUCTION = "production"


class SettingsError(Exception):
    """All faults of the settings, one line each, by variable name."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class ServiceSettings(BaseSettings):
    """What every process can be told. Variables start with SEDA_, but for DATABASE_URL.

    Each secret has a variant ending in _FILE that names a file to read it from.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, extra="ignore", frozen=True, case_sensitive=False)

    process: ClassVar[str]
    """The process's name: users, chat, tracks, gateway."""
    has_database: ClassVar[bool] = True

    env: Environment = Field(Environment.DEVELOPMENT, description="development, qa, sandbox or production")
    host: str = Field("127.0.0.1", description="addresses to listen on, with commas")
    port: int = Field(0, ge=0, le=65_535, description="port of the contract")
    admin_host: str = Field("127.0.0.1", description="addresses of the admin and metrics ports")
    admin_port: int = Field(0, ge=0, le=65_535, description="port of health and reflection, plain text")
    metrics_port: int = Field(0, ge=0, le=65_535, description="port of Prometheus metrics, HTTP")
    tls_certificate_file: FilePath | None = Field(None, description="PEM certificate to listen and call with")
    tls_key_file: FilePath | None = Field(None, description="PEM key of that certificate")
    tls_ca_file: FilePath | None = Field(
        None, description="PEM authority of the other services' certificates"
    )
    tls_client_ca_file: FilePath | None = Field(
        None, description="PEM authority of callers' certificates; callers without one are refused"
    )
    allow_plaintext: bool = Field(False, description="listen on other addresses than loopback in plain text")
    reflection: bool | None = Field(
        None, description="serve reflection on the main port; default: not in production"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level to log")
    log_format: Literal["auto", "json", "console"] = Field("auto", description="auto: readable on a terminal")
    drain_seconds: float | None = Field(
        None, ge=0, le=300, description="seconds to go on serving after SIGTERM; default 5, in development 0"
    )
    parent_fd: int | None = Field(None, ge=0, description="leave when this inherited pipe closes")

    jwt_secret: SecretStr | None = Field(None, description="HS256 secret of users' tokens, 32 bytes at least")
    jwks_url: str | None = Field(
        None,
        pattern="^https://",
        description="https address of the keys of users' tokens, instead of a secret",
    )
    jwt_issuer: str = Field(DEVELOPMENT_ISSUER, min_length=1, description="issuer of users' tokens")
    jwt_audience: str = Field("authenticated", min_length=1, description="audience of users' tokens")
    service_secret: SecretStr | None = Field(
        None, description="secret of the services' own tokens, 32 bytes at least"
    )
    service_key: SecretStr | None = Field(
        None, description="this process's own Ed25519 key as PEM, instead of the shared secret"
    )
    service_jwks_file: FilePath | None = Field(
        None, description="JWKS with the public keys of all services, each named (kid) after its service"
    )
    caller_ttl: float = Field(5.0, gt=0, le=60, description="seconds a resolved caller stays fresh")

    users_target: str = Field(
        "127.0.0.1:7401", min_length=1, description="where users is: host:port[,host:port]"
    )
    chat_target: str = Field("127.0.0.1:7402", min_length=1, description="where chat is")
    tracks_target: str = Field("127.0.0.1:7403", min_length=1, description="where tracks is")

    database_url: SecretStr | None = Field(
        None, validation_alias="DATABASE_URL", description="the administrator's way into PostgreSQL"
    )
    db_pooler: Literal["none", "transaction"] = Field("none", description="a pooler in front of PostgreSQL")
    db_pool_min: int = Field(2, ge=1, le=100, description="connections kept open")
    db_pool_max: int = Field(8, ge=1, le=100, description="connections at most")
    slow_query_ms: float = Field(1000, gt=0, description="milliseconds from which a statement is logged")
    log_statements: bool = Field(False, description="log every statement's name and time")

    max_calls: int = Field(256, ge=1, description="unary calls running at once")
    max_waiting_calls: int = Field(512, ge=0, description="unary calls waiting at once")
    max_wait_ms: float = Field(100, ge=0, description="milliseconds a call waits at most")
    max_streams: int = Field(2000, ge=1, description="streams open at once")
    max_streams_per_user: int = Field(5, ge=1, description="streams of one user open at once")

    @field_validator("jwt_secret", "service_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value().encode()) < MIN_SECRET_BYTES:
            message = f"must be at least {MIN_SECRET_BYTES} bytes long"
            raise ValueError(message)
        return secret

    @field_validator("users_target", "chat_target", "tracks_target")
    @classmethod
    def _targets(cls, target: str) -> str:
        """Several are addresses of one family: grpc resolves one name, and lists of numbers."""
        if "," in target and not target.startswith(("dns:", "ipv4:", "ipv6:")):
            families = {_family(each.rpartition(":")[0]) for each in target.split(",")}
            if len(families) > 1 or None in families:
                message = "several targets must all be IPv4 or all be IPv6 addresses with ports"
                raise ValueError(message)
        return target

    @field_validator("database_url", "slice_database_url", check_fields=False)
    @classmethod
    def _postgres(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and urlsplit(url.get_secret_value()).scheme not in {"postgresql", "postgres"}:
            message = "must start with postgresql:// or postgres://"
            raise ValueError(message)
        return url

    @field_validator("host", "admin_host")
    @classmethod
    def _addresses(cls, hosts: str) -> str:
        if not all(addresses(hosts)):
            message = "must be an address, or several with commas"
            raise ValueError(message)
        return hosts

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        faults = [fault for fault in self._faults() if fault]
        if faults:
            raise ValueError("\n".join(faults))
        return self

    def _faults(self) -> list[str | None]:
        own_keys = (self.service_key, self.service_jwks_file)
        certificate, key = bool(self.tls_certificate_file), bool(self.tls_key_file)
        reachable = not all(map(is_loopback, addresses(self.host)))
        production = self.env is Environment.PRODUCTION
        checks = [
            (
                bool(self.jwt_secret) == bool(self.jwks_url),
                "SEDA_JWT_SECRET: is needed (or SEDA_JWT_SECRET_FILE), or SEDA_JWKS_URL, but not both",
            ),
            (
                any(own_keys) and not all(own_keys),
                "SEDA_SERVICE_KEY: goes together with SEDA_SERVICE_JWKS_FILE",
            ),
            (
                bool(self.service_secret) == any(own_keys),
                "SEDA_SERVICE_SECRET: is needed (or SEDA_SERVICE_SECRET_FILE), or SEDA_SERVICE_KEY, but not both",
            ),
            (certificate != key, "SEDA_TLS_CERTIFICATE_FILE: goes together with SEDA_TLS_KEY_FILE"),
            (
                bool(self.tls_client_ca_file) and not certificate,
                "SEDA_TLS_CLIENT_CA_FILE: needs SEDA_TLS_CERTIFICATE_FILE",
            ),
            (
                production and self.jwt_issuer == DEVELOPMENT_ISSUER,
                "SEDA_JWT_ISSUER: development tokens are refused in production",
            ),
            (
                reachable and not certificate and not self.allow_plaintext,
                "SEDA_HOST: is not loopback; it needs SEDA_TLS_CERTIFICATE_FILE, or SEDA_ALLOW_PLAINTEXT=1",
            ),
            (self.db_pool_min > self.db_pool_max, "SEDA_DB_POOL_MIN: is more than SEDA_DB_POOL_MAX"),
        ]
        return [*(fault for broken, fault in checks if broken), self._database_fault()]

    def _database_fault(self) -> str | None:
        if not self.has_database or self.own_database_url:
            return None
        name = f"SEDA_{self.process.upper()}_DATABASE_URL"
        if self.db_pooler == "transaction":
            return f"{name}: is needed with SEDA_DB_POOLER=transaction (a pooler drops the role DATABASE_URL needs)"
        return None if self.database_url else f"{name}: is needed (or DATABASE_URL)"

    @property
    def own_database_url(self) -> SecretStr | None:
        """The DSN that belongs to this process alone."""
        return getattr(self, "slice_database_url", None)

    @property
    def dsn(self) -> str:
        """The DSN the process uses: its own, or DATABASE_URL as the slice's application role."""
        if self.own_database_url is not None:
            return self.own_database_url.get_secret_value()
        assert self.database_url is not None  # noqa: S101 - checked with the settings
        url = self.database_url.get_secret_value()
        # The start-up parameter `role` survives RESET ALL.
        return f"{url}{'&' if urlsplit(url).query else '?'}role={self.process}_app"

    @property
    def drain_wait(self) -> float:
        """Seconds between turning readiness off and stopping."""
        if self.drain_seconds is not None:
            return self.drain_seconds
        return 0.0 if self.env is Environment.DEVELOPMENT else 5.0

    @property
    def serves_reflection(self) -> bool:
        """Whether reflection answers on the main port."""
        return self.env is not Environment.PRODUCTION if self.reflection is None else self.reflection

    def pool_options(self) -> PoolOptions:
        """How the database pool behaves."""
        return PoolOptions(
            name=f"seda-{self.process}",
            min_size=self.db_pool_min,
            max_size=self.db_pool_max,
            slow_statement_ms=self.slow_query_ms,
            log_statements=self.log_statements,
            pooled=self.db_pooler == "transaction",
        )


def load(settings: type[_Settings]) -> _Settings:
    """Read the settings from the environment; raises SettingsError with all faults."""
    values, faults = _secrets_from_files(settings)
    try:
        loaded = settings(**values)
    except ValidationError as error:
        raise SettingsError([*faults, *_fault_lines(settings, values, error)]) from None
    if faults:
        raise SettingsError(faults)
    return loaded


def variable(settings: type[ServiceSettings], field: str) -> str:
    """The environment variable of a field."""
    key = _key(settings, field)
    return key if key != field else f"{_PREFIX}{field.upper()}"


def is_secret(settings: type[ServiceSettings], field: str) -> bool:
    """Whether a field may also be given as a file."""
    return "SecretStr" in str(settings.model_fields[field].annotation)


def addresses(hosts: str) -> tuple[str, ...]:
    """The addresses of a list with commas; IPv6 ones may stand in brackets."""
    return tuple(host.strip().removeprefix("[").removesuffix("]") for host in hosts.split(","))


def is_loopback(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _family(host: str) -> int | None:
    try:
        return ipaddress.ip_address(host.strip("[]")).version
    except ValueError:
        return None


def _key(settings: type[ServiceSettings], field: str) -> str:
    alias = settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else field


def _secrets_from_files(settings: type[ServiceSettings]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    faults: list[str] = []
    for field in settings.model_fields:
        name = variable(settings, field)
        path = os.environ.get(f"{name}_FILE")
        if not path or not is_secret(settings, field):
            continue
        if name in os.environ:
            faults.append(f"{name}: is given twice, also as {name}_FILE")
            continue
        try:
            values[_key(settings, field)] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            faults.append(f"{name}_FILE: {path}: {getattr(error, 'strerror', None) or 'is not text'}")
    return values, faults


def _fault_lines(
    settings: type[ServiceSettings], values: dict[str, Any], error: ValidationError
) -> list[str]:
    lines: dict[str, list[str]] = {}
    for fault in error.errors():
        message = fault["msg"].removeprefix("Value error, ")
        name = str(fault["loc"][0]) if fault["loc"] else ""
        variable_name = name if name.isupper() else _PREFIX + name.upper()
        told = [f"{variable_name}: {message}"] if name else message.split("\n")
        lines.setdefault(name, []).extend(told)
    faulty = [name for name in lines if name]
    if faulty:
        # What does not fit together is looked at only when each field is good by itself: without the faulty ones.
        known = {line.partition(":")[0] for told in lines.values() for line in told}
        lines[""] = [
            line for line in _misfits(settings, values, faulty) if line.partition(":")[0] not in known
        ]
    return [line for told in lines.values() for line in told]


def _misfits(settings: type[ServiceSettings], values: dict[str, Any], faulty: list[str]) -> list[str]:
    defaults = {_key(settings, name): field.default for name, field in settings.model_fields.items()}
    try:
        settings(**(values | {name: defaults[name] for name in faulty}))
    except ValidationError as error:
        told = [fault["msg"].removeprefix("Value error, ") for fault in error.errors()]
        return "\n".join(told).split("\n")
    return []
