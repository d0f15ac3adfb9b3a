"""A process like those of the suite, as far as a supervisor can see: health, logs, drain, the parent's pipe.

What it does wrong is said by LITTLE_FAULTS, words of the form NAME:FAULT where NAME is that of a process:

    dies       says why in its log and ends before it serves
    silent     never serves
    deaf       ignores SIGTERM and the closed pipe
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

NAMES = {0: "gateway", 1: "users", 2: "chat", 3: "tracks"}


def say(level: str, event: str, **fields: object) -> None:
    sys.stderr.write(json.dumps({"level": level, "event": event, **fields}) + "\n")


def main() -> None:
    port, admin_port = int(os.environ["SEDA_PORT"]), int(os.environ["SEDA_ADMIN_PORT"])
    name = NAMES[port % 10]
    faults = {
        each.partition(":")[2]
        for each in os.environ.get("LITTLE_FAULTS", "").split()
        if each.startswith(name)
    }
    leave = threading.Event()
    say("info", "starting", pid=os.getpid())
    if "dies" in faults:
        say("error", 'SEDA_CHAT_DATABASE_URL names database "seda_x", which does not exist.')
        sys.exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "deaf" in faults else lambda *_: leave.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", 0)])
    board = health.HealthServicer()
    if "silent" in faults:
        board.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    board.set("live", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(board, server)
    reflection.enable_server_reflection([health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    for variable, number in (("SEDA_HOST", port), ("SEDA_ADMIN_HOST", admin_port)):
        for host in os.environ[variable].split(","):
            server.add_insecure_port(f"[{host}]:{number}" if ":" in host else f"{host}:{number}")
    server.start()
    say("warning", f"{name} serves")
    threading.Thread(target=follow_parent, args=(leave, "deaf" in faults), daemon=True).start()
    leave.wait()
    say("info", "drained")
    server.stop(0).wait()


def follow_parent(leave: threading.Event, deaf: bool) -> None:
    while os.read(int(os.environ["SEDA_PARENT_FD"]), 1):
        pass
    if not deaf:
        leave.set()


main()
