"""Keys that tokens are verified and signed with: one family per configuration."""

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
_MAX_BYTES = 1 << 20
_MAX_KEYS = 20
_MAX_KID = 64


class KeySource:
    """Where the key of a token comes from, and which algorithms are possible with it: a set that stays as it is."""

    algorithms: tuple[str, ...] = ASYMMETRIC

    def __init__(self, keys: dict[str, Key]) -> None:
        self._keys = keys

    def find(self, kid: str | None) -> Key | None:
        """The key of that id, as far as it is known now."""
        return self._keys.get(kid or "")

    async def refresh(self) -> None:
        """Learn of new keys, if that is possible and not too soon after the last time."""


class SharedSecret(KeySource):
    """One shared secret, HS256, whatever the token calls it."""

    algorithms = ("HS256",)

    def __init__(self, secret: bytes) -> None:
        super().__init__({"": OctKey.import_key(secret)})

    def find(self, kid: str | None) -> Key | None:  # noqa: ARG002 - that of every set of keys
        """The secret."""
        return super().find(None)


class StaticJwks(KeySource):
    """A set of public keys from a file; each token names its own by `kid`."""

    def __init__(self, key_set: bytes) -> None:
        super().__init__(parse_jwks(key_set))


class RemoteJwks(KeySource):
    """A JWKS behind a URL: fetched off the event loop, cached, and kept when a fetch fails.

    Older than ten minutes it is fetched again in the background; a token with an unknown key id makes
    one fetch, at most one a minute for all tokens together, and one a second while no key at all is known.
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
        self._tried = self._fetched = -_FRESH_SECONDS
        self._fetching: asyncio.Task[None] | None = None

    def find(self, kid: str | None) -> Key | None:
        """The key of that id; begins a fetch when the keys are old."""
        now = self._monotonic()
        if self._keys and now - self._fetched >= _FRESH_SECONDS and now - self._tried >= _PAUSE_SECONDS:
            self._begin(now)
        return super().find(kid)

    async def refresh(self) -> None:
        """Fetch the keys, or wait for the fetch under way; nothing too soon after the last try.

        Raises ServiceUnavailableError when there is still no key: nobody's token can be judged then.
        """
        now = self._monotonic()
        pause = _PAUSE_SECONDS if self._keys else _FIRST_PAUSE_SECONDS
        if self._fetching is None and now - self._tried >= pause:
            self._begin(now)
        if self._fetching is not None:
            await asyncio.shield(self._fetching)
        if not self._keys:
            raise ServiceUnavailableError("issuer", _FIRST_PAUSE_SECONDS)

    def _begin(self, now: float) -> None:
        self._tried = now
        self._fetching = asyncio.create_task(self._load(now))

    async def _load(self, now: float) -> None:
        try:
            # A server that sends byte by byte keeps each single wait short.
            async with asyncio.timeout(_WHOLE_FETCH_SECONDS):
                fetched = await asyncio.to_thread(self._fetch, self._url)
            self._keys = parse_jwks(fetched, lenient=True)
            self._fetched = now
        except Exception as error:  # noqa: BLE001 - whatever the other side sends, what is known stays
            _log.warning("jwks_fetch_failed", error=type(error).__name__, known=len(self._keys))
        finally:
            self._fetching = None


def parse_jwks(key_set: bytes, *, lenient: bool = False) -> dict[str, Key]:
    """The public keys of a JWKS by their id; raises ValueError when it holds no usable one.

    Keys of other kinds and for other uses are passed over, and so are keys without an id; `lenient`, also
    those that can't be read.
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
                raise ValueError(f"holds a key that can't be read ({type(error).__name__})") from None
    if not keys:
        raise ValueError("holds no key that can verify tokens")
    return keys


class _OnlyHttps(urllib.request.HTTPSHandler):
    """Opens https alone, redirected or not: what plain text answers could be anybody's."""

    def default_open(self, request: urllib.request.Request) -> None:
        """Look at each request before any other handler does."""
        if request.type != "https":
            raise ValueError("keys are fetched by https only")


def fetch_https(url: str, context: ssl.SSLContext | None = None) -> bytes:
    """The body behind an https URL, up to 1 MiB. Blocks: run it in a thread."""
    opener = urllib.request.build_opener(_OnlyHttps(context=context))
    with opener.open(url, timeout=_FETCH_SECONDS) as response:
        body: bytes = response.read(_MAX_BYTES + 1)
    if len(body) > _MAX_BYTES:
        raise ValueError("the set of keys is too large")
    return body
