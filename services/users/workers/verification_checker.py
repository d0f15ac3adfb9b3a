"""Checks the claims that this process has leased, a limited number at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context

import structlog

from servicekit.database import Database
from servicekit.errors import OverloadedError, ServiceError
from services.users.actions.deps import Crawler
from services.users.actions.verification_check import find_proof, finish_check
from services.users.store.verification import ClaimRow

_log = structlog.get_logger("verification_checker")
_RETRY_SECONDS = 5.0


class VerificationChecker:
    """Implements services.users.actions.deps.Checks. `finished` counts the checks by their outcome.

    A check that this process does not finish, since it stops or fails, ends with its lease.
    """

    def __init__(
        self, database: Database, crawler: Crawler, concurrency: int, finished: Callable[[str], None]
    ) -> None:
        self._database = database
        self._crawler = crawler
        self._concurrency = concurrency
        self._finished = finished
        self._running: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """How many checks run."""
        return len(self._running)

    async def start(self) -> None:
        """Do nothing: checks come from calls."""

    async def stop(self) -> None:
        """Stop at once."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def reserve(self) -> None:
        """Raise OverloadedError if as many checks run as may run."""
        if self.running >= self._concurrency:
            raise OverloadedError(_RETRY_SECONDS)

    def run(self, claim: ClaimRow) -> None:
        """Start a check. It outlives the call that causes it, so it has neither its deadline nor its token."""
        task = asyncio.create_task(self._check(claim), context=Context())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _check(self, claim: ClaimRow) -> None:
        try:
            found = await find_proof(self._crawler, claim)
            recorded = await finish_check(self._database, claim, found)
            self._finished("LEASE_LOST" if recorded is None else recorded.failure or "VERIFIED")
        except ServiceError as error:
            self._finished("ERROR")
            _log.warning("verification_check_failed", reason=error.reason, verification_id=str(claim.id))
        except Exception as error:  # noqa: BLE001 - must not stop the other checks; the lease ends
            self._finished("ERROR")
            _log.error("verification_check_failed", exc_info=error, verification_id=str(claim.id))
