"""What happens to claims by itself, in one process at a time: re-checks, expiry, and the end of dead checks.

The process that holds the lease runs it; when that process dies, another one takes over after the lease has expired by
the database's clock. Every change is conditional, so that a holder that stalls does no harm.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog

from servicekit.database import Database
from servicekit.errors import ServiceError
from servicekit.ids import new_id
from services.users.actions.deps import Crawler
from services.users.actions.verification_recheck import due_rechecks, end_leases, expire_claims, recheck
from services.users.store import leases
from services.users.store.verification import ClaimRow

_log = structlog.get_logger("verification_scheduler")
LEASE = "verification"
LEASE_SECONDS = 120.0
"""Longer than a batch of re-checks takes."""
_BATCH = 4


class VerificationScheduler:
    """Runs every `interval` seconds. `changed` counts what it does, by kind."""

    def __init__(
        self, database: Database, crawler: Crawler, interval: float, changed: Callable[[str], None]
    ) -> None:
        self._database = database
        self._crawler = crawler
        self._interval = interval
        self._changed = changed
        self._id = new_id()
        self._loop: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the loop."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once; what was not finished is due again."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
        with contextlib.suppress(ServiceError):
            await leases.release(self._database, LEASE, self._id)

    async def run_once(self) -> bool:
        """Do all that is due; return False when another process holds the lease."""
        if not await leases.acquire(self._database, LEASE, self._id, LEASE_SECONDS):
            return False
        await self._drain("LEASE_ENDED", end_leases(self._database))
        await self._drain("EXPIRED", expire_claims(self._database))
        while due := await due_rechecks(self._database, _BATCH):
            await asyncio.gather(*map(self._recheck, due))
            if not await leases.renew(self._database, LEASE, self._id, LEASE_SECONDS):
                return False
        return True

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.run_once()
            except Exception as error:  # noqa: BLE001 - the next run may succeed
                self._log_failure("verification_schedule_failed", error)

    async def _drain(self, kind: str, work: Awaitable[int]) -> None:
        for _ in range(await work):
            self._changed(kind)

    async def _recheck(self, claim: ClaimRow) -> None:
        try:
            outcome = await recheck(self._database, self._crawler, claim)
        except Exception as error:  # noqa: BLE001 - must not stop the other re-checks; the claim is due again
            self._log_failure("verification_recheck_failed", error, verification_id=str(claim.id))
            self._changed("RECHECK_ERROR")
        else:
            if outcome is not None:
                self._changed("RECHECK_FAILED" if outcome.failure else "RECHECKED")

    def _log_failure(self, event: str, error: Exception, **values: str) -> None:
        if isinstance(error, ServiceError):
            _log.warning(event, reason=error.reason, **values)
        else:
            _log.error(event, exc_info=error, **values)
