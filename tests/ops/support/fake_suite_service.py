"""A fake service with the features that a supervisor uses: health, logs, drain, the parent's pipe.

FAKE_FAULTS has its faults, words of the form NAME:FAULT where NAME is a process:

    crash        logs an error and exits before it serves
    hang         never serves
    ignore-stop  ignores SIGTERM and the closed pipe
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


def log(level: str, event: str, **fields: object) -> None:
    sys.stderr.write(json.dumps({"level": level, "event": event, **fields}) + "\n")


def main() -> None:
    port, admin_port = int(os.environ["SEDA_PORT"]), int(os.environ["SEDA_ADMIN_PORT"])
    name = NAMES[port % 10]
    faults = {
        each.partition(":")[2] for each in os.environ.get("FAKE_FAULTS", "").split() if each.startswith(name)
    }
    stop = threading.Event()
    log("info", "starting", pid=os.getpid())
    if "crash" in faults:
        log("error", 'SEDA_CHAT_DATABASE_URL names database "seda_x", which does not exist.')
        sys.exit(1)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if "ignore-stop" in faults else lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    reuse = int(os.environ.get("SEDA_REUSE_PORT", "0"))
    server = grpc.server(ThreadPoolExecutor(2), options=[("grpc.so_reuseport", reuse)])
    health_servicer = health.HealthServicer()
    if "hang" in faults:
        health_servicer.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    health_servicer.set("live", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    reflection.enable_server_reflection([health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    for variable, number in (("SEDA_HOST", port), ("SEDA_ADMIN_HOST", admin_port)):
        for host in os.environ[variable].split(","):
            server.add_insecure_port(f"[{host}]:{number}" if ":" in host else f"{host}:{number}")
    server.start()
    log("warning", f"{name} serves")
    if "SEDA_READY_FD" in os.environ and "hang" not in faults:
        os.write(int(os.environ["SEDA_READY_FD"]), b"+")
    threading.Thread(target=stop_with_parent, args=(stop, "ignore-stop" in faults), daemon=True).start()
    stop.wait()
    log("info", "drained")
    # Probes that are on their way still get their answer.
    server.stop(1 if reuse else 0).wait()


def stop_with_parent(stop: threading.Event, ignore_stop: bool) -> None:
    while os.read(int(os.environ["SEDA_PARENT_FD"]), 1):
        pass
    if not ignore_stop:
        stop.set()


if __name__ == "__main__":
    main()
