"""Keys for verifying tokens: a shared secret, a static JWKS, or a remote JWKS."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
import urllib.request
import warnings
from collections.abc import Callable

import structlog
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from servicekit.errors import ServiceUnavailableError

# The name EdDSA is deprecated in favour of Ed25519 (RFC 9864), but issuers still write it.
warnings.filterwarnings("ignore", category=SecurityWarning, message="EdDSA is deprecated")

_log = structlog.get_logger("keys")
Key = OctKey | RSAKey | ECKey | OKPKey
ASYMMETRIC = ("ES256", "RS256", "EdDSA", "Ed25519")
_FRESH_SECONDS = 600.0
_PAUSE_SECONDS = 60.0
_FIRST_PAUSE_SECONDS = 1.0
_FETCH_SECONDS = 5.0
_WHOLE_FETCH_SECONDS = 10.0
_MAX_WAIT_SECONDS = 1.0
_MAX_WAITING = 128
_MAX_BYTES = 1 << 20
_MAX_KEYS = 20
_MAX_KID = 64


class KeySource:
    """A fixed set of keys and the algorithms that they allow."""

    algorithms: tuple[str, ...] = ASYMMETRIC

    def __init__(self, keys: dict[str, Key]) -> None:
        self._keys = keys

    def find(self, kid: str | None) -> Key | None:
        """The key of an id; None when it is unknown."""
        return self._keys.get(kid or "")

    async def refresh(self) -> None:
        """Fetch new keys; a fixed set has none."""


class SharedSecret(KeySource):
    """One shared secret, HS256, for every key id."""

    algorithms = ("HS256",)

    def __init__(self, secret: bytes) -> None:
        super().__init__({"": OctKey.import_key(secret)})

    def find(self, kid: str | None) -> Key | None:  # noqa: ARG002 - the signature of KeySource
        """The secret."""
        return super().find(None)


class StaticJwks(KeySource):
    """Public keys from a file; a token names its key by `kid`."""

    def __init__(self, key_set: bytes) -> None:
        super().__init__(parse_jwks(key_set))


class RemoteJwks(KeySource):
    """A JWKS behind a URL, fetched in a thread and cached; a failed fetch keeps the cached keys.

    Keys older than ten minutes are refreshed in the background. A token with an unknown key id triggers a fetch, at
    most one a minute over all tokens, or one a second while no key is cached. A caller waits for a fetch for a second
    at most, and 128 callers wait at most.
    """

    def __init__(
        self,
        url: str,
        fetch: Callable[[str], bytes] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._fetch = fetch or fetch_https
        self._monotonic = monotonic
        super().__init__({})
        self._attempted_at = self._fetched_at = -_FRESH_SECONDS
        self._fetching: asyncio.Task[None] | None = None
        self._last_succeeded = False
        self._waiting = 0

    def find(self, kid: str | None) -> Key | None:
        """The key of an id; starts a background fetch when the keys are old."""
        now = self._monotonic()
        if (
            self._keys
            and now - self._fetched_at >= _FRESH_SECONDS
            and now - self._attempted_at >= _PAUSE_SECONDS
        ):
            self._start_fetch(now)
        return super().find(kid)

    async def refresh(self) -> None:
        """Fetch the keys or join the fetch in flight (single-flight); rate-limited.

        Raises ServiceUnavailableError while the issuer's present keys are not known: a token that can't be judged is
        not called invalid.
        """
        now = self._monotonic()
        pause = _PAUSE_SECONDS if self._keys else _FIRST_PAUSE_SECONDS
        if self._fetching is None and now - self._attempted_at >= pause:
            self._start_fetch(now)
        if self._fetching is not None:
            await self._wait_for(self._fetching)
        if not self._last_succeeded:
            until_next = self._attempted_at + pause - now
            raise ServiceUnavailableError("issuer", max(until_next, _FIRST_PAUSE_SECONDS))

    async def _wait_for(self, fetch: asyncio.Task[None]) -> None:
        if self._waiting >= _MAX_WAITING:
            raise ServiceUnavailableError("issuer", _FIRST_PAUSE_SECONDS)
        self._waiting += 1
        try:
            async with asyncio.timeout(_MAX_WAIT_SECONDS):
                await asyncio.shield(fetch)
        except TimeoutError:
            raise ServiceUnavailableError("issuer", _FIRST_PAUSE_SECONDS) from None
        finally:
            self._waiting -= 1

    def _start_fetch(self, now: float) -> None:
        self._attempted_at = now
        self._fetching = asyncio.create_task(self._load(now))

    async def _load(self, now: float) -> None:
        try:
            # Bounds the whole fetch; a slow-drip server passes every single read timeout.
            async with asyncio.timeout(_WHOLE_FETCH_SECONDS):
                fetched = await asyncio.to_thread(self._fetch, self._url)
            self._keys = parse_jwks(fetched, lenient=True)
            self._fetched_at = now
            self._last_succeeded = True
        except Exception as error:  # noqa: BLE001 - any failure keeps the cached keys
            self._last_succeeded = False
            _log.warning("jwks_fetch_failed", error=type(error).__name__, cached=len(self._keys))
        finally:
            self._fetching = None


def parse_jwks(key_set: bytes, *, lenient: bool = False) -> dict[str, Key]:
    """The public keys of a JWKS by their id; raises ValueError when none is usable.

    Keys of other types or uses and keys without an id are skipped; with `lenient`, so are unreadable ones.
    """
    try:
        entries = json.loads(key_set)["keys"][:_MAX_KEYS]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"not a set of keys ({type(error).__name__})") from None
    keys: dict[str, Key] = {}
    for entry in entries:
        try:
            kid = entry.get("kid")
            usable = entry.get("kty") in {"RSA", "EC", "OKP"} and entry.get("use", "sig") == "sig"
            if usable and isinstance(kid, str) and 0 < len(kid) <= _MAX_KID:
                keys[kid] = KeySet.import_key_set({"keys": [entry]}).keys[0]
        except (JoseError, KeyError, TypeError, ValueError, AttributeError) as error:
            if not lenient:
                raise ValueError(f"contains an unreadable key ({type(error).__name__})") from None
    if not keys:
        raise ValueError("contains no key that can verify tokens")
    return keys


class _OnlyHttps(urllib.request.HTTPSHandler):
    """Allows https only, also after redirects: a plain-text response could be forged."""

    def default_open(self, request: urllib.request.Request) -> None:
        """Check each request before any other handler."""
        if request.type != "https":
            raise ValueError("keys are fetched over https only")


def fetch_https(url: str, context: ssl.SSLContext | None = None) -> bytes:
    """The body behind an https URL, up to 1 MiB. Blocks: run it in a thread."""
    opener = urllib.request.build_opener(_OnlyHttps(context=context))
    end = time.monotonic() + _WHOLE_FETCH_SECONDS
    body = b""
    with opener.open(url, timeout=_FETCH_SECONDS) as response:
        # One read at a time: a body that drips must not hold the thread, of which there are few.
        while chunk := response.read1():
            body += chunk
            if len(body) > _MAX_BYTES:
                raise ValueError("the JWKS is too large")
            if time.monotonic() > end:
                raise TimeoutError
    return body
