"""PgBouncer in transaction mode in front of the run's server, when SEDA_TEST_POOLER=1 asks for it.

Debian's 1.18 and newer ones will do. The services log in as their own roles, whose passwords the pooler knows from
its auth_file; nothing may need the roles' start-up settings. It ends with the process
that started it, however that ends.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from ops.reaper import SERVICE, Reaper

WANTED = os.environ.get("SEDA_TEST_POOLER") == "1"
# Debian keeps it where an ordinary user's PATH does not lead.
PROGRAM = shutil.which("pgbouncer", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin")))
_SECONDS = 20.0
_NOBODY = 65_534

_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
max_client_conn = 2000
default_pool_size = 20
query_wait_timeout = 5
; Each test module has a database of its own, and the server only 300 connections.
server_idle_timeout = 5
log_connections = 0
log_disconnections = 0
stats_period = 3600
"""


class Pooler:
    """One PgBouncer. `passwords` are those of the roles that may log in; `template` its configuration, with the ports."""

    def __init__(
        self,
        folder: Path,
        server_port: int,
        port: int,
        passwords: Mapping[str, str],
        template: str = _CONFIGURATION,
    ) -> None:
        if PROGRAM is None:
            raise RuntimeError("SEDA_TEST_POOLER=1 needs pgbouncer; on Debian: apt-get install pgbouncer")
        users, configuration = folder / "pgbouncer.users", folder / "pgbouncer.ini"
        self._log = folder / "pgbouncer.log"
        # It refuses to be root.
        owner = _NOBODY if os.geteuid() == 0 else None
        _write(users, owner, "".join(f'"{role}" "{password}"\n' for role, password in passwords.items()))
        _write(configuration, owner, template.format(server_port=server_port, port=port, users=users))
        self._reaper = Reaper()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [PROGRAM, str(configuration)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=owner,
                group=owner,
                extra_groups=None if owner is None else [],
                start_new_session=True,
            )
        self._reaper.add(self._process.pid, SERVICE)
        self._wait_until_listening(port)

    def stop(self) -> None:
        """End it, and every connection through it, at once."""
        self._process.kill()
        self._process.wait(_SECONDS)
        self._reaper.close()

    def _wait_until_listening(self, port: int) -> None:
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            # Another process's port wakes nobody here.
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"pgbouncer did not start: {self._log.read_text()}")


def _write(path: Path, owner: int | None, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
    if owner is not None:
        os.chown(path, owner, owner)
