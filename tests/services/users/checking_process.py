"""A process that starts a check of a claim and never finishes it: `python -m ...checking_process DSN CLAIM USER`."""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID

from servicekit.caller import Caller, Role
from servicekit.clock import SystemClock
from servicekit.database import Database, PoolOptions
from servicekit.rate_limit import RateLimiter
from services.users.actions.deps import VerificationDeps
from services.users.actions.verification_check import check_verification
from services.users.domain.verification_check import Fetched
from services.users.workers.verification_checker import VerificationChecker


class EndlessCrawler:
    """Reports to the parent process, then never answers."""

    async def fetch(self, url: str, _: UUID) -> Fetched:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()
        raise AssertionError


async def main(dsn: str, claim_id: str, user_id: str) -> None:
    """Start the check with the parent's database."""
    database = Database(dsn, PoolOptions("checking", pooled="pooled" in sys.argv))
    await database.open()
    checker = VerificationChecker(database, EndlessCrawler(), 1, lambda _: None)
    deps = VerificationDeps(database, checker, RateLimiter(1, 1, SystemClock()))
    await check_verification(deps, Caller(UUID(user_id), Role.USER), UUID(claim_id))
    # Until the parent kills it.
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
