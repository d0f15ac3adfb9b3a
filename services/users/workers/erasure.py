"""Runs the steps of erasures that are due, and deletes expired refusals of identities.

One process at a time runs them, under a lease; when that process dies, another one takes over after the lease has
expired by the database's clock, and repeats the step.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from servicekit.errors import ServiceError
from servicekit.ids import new_id
from services.users.actions.erasure import StepDeps, delay_step, run_step
from services.users.store import erasure, leases
from services.users.store.erasure import BacklogRow, DueErasureRow

_log = structlog.get_logger("erasure")
LEASE = "erasure"
LEASE_SECONDS = 60.0
"""How long erasures wait after their process died; a step has at most two calls of other services, 25 s."""


class ErasureWorker:
    """Looks for due steps every `interval` seconds."""

    def __init__(self, deps: StepDeps, interval: float) -> None:
        self._deps = deps
        self._interval = interval
        self._id = new_id()
        self._loop: asyncio.Task[None] | None = None
        self.backlog = BacklogRow(0, 0, 0.0, has_work=False)
        """The unfinished erasures when they were last looked for, for metrics."""

    async def start(self) -> None:
        """Start the loop."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop at once; an interrupted step is repeated by the next run."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])

    async def run_once(self) -> bool:
        """Run all due steps; returns False when another process holds the lease."""
        database = self._deps.database
        self.backlog = await erasure.backlog(database)
        if not self.backlog.has_work:
            return True
        if not await leases.acquire(database, LEASE, self._id, LEASE_SECONDS):
            return False
        try:
            await erasure.delete_expired_refusals(database)
            while (job := await erasure.due(database)) is not None:
                await self._run_step(job)
                if not await leases.renew(database, LEASE, self._id, LEASE_SECONDS):
                    _log.warning("erasure_lease_lost")
                    break
        finally:
            with contextlib.suppress(ServiceError):
                await leases.release(database, LEASE, self._id)
        return True

    async def _run_step(self, job: DueErasureRow) -> None:
        """Run one step; a step that fails is due again later, and does not hold up other erasures."""
        values = {"erasure_id": str(job.id), "step": job.step}
        try:
            await run_step(self._deps, job)
        except ServiceError as error:
            _log.warning("erasure_step_failed", reason=error.reason, failures=job.failures + 1, **values)
        except Exception as error:  # noqa: BLE001 - must not stop the other erasures
            _log.error("erasure_step_failed", exc_info=error, failures=job.failures + 1, **values)
        else:
            _log.info("erasure_step_finished", **values)
            return
        await delay_step(self._deps, job)

    async def _run(self) -> None:
        while True:
            try:
                await self.run_once()
            except ServiceError as error:
                _log.warning("erasure_run_failed", reason=error.reason)
            except Exception as error:  # noqa: BLE001 - the next run may succeed
                _log.error("erasure_run_failed", exc_info=error)
            await asyncio.sleep(self._interval)
