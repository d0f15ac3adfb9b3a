"""Hosts on one machine: network namespaces with an address each, joined by a bridge.

    if reason := why_not(): pytest.skip(reason)
    run_inside("tests/system/host_failures.py")     # another pytest, on a network and with processes of its own

Inside, nothing of the machine is touched: the bridge, the hosts and their names exist only there, and the end of that
pytest, whatever it is, ends every process that it left.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field

from ops.postgres.privilege import choose_privilege
from tests.architecture.project import ROOT

_INSIDE = "SEDA_TEST_INSIDE"
_ISOLATED = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_SUBNET = "10.0.0"
_CLIENT = 1
_PROBE_SECONDS = 20.0


def why_not() -> str | None:
    """Return why this machine can't have such hosts; None if it can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if choose_privilege().user is not None:
        return "PostgreSQL would have to change its user before it enters a network namespace"
    lacking = [each for each in ("ip", "unshare") if _program(each) is None]
    if lacking:
        return f"needs {' and '.join(lacking)} (Debian: iproute2, util-linux)"
    probe = "mount -t tmpfs tmpfs /run && ip netns add probe && ip link add probe type bridge"
    done = subprocess.run(
        [*_ISOLATED, "sh", "-c", probe], capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False
    )
    return None if done.returncode == 0 else f"no network namespaces here: {done.stderr.strip()}"


def run_inside(path: str, seconds: float) -> None:
    """Run the tests of a file by another pytest on a network of its own; fails with its output."""
    # Names of hosts are files below /run.
    command = 'mount -t tmpfs tmpfs /run && exec "$@"'
    arguments = (sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", "-p", "no:cacheprovider", path)
    done = subprocess.run(
        [*_ISOLATED, "sh", "-c", command, "sh", *arguments],
        cwd=ROOT,
        env={**os.environ, _INSIDE: "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-20_000:]


def is_inside() -> bool:
    """Return whether this process was started by run_inside."""
    return os.environ.get(_INSIDE) == "1"


@dataclass(frozen=True)
class Host:
    """One host: its name, which is short, and its address."""

    name: str
    number: int

    @property
    def address(self) -> str:
        """Its address, the same seen from everywhere."""
        return f"{_SUBNET}.{self.number}"

    @property
    def hardware_address(self) -> str:
        """The address of its one interface."""
        return f"02:00:00:00:00:{self.number:02x}"

    @property
    def prefix(self) -> tuple[str, ...]:
        """What precedes a command that is to run there."""
        return (_program("ip") or "ip", "netns", "exec", self.name)

    def kill(self) -> None:
        """Kill all its processes at once; its network goes on, and refuses connections."""
        for pid in _ip("netns", "pids", self.name).split():
            # PostgreSQL's processes end with the first of them.
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


@dataclass
class Network:
    """A bridge, and the hosts that are plugged in. The process itself is the client, at number 1."""

    hosts: list[Host] = field(default_factory=list)

    @property
    def client(self) -> Host:
        """Where the test runs."""
        return Host("client", _CLIENT)

    def start(self, *names: str) -> list[Host]:
        """Make hosts. Everybody knows everybody's hardware address: silence is never an answer of the bridge."""
        assert is_inside()
        self.hosts = [Host(name, number) for number, name in enumerate(names, start=11)]
        _ip("link", "set", "lo", "up")
        _ip("link", "add", "bridge", "address", self.client.hardware_address, "type", "bridge")
        _ip("address", "add", f"{self.client.address}/24", "dev", "bridge")
        _ip("link", "set", "bridge", "up")
        for host in self.hosts:
            _ip("netns", "add", host.name)
            peer = ("peer", "name", "eth0", "address", host.hardware_address, "netns", host.name)
            _ip("link", "add", host.name, "type", "veth", *peer)
            _ip("-n", host.name, "address", "add", f"{host.address}/24", "dev", "eth0")
            for name in ("lo", "eth0"):
                _ip("-n", host.name, "link", "set", name, "up")
            self._know(host, "-n", host.name)
            self.heal(host)
        self._know(self.client)
        return self.hosts

    def cut(self, host: Host) -> None:
        """Unplug a host: what is sent to it and by it vanishes, and nobody is told."""
        _ip("link", "set", host.name, "nomaster")

    def heal(self, host: Host) -> None:
        """Plug a host in."""
        _ip("link", "set", host.name, "master", "bridge", "up")

    def _know(self, host: Host, *where: str) -> None:
        device = "eth0" if where else "bridge"
        for other in (self.client, *self.hosts):
            if other != host:
                to = (other.address, "lladdr", other.hardware_address, "nud", "permanent", "dev", device)
                _ip(*where, "neighbor", "replace", *to)


def _program(name: str) -> str | None:
    # Debian keeps some where an ordinary PATH does not lead.
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin")))


def _ip(*arguments: str) -> str:
    command = [_program("ip") or "ip", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
