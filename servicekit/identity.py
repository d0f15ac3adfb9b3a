"""From a bearer token to who is calling, and whether they may."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import OrderedDict
from typing import Protocol

from servicekit.call import Call, current_call
from servicekit.caller import Caller, Role
from servicekit.clock import Clock
from servicekit.errors import (
    AccessDeniedError,
    Code,
    ServiceError,
    ServiceUnavailableError,
    TokenMissingError,
)
from servicekit.methods import Access, Method
from servicekit.tokens import ServiceToken, TokenVerifier, UnknownKeyError, UserToken

_CACHE_SIZE = 20_000
_STALE_SECONDS = 900.0
_RESOLVE_SECONDS = 3.0
# How long a known caller of a USER method waits for an answer.
_PATIENCE = 1.0
# Longer than a question lasts: while one after the other is asked in vain, nobody waits for them.
_AWAY_SECONDS = 5.0
_UNREACHABLE = (Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED)
_RANK = {Role.USER: 0, Role.MODERATOR: 1, Role.ADMIN: 2}
_NEEDED_RANK = {Access.USER: 0, Access.MODERATOR: 1, Access.ADMIN: 2}


class CallerResolver(Protocol):
    """Turns a verified token's subject into a Caller; the users service knows how."""

    async def resolve(self, subject: str, email: str) -> Caller:
        """The user behind the subject, created on first sight."""


class Authenticator:
    """Finds out who calls and refuses those who may not.

    A resolved Caller is fresh for `ttl` seconds, which is how long a mute, a role or a suspension may
    take to act. While the resolver is away, or hangs, a known Caller stays good for USER methods, until
    the token expires and 15 minutes at most; other methods need a fresh one.
    """

    def __init__(self, verifier: TokenVerifier, resolver: CallerResolver, clock: Clock, ttl: float) -> None:
        self._verifier = verifier
        self._resolver = resolver
        self._clock = clock
        self._ttl = ttl
        # By subject and e-mail: who it is, and when that was learnt.
        self._known: OrderedDict[tuple[str, str], tuple[Caller, float]] = OrderedDict()
        self._resolving: dict[tuple[str, str], asyncio.Task[Caller]] = {}
        # The resolver is taken for away: the last question was left without an answer.
        self._away_until = 0.0

    async def authenticate(self, call: Call, authorization: str | None) -> None:
        """Fill the call's identity; raises what an unauthenticated or unwelcome caller gets."""
        method = call.method
        if method.access is Access.PUBLIC:
            return
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenMissingError
        verified = await self._verified(token)
        if isinstance(verified, ServiceToken):
            if verified.service not in method.callers:
                raise AccessDeniedError(method.access)
            call.service, call.on_behalf_of = verified.service, verified.on_behalf_of
            return
        if method.access is Access.SERVICE:
            raise AccessDeniedError(method.access)
        call.token = token
        call.identity = await self._caller(verified, method)
        if _RANK[call.identity.role] < _NEEDED_RANK[method.access]:
            raise AccessDeniedError(method.access)

    async def _verified(self, token: str) -> UserToken | ServiceToken:
        try:
            return self._verifier.verify(token)
        except UnknownKeyError:
            await self._verifier.refresh()
            return self._verifier.verify(token)

    def clear_cache(self) -> None:
        """Ask for every caller anew."""
        self._known.clear()

    async def _caller(self, token: UserToken, method: Method) -> Caller:
        key = (token.subject, token.email)
        if key in self._known:
            known, at = self._known[key]
            age = self._clock.monotonic() - at
            if age < self._ttl:
                return known
            if method.access is Access.USER and age < _STALE_SECONDS:
                return await self._fresh_or(known, key)
        return await self._fresh(key)

    async def _fresh(self, key: tuple[str, str]) -> Caller:
        # One question per user at a time; a caller who hangs up must not take the answer from others.
        if key not in self._resolving:
            self._begin(key)
        try:
            return await asyncio.shield(self._resolving[key])
        except ServiceError as error:
            if error.code in _UNREACHABLE:
                raise ServiceUnavailableError("users") from error
            raise

    async def _fresh_or(self, known: Caller, key: tuple[str, str]) -> Caller:
        """What the resolver says, or what was known. While it is away nobody waits for it: one asks at a time."""
        if self._clock.monotonic() < self._away_until:
            if not self._resolving:
                self._begin(key)
            return known
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._fresh(key)
        except (ServiceUnavailableError, TimeoutError):
            self._heard(nothing=True)
            return known

    def _begin(self, key: tuple[str, str]) -> None:
        task = self._resolving[key] = asyncio.create_task(self._ask(key))
        task.add_done_callback(lambda done: self._answered(key, done))

    async def _ask(self, key: tuple[str, str]) -> Caller:
        # The answer is for everybody who waits for it, so it gets a deadline of its own.
        call = current_call.get()
        if call is not None:
            deadline = self._clock.monotonic() + _RESOLVE_SECONDS
            current_call.set(dataclasses.replace(call, deadline=deadline, token=None, identity=None))
        caller = await self._resolver.resolve(*key)
        self._known[key] = (caller, self._clock.monotonic())
        self._known.move_to_end(key)
        if len(self._known) > _CACHE_SIZE:
            self._known.popitem(last=False)
        return caller

    def _answered(self, key: tuple[str, str], task: asyncio.Task[Caller]) -> None:
        self._resolving.pop(key, None)
        if not task.cancelled():
            # Reading the exception keeps asyncio from reporting it when every caller has hung up.
            error = task.exception()
            self._heard(nothing=isinstance(error, ServiceError) and error.code in _UNREACHABLE)

    def _heard(self, *, nothing: bool) -> None:
        # Not for ever: after a calm time the next caller's news is worth a wait again.
        self._away_until = self._clock.monotonic() + _AWAY_SECONDS if nothing else 0.0
