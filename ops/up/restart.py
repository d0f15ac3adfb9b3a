"""`seda restart`: replace one process of a running suite, or all of it with the settings of this shell."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ops.data_dir import find_data_dir
from ops.topology import Ports
from ops.up.addresses import database_text, print_addresses, running_processes
from ops.up.command import make_options
from ops.up.control import ask
from ops.up.progress import Progress
from ops.up.status import require_running

if TYPE_CHECKING:
    from ops.console import Console

# A drain takes 20 s at most, and a start 60 s.
SERVICE_SECONDS = 90.0
_SUITE_SECONDS = 300.0


def restart(console: Console, service: str | None, port_base: int | None) -> None:
    """Return when the process, or all of them, serve again."""
    data_dir = find_data_dir()
    state = require_running(data_dir)
    began = time.monotonic()
    if service is not None:
        ask(data_dir, {"do": "restart", "service": service}, SERVICE_SECONDS)
    else:
        options = make_options(
            os.environ, port_base or state.port_base, ephemeral=False, demo=True, logs=None
        )
        request = {"do": "restart", "environ": dict(options.environ), "port_base": options.port_base}
        ask(data_dir, request, _SUITE_SECONDS)
    seconds = time.monotonic() - began
    state = require_running(data_dir)
    console.result({"service": service, "seconds": round(seconds, 1), "port_base": state.port_base})
    if console.json:
        return
    if service is None:
        ports, where = Ports(state.port_base), database_text(state, data_dir)
        print_addresses(data_dir, os.environ, ports, Progress(console), running_processes(state), where)
    console.message(f"{service or 'All of it'} serves again, after {seconds:.1f} s.")
