"""Authentication and access check: from a bearer token to a Caller who may call the method."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Collection
from typing import Protocol

from servicekit.cache import Cache
from servicekit.call import Call, current_call
from servicekit.caller import STALE_SECONDS, Caller, Role
from servicekit.clock import Clock
from servicekit.errors import (
    AccessDeniedError,
    CallerSuspendedError,
    Code,
    ServiceError,
    ServiceUnavailableError,
    TokenMissingError,
)
from servicekit.methods import Access, Method
from servicekit.tokens import ServiceToken, TokenVerifier, UnknownKeyError, UserToken

_CACHE_SIZE = 20_000
_RESOLVE_SECONDS = 3.0
# How long a call with a stale caller waits for a fresh one.
_STALE_WAIT_SECONDS = 1.0
# Must exceed _RESOLVE_SECONDS, so that the breaker stays open across consecutive failed lookups.
_BREAKER_SECONDS = 5.0
_UNREACHABLE = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)
_RANK = {Role.USER: 0, Role.MODERATOR: 1, Role.ADMIN: 2}
_NEEDED_RANK = {Access.USER: 0, Access.MODERATOR: 1, Access.ADMIN: 2}


class CallerResolver(Protocol):
    """Resolves the subject of a verified token to a Caller; the users service owns this mapping."""

    service: str
    """The name of the resolving service, for errors."""

    async def resolve(self, subject: str, email: str) -> Caller:
        """The user of the subject, created on the first call."""

    async def resolve_user(self, user_id: str) -> Caller:
        """The user of an id; raises an UNAUTHENTICATED error if there is none."""


def _bearer_token(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise TokenMissingError
    return token


class Authenticator:
    """Resolves the caller of each call and rejects calls without the required access.

    A resolved Caller is cached for `ttl` seconds, which bounds the delay until a mute, role or suspension takes
    effect. A circuit breaker protects calls from a failing resolver: while it is open, USER methods accept a
    Caller up to 15 minutes old, without their platform role; other methods need a fresh one.

    The steps are separate because only the second may wait: `verify` comes before the concurrency limit, which counts
    each user's calls, and `resolve` after it.
    """

    def __init__(
        self,
        verifier: TokenVerifier,
        resolver: CallerResolver,
        clock: Clock,
        ttl: float,
        delegates: Collection[str] = (),
    ) -> None:
        self._verifier = verifier
        self._resolver = resolver
        self._clock = clock
        self._ttl = ttl
        self._delegates = frozenset(delegates)
        # By subject and e-mail, or by an empty subject and the user's id: the caller, and when it was resolved.
        self._cache: Cache[tuple[str, str], tuple[Caller, float]] = Cache(_CACHE_SIZE)
        self._resolving: dict[tuple[str, str], asyncio.Task[Caller]] = {}
        self._breaker_open_until = 0.0

    def verify(self, call: Call, authorization: str | None) -> bool:
        """Verify the token of a call and whether its kind may call the method; sets a caller that is fresh.

        False if the token's key is unknown: `verify_with_new_keys` then waits for it. Raises a Token*Error or
        AccessDeniedError.
        """
        if call.method.access is Access.PUBLIC:
            return True
        token = _bearer_token(authorization)
        try:
            verified = self._verifier.verify(token)
        except UnknownKeyError:
            return False
        self._accept(call, token, verified)
        return True

    async def verify_with_new_keys(self, call: Call, authorization: str | None) -> None:
        """`verify` after a refresh of the keys; raises ServiceUnavailableError, too, when that takes long."""
        await self._verifier.refresh()
        token = _bearer_token(authorization)
        self._accept(call, token, self._verifier.verify(token))

    def identify(self, call: Call, authorization: str | None) -> bool:
        """Set only the share key of a call that another process verifies."""
        try:
            verified = self._verifier.verify(_bearer_token(authorization))
        except ServiceError:
            # That process rejects it.
            return True
        call.share_key = verified.share_key
        return True

    async def resolve(self, call: Call) -> None:
        """Set the caller of a user's call; raises ServiceUnavailableError or AccessDeniedError."""
        if call.caller_key is not None and call.identity is None:
            self._set_caller(call, await self._caller(call.caller_key, call.method))

    def _accept(self, call: Call, token: str, verified: UserToken | ServiceToken) -> None:
        method = call.method
        call.share_key = verified.share_key
        if isinstance(verified, ServiceToken):
            call.service, call.on_behalf_of = verified.service, verified.on_behalf_of
            if not verified.delegation:
                if verified.service not in method.callers:
                    raise AccessDeniedError(method.access)
                return
            if method.access is not Access.USER or verified.service not in self._delegates:
                raise AccessDeniedError(method.access)
        elif method.access is Access.SERVICE:
            raise AccessDeniedError(method.access)
        call.token, call.caller_key = token, verified.caller_key
        entry = self._cache.get(call.caller_key)
        if entry is not None and self._clock.monotonic() - entry[1] < self._ttl:
            self._set_caller(call, entry[0])

    def _set_caller(self, call: Call, caller: Caller) -> None:
        if call.service is not None:
            # Acting for a user lends what every user may do: never their role on the platform, and nothing of one who is
            # suspended.
            caller = dataclasses.replace(caller, role=Role.USER)
            if caller.suspended_until is not None and caller.suspended_until > self._clock.now():
                raise CallerSuspendedError
        call.identity = caller
        if _RANK[caller.role] < _NEEDED_RANK[call.method.access]:
            raise AccessDeniedError(call.method.access)

    def clear_cache(self) -> None:
        """Resolve every caller again."""
        self._cache.clear()

    async def _caller(self, key: tuple[str, str], method: Method) -> Caller:
        if (entry := self._cache.get(key)) is not None:
            cached, at = entry
            age = self._clock.monotonic() - at
            if age < self._ttl:
                return cached
            if method.access is Access.USER and age < STALE_SECONDS:
                return await self._resolve_or_stale(cached, key)
        return await self._resolve(key)

    async def _resolve(self, key: tuple[str, str]) -> Caller:
        # Single-flight: concurrent calls of a user share one lookup, and a cancelled call does not cancel it.
        if key not in self._resolving:
            self._start_lookup(key)
        try:
            return await asyncio.shield(self._resolving[key])
        except ServiceError as error:
            if error.code in _UNREACHABLE:
                raise ServiceUnavailableError(self._resolver.service) from error
            raise

    async def _resolve_or_stale(self, stale: Caller, key: tuple[str, str]) -> Caller:
        """Resolve within a second, else serve the caller as stale.

        While the breaker is open no call waits; a single lookup at a time probes the resolver in the background.
        """
        if self._clock.monotonic() < self._breaker_open_until:
            if not self._resolving:
                self._start_lookup(key)
            return stale.as_stale(self._resolver.service)
        try:
            async with asyncio.timeout(_STALE_WAIT_SECONDS):
                return await self._resolve(key)
        except (ServiceUnavailableError, TimeoutError):
            self._record_outcome(failed=True)
            return stale.as_stale(self._resolver.service)

    def _start_lookup(self, key: tuple[str, str]) -> None:
        task = self._resolving[key] = asyncio.create_task(self._lookup(key))
        task.add_done_callback(lambda done: self._on_done(key, done))

    async def _lookup(self, key: tuple[str, str]) -> Caller:
        # Several calls share the result, so the lookup has its own deadline.
        call = current_call.get()
        if call is not None:
            deadline = self._clock.monotonic() + _RESOLVE_SECONDS
            current_call.set(dataclasses.replace(call, deadline=deadline, token=None, identity=None))
        try:
            subject, name = key
            resolver = self._resolver
            caller = await (resolver.resolve(subject, name) if subject else resolver.resolve_user(name))
        except ServiceError as error:
            if error.code is Code.UNAUTHENTICATED:
                # An erased user, who must not come back as a stale caller when the resolver can't be reached.
                self._cache.discard(key)
            raise
        self._cache.put(key, (caller, self._clock.monotonic()))
        return caller

    def _on_done(self, key: tuple[str, str], task: asyncio.Task[Caller]) -> None:
        self._resolving.pop(key, None)
        if not task.cancelled():
            # Reading the exception keeps asyncio from reporting it when every call was cancelled.
            error = task.exception()
            self._record_outcome(failed=isinstance(error, ServiceError) and error.code in _UNREACHABLE)

    def _record_outcome(self, *, failed: bool) -> None:
        # Half-open after _BREAKER_SECONDS: the next call tries a fresh lookup.
        self._breaker_open_until = self._clock.monotonic() + _BREAKER_SECONDS if failed else 0.0
