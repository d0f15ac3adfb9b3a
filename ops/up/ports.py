"""Check all ports before the start, and name the owners of taken ones."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from ops.console import printable
from ops.errors import CliError
from ops.proc_info import PortOwner, port_owner
from ops.topology import Ports, ProcessSpec, loopbacks

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

_CONNECT_SECONDS = 0.5
_NEXT_BASE = 1000
_SHOWN_COMMAND = 60


def require_free(
    ports: Ports, processes: tuple[ProcessSpec, ...], *, postgres: bool, ours: Container[int] = ()
) -> None:
    """Raise CliError PORT_TAKEN that names every taken port, its holder and a base that is free.

    Those of `ours` count as free.
    """
    used = ports.used(processes, postgres=postgres)
    taken = [port for port in used if port not in ours and not is_free(port)]
    if not taken:
        return
    free_base = _free_base(ports.base, processes, postgres=postgres)
    width = max(len(used[port]) for port in taken) + 2
    lines = (f"  {port} {f'({used[port]})':<{width}}  {_describe(port_owner(port))}" for port in taken)
    raise CliError(
        "PORT_TAKEN",
        "Can't start: " + ("1 port is taken." if len(taken) == 1 else f"{len(taken)} ports are taken."),
        why="\n".join(lines),
        fix="Free them, or move all ports: seda up --port-base PORT"
        if free_base is None
        else f"Try: seda up --port-base {free_base}    (all free right now)",
    )


def is_free(port: int) -> bool:
    """Return whether a server could listen on `port` of every loopback address."""
    return all(_is_free(host, port) for host in loopbacks())


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        # As grpc does: connections in TIME_WAIT don't block the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    # macOS lets a socket bind to one address while another listens on all of them; a connection reveals it.
    with socket.socket(family) as probe:
        probe.settimeout(_CONNECT_SECONDS)
        return probe.connect_ex((host, port)) != 0


def _free_base(base: int, processes: tuple[ProcessSpec, ...], *, postgres: bool) -> int | None:
    for candidate in _candidates(base):
        if all(map(is_free, Ports(candidate).used(processes, postgres=postgres))):
            return candidate
    return None


def _candidates(base: int) -> Iterable[int]:
    following = (base + step * _NEXT_BASE for step in range(1, 40))
    return (each for each in following if Ports.valid(each))


def _describe(owner: PortOwner | None) -> str:
    if owner is None:
        return "held by a process that is not visible, such as another user's"
    command = printable(owner.command or "?")
    if len(command) > _SHOWN_COMMAND:
        command = command[:_SHOWN_COMMAND] + "..."
    return f"{command}, pid {owner.pid}, " + ("yours" if owner.own else f"of user {owner.user}")
