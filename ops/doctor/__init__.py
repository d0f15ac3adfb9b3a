"""`seda doctor`: what would keep a suite from running on this machine, found before it is started.

A check is a function from the surroundings to findings; it changes nothing, and its failure never stops the others.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from ops.data_dir import find_data_dir
from ops.doctor.database import check_clock, check_database
from ops.doctor.folder import check_disk, check_permissions, check_ports
from ops.doctor.installation import check_packages, check_postgres, check_python
from ops.doctor.names import check_environment
from ops.doctor.surroundings import Surroundings
from ops.findings import Finding, Result

Check = Callable[[Surroundings], list[Finding] | Awaitable[list[Finding]]]

CHECKS: Mapping[str, Check] = {
    "python": check_python,
    "packages": check_packages,
    "postgres-programs": check_postgres,
    "ports": check_ports,
    "disk": check_disk,
    "clock": check_clock,
    "permissions": check_permissions,
    "environment": check_environment,
    "database": check_database,
}
"""Every check by its id."""

_CHECK_SECONDS = 10.0


def examine(environ: Mapping[str, str] = os.environ, cwd: Path | None = None) -> list[Finding]:
    """Run all checks and return what they found, one finding at least for each."""
    surroundings = Surroundings(environ, find_data_dir(environ), cwd or Path.cwd())
    return asyncio.run(run_checks(surroundings))


async def run_checks(surroundings: Surroundings) -> list[Finding]:
    """Run all checks on these surroundings."""
    found = await asyncio.gather(*(_run(name, check, surroundings) for name, check in CHECKS.items()))
    return [finding for findings in found for finding in findings]


async def _run(name: str, check: Check, surroundings: Surroundings) -> list[Finding]:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            found = check(surroundings)
            return await found if inspect.isawaitable(found) else found
    except TimeoutError:
        why = f"The check took longer than {_CHECK_SECONDS:.0f} s."
    except Exception as error:  # noqa: BLE001 - a check that fails is a finding
        why = f"The check failed: {type(error).__name__}: {error}"
    return [Finding(name, Result.ERROR, name.capitalize(), sentence=why, command="seda doctor --debug")]
