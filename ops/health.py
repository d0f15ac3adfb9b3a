"""`seda health`: the health of every process and of its services."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ops.data_dir import port_base
from ops.errors import CliError, Exit
from ops.probe import LIVENESS, READINESS, SERVING, HealthStatus, check, list_statuses
from ops.topology import SUITE, Ports

if TYPE_CHECKING:
    from ops.console import Console

_LABELS = {READINESS: "(ready)", LIVENESS: "(alive)"}


def show(console: Console, timeout: float) -> bool:
    """Check all processes concurrently, print their status, and return whether everything is SERVING."""
    reports = asyncio.run(_check_all(Ports(port_base()), timeout))
    serving = all(each.serving for each in reports)
    if console.json:
        console.result({"serving": serving, "reports": reports})
    else:
        console.table(
            ("process", "address", "service", "status", "ms"),
            [
                (
                    each.process,
                    each.address,
                    _LABELS.get(each.service, each.service),
                    each.status,
                    each.milliseconds,
                )
                for each in reports
            ],
        )
    return serving


def show_one(console: Console, address: str, timeout: float) -> bool:
    """Check and print the readiness of the process at `address`."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise CliError(
            "ADDRESS_INVALID",
            f"{address!r} is no address.",
            fix="It is host:port, for example: seda health --address 127.0.0.1:7410",
            exit_code=Exit.USAGE,
        )
    status = asyncio.run(check(address, timeout=timeout))
    console.result({"address": address, "status": status}, status)
    return status == SERVING


async def _check_all(ports: Ports, timeout: float) -> list[HealthStatus]:
    statuses = await asyncio.gather(
        *(list_statuses(each.name, ports.address(each), timeout) for each in reversed(SUITE))
    )
    return [report for reports in statuses for report in reports]
