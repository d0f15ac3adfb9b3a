"""The connection pools of the services' processes, by the metrics that each of them exports."""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

_TIMEOUT_SECONDS = 1.0
_PAUSE_SECONDS = 1.0
_SIZE, _WAITERS = "seda_db_pool_size", "seda_db_pool_waiters"


@dataclass(frozen=True, slots=True)
class Pool:
    """The pool of one process: connections at most, and the calls that waited for one at each reading.

    `waited_seconds` is how long, to the last reading, some call was waiting at all of them; `problem` says why it could
    not be read.
    """

    process: str
    size: int = 0
    waiters: int = 0
    waited_seconds: float = 0.0
    problem: str = ""


async def watch_pools(targets: Mapping[str, str], seconds: float) -> list[Pool]:
    """Read the pools of the processes by name and host:port of their metrics, once a second for so long."""
    began = time.monotonic()
    free_at = dict.fromkeys(targets, began)
    pools = await _scrape_all(targets)
    while True:
        now = time.monotonic()
        free_at |= {each.process: now for each in pools if not each.waiters}
        if now - began >= seconds:
            return [replace(each, waited_seconds=now - free_at[each.process]) for each in pools]
        await asyncio.sleep(min(_PAUSE_SECONDS, seconds - (now - began)))
        pools = await _scrape_all(targets)


async def _scrape_all(targets: Mapping[str, str]) -> Sequence[Pool]:
    scraped = (asyncio.to_thread(_scrape, name, address) for name, address in targets.items())
    return [each for each in await asyncio.gather(*scraped) if each is not None]


def _scrape(process: str, address: str) -> Pool | None:
    """Read one process; None for one without a database."""
    from prometheus_client.parser import text_string_to_metric_families

    # Metrics are never behind a proxy of the environment.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://{address}/metrics", timeout=_TIMEOUT_SECONDS) as reply:
            text = reply.read().decode()
        families = text_string_to_metric_families(text)
        values = {sample.name: sample.value for family in families for sample in family.samples}
    except (OSError, ValueError) as error:
        return Pool(process, problem=f"{address} can't be read: {error}")
    if _SIZE not in values:
        return None
    return Pool(process, int(values[_SIZE]), int(values.get(_WAITERS, 0)))
