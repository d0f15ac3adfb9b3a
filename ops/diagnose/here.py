"""What `seda db doctor` finds around it: the processes of a suite that runs here, and the place of the backups."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ops.backup.stores import open_store
from ops.backup.verify import read_backup
from ops.data_dir import find_data_dir, state_home
from ops.topology import LOOPBACK, SUITE, Ports


def metrics_targets(given: Sequence[str]) -> Mapping[str, str] | None:
    """Return the metrics addresses of processes by name: those given, else of the suite of this folder, else None."""
    if given:
        return {each: each for each in given}
    state = find_data_dir().running_state()
    if state is None:
        return None
    ports = Ports(state.port_base)
    return {each.name: f"{LOOPBACK}:{ports.metrics(each)}" for each in SUITE}


def history_folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return where readings are kept from run to run; None for a user without a home, as in a container."""
    try:
        return state_home(environ) / "db-doctor"
    except RuntimeError:
        return None


def newest_backup(
    environ: Mapping[str, str] = os.environ,
) -> Callable[[], tuple[dt.datetime | None, str]] | None:
    """Return what looks for the newest verified backup.

    None where no place was chosen and none was ever made, but in production, where that is a fault.
    """
    chosen = environ.get("SEDA_BACKUP_LOCATION")
    wanted = chosen or environ.get("SEDA_ENV") == "production"
    if not wanted and not open_store(None, environ).published():
        return None

    def look() -> tuple[dt.datetime | None, str]:
        # Only what was read back in full is ever published.
        store = open_store(chosen, environ)
        published = store.published()
        return read_backup(store, published[-1]).created_at if published else None, store.location

    return look
