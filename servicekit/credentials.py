"""Token keys and TLS credentials from the settings."""

from __future__ import annotations

import ssl
from pathlib import Path

import grpc
import structlog

from sedaclient.auth import ServiceTokenSigner, load_signing_key
from servicekit.jwks import KeySource, RemoteJwks, SharedSecret, StaticJwks
from servicekit.settings import Environment, ServiceSettings, SettingsError
from servicekit.tokens import TokenVerifier

_log = structlog.get_logger("tls")


def build_token_verifier(settings: ServiceSettings) -> TokenVerifier:
    """The verifier of the process; raises SettingsError for unreadable keys."""
    return TokenVerifier(
        user_keys=_user_keys(settings),
        user_issuer=settings.jwt_issuer,
        user_audience=settings.jwt_audience,
        service_keys=_service_keys(settings),
        service=settings.process,
        accept_development=settings.env is not Environment.PRODUCTION,
        require_verified_email=settings.requires_verified_email,
    )


def build_service_signer(settings: ServiceSettings) -> ServiceTokenSigner:
    """The signer of the process's own tokens; raises SettingsError for an unreadable key."""
    if settings.service_key is None:
        assert settings.service_secret is not None  # noqa: S101 - checked with the settings
        return ServiceTokenSigner(settings.process, settings.service_secret.get_secret_value().encode())
    try:
        key = load_signing_key(settings.service_key.get_secret_value())
    except ValueError as error:
        raise SettingsError([f"SEDA_SERVICE_KEY: is {error}"]) from None
    return ServiceTokenSigner(settings.process, key)


def server_credentials(settings: ServiceSettings) -> grpc.ServerCredentials | None:
    """Credentials to listen with on one address; None: plain text. Raises SettingsError for unusable files."""
    if _load_cert_chain(settings) is None:
        return None
    files = _ServerFiles(settings)
    mutual = settings.tls_client_ca_file is not None
    return grpc.dynamic_ssl_server_credentials(
        files.read(),
        files.changed,  # type: ignore[arg-type]  # grpc takes None for "as before"
        require_client_authentication=mutual,
    )


class _ServerFiles:
    """The files to listen with. grpc asks at each handshake whether they changed, so that renewing them takes no restart."""

    def __init__(self, settings: ServiceSettings) -> None:
        self._settings = settings
        self._seen = self._versions()

    def read(self) -> grpc.ServerCertificateConfiguration:
        """What they hold; raises SettingsError."""
        pair = _load_cert_chain(self._settings)
        assert pair is not None  # noqa: S101 - checked before
        authority = _load_ca_bundle(self._settings.tls_client_ca_file, "SEDA_TLS_CLIENT_CA_FILE")
        return grpc.ssl_server_certificate_configuration([pair], authority)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """What they hold, if they changed since the last handshake and can be used."""
        versions = self._versions()
        if versions == self._seen:
            return None
        self._seen = versions
        try:
            read = self.read()
        except SettingsError as error:
            _log.warning("tls_files_unusable", errors=error.errors)
            return None
        if versions != self._versions():
            # Of two versions perhaps; the next handshake reads again.
            return None
        _log.info("tls_files_reloaded")
        return read

    def _versions(self) -> list[tuple[int, int] | None]:
        told = self._settings
        files = (told.tls_certificate_file, told.tls_key_file, told.tls_client_ca_file)
        return [_version(each) for each in files if each is not None]


def _version(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def channel_credentials(settings: ServiceSettings) -> grpc.ChannelCredentials | None:
    """Credentials to call other services with; None: plain text. Raises SettingsError for unusable files."""
    authority = _load_ca_bundle(settings.tls_ca_file, "SEDA_TLS_CA_FILE")
    if authority is None:
        return None
    key, certificate = _load_cert_chain(settings) or (None, None)
    return grpc.ssl_channel_credentials(authority, key, certificate)


def client_tls_context(settings: ServiceSettings) -> ssl.SSLContext:
    """TLS of a client without grpc: the authorities of SEDA_TLS_CA_FILE, else those of the system. Raises SettingsError."""
    _load_ca_bundle(settings.tls_ca_file, "SEDA_TLS_CA_FILE")
    context = ssl.create_default_context(cafile=settings.tls_ca_file)
    if settings.tls_certificate_file is not None and _load_cert_chain(settings) is not None:
        context.load_cert_chain(settings.tls_certificate_file, settings.tls_key_file, password="")
    return context


def _load_cert_chain(settings: ServiceSettings) -> tuple[bytes, bytes] | None:
    """The key and the certificate, checked here because grpc does not."""
    certificate, key = settings.tls_certificate_file, settings.tls_key_file
    if certificate is None or key is None:
        return None
    try:
        # Without a password argument, OpenSSL prompts on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        return key.read_bytes(), certificate.read_bytes()
    except OSError as error:
        text = f"SEDA_TLS_CERTIFICATE_FILE: is not a certificate that matches SEDA_TLS_KEY_FILE ({error})"
        raise SettingsError([text]) from None


def _load_ca_bundle(path: Path | None, variable: str) -> bytes | None:
    if path is None:
        return None
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        return path.read_bytes()
    except OSError as error:
        raise SettingsError([f"{variable}: is not a certificate in PEM form ({error})"]) from None


def _user_keys(settings: ServiceSettings) -> KeySource:
    if settings.jwks_url is not None:
        return RemoteJwks(settings.jwks_url)
    assert settings.jwt_secret is not None  # noqa: S101 - checked with the settings
    return SharedSecret(settings.jwt_secret.get_secret_value().encode())


def _service_keys(settings: ServiceSettings) -> KeySource:
    if settings.service_jwks_file is not None:
        try:
            return StaticJwks(settings.service_jwks_file.read_bytes())
        except (OSError, ValueError) as error:
            raise SettingsError([f"SEDA_SERVICE_JWKS_FILE: {error}"]) from None
    assert settings.service_secret is not None  # noqa: S101 - checked with the settings
    return SharedSecret(settings.service_secret.get_secret_value().encode())
