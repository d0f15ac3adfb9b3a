"""`seda ps`: the suites of this user on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.instances import Registry
from ops.topology import GATEWAY, Ports

if TYPE_CHECKING:
    from ops.console import Console
    from ops.instances import Instance


def show(console: Console) -> None:
    """List all suites that were started and not wiped, running or not."""
    rows = [_row(each) for each in Registry().instances()]
    if console.json:
        console.result({"instances": rows})
    else:
        columns = ("name", "state", "pid", "since", "gateway", "data")
        console.table(columns, [[row[each] for each in columns] for row in rows])
        if not rows:
            console.message("Nothing was started yet: seda up")


def _row(instance: Instance) -> dict[str, object]:
    state = instance.data_dir.running_state()
    base = instance.port_base if state is None else state.port_base
    return {
        "name": instance.name or None,
        "state": "stopped" if state is None else "running" if state.ready else "starting",
        "pid": None if state is None else state.supervisor.pid,
        "since": None if state is None else state.since,
        "gateway": Ports(base).address(GATEWAY),
        "data": str(instance.path),
    }
