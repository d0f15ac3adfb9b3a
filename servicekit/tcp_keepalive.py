"""How long a silent peer is waited for: asyncpg leaves that to the system, where it is hours.

A host that is cut off sends nothing, not even that its connections have ended. What waits for a response without a
deadline of its own, as background work does, would wait for ever.
"""

from __future__ import annotations

import os
import socket
from typing import Any

IDLE_SECONDS, INTERVAL_SECONDS, PROBES = 10, 5, 3
"""A peer that answers nothing for 25 seconds is gone; where USER_TIMEOUT_MS is known, after that time."""
USER_TIMEOUT_MS = 15_000
# By name: not every system has all of them.
_OPTIONS = {
    "TCP_KEEPIDLE": IDLE_SECONDS,
    "TCP_KEEPINTVL": INTERVAL_SECONDS,
    "TCP_KEEPCNT": PROBES,
    "TCP_USER_TIMEOUT": USER_TIMEOUT_MS,
}


def limit_silence(connection: Any) -> None:  # noqa: ANN401 - pooled or plain connection
    """Have the system end an asyncpg connection whose peer is silent."""
    its_socket = connection._transport.get_extra_info("socket")  # noqa: SLF001 - asyncpg has no other way to it
    if its_socket is None or its_socket.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    # uvloop's view of a socket has no options.
    with socket.socket(its_socket.family, socket.SOCK_STREAM, fileno=os.dup(its_socket.fileno())) as same:
        same.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _OPTIONS.items():
            if hasattr(socket, name):
                same.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
