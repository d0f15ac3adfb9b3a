"""The options of `seda up`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ops.data_dir import DataDir
from ops.topology import DEFAULT_PORT_BASE, Ports

if TYPE_CHECKING:
    from collections.abc import Mapping

ALL_LOGS = "all"


@dataclass(frozen=True, slots=True)
class UpOptions:
    """The settings of one run.

    `logs` names the processes whose whole log is shown ("all" for every one); the others show warnings and worse.
    The processes inherit `environ`. With `reload` one is replaced when its code was changed, and the two share their
    ports for a moment.
    """

    data_dir: DataDir
    environ: Mapping[str, str] = field(repr=False)
    port_base: int = DEFAULT_PORT_BASE
    ephemeral: bool = False
    demo: bool = True
    logs: frozenset[str] = frozenset()
    reload: bool = False

    @property
    def ports(self) -> Ports:
        """The ports that this run takes."""
        return Ports(self.port_base)

    @property
    def database_url(self) -> str:
        """The user's own database, or an empty text when the suite runs PostgreSQL."""
        return self.environ.get("DATABASE_URL", "")

    def restart_settings(self) -> dict[str, str]:
        """Return the settings whose change needs a restart, fit for state.json: no passwords."""
        own = "our own PostgreSQL"
        database = self.database_url and f"DATABASE_URL #{_digest(self.database_url)}"
        return {"port base": str(self.port_base), "database": database or own}

    def shows(self, name: str) -> bool:
        """Return whether the whole log of a process is shown."""
        return name in self.logs or ALL_LOGS in self.logs


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
