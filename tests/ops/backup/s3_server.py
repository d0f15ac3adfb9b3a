"""An S3 server in this process that fails from a given request on.

`error` answers 500, `cut` ends the connection unread, `half` loses the answer to the one request and cuts later ones.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

from tests.postgres import free_port

BUCKET = "backups"
FAULTS = ("error", "cut", "half")


class FaultyS3:
    """A WSGI application. `fail_at` counts requests from 1; 0 lets all through."""

    def __init__(self) -> None:
        self.port = free_port()
        self.requests = 0
        self.fault, self.fail_at, self.once, self.spared = "", 0, False, 0
        self._moto = DomainDispatcherApplication(create_backend_app)

    @property
    def environ(self) -> dict[str, str]:
        """The variables that lead to it."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
        }

    def fail(self, fault: str, at: int, *, once: bool = False, spared: int = 0) -> None:
        """Fail at the request with this number, counted from now, and at later ones unless `once`, but for some spared."""
        self.requests, self.fault, self.fail_at, self.once, self.spared = 0, fault, at, once, spared

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        self.requests += 1
        late = self.requests > self.fail_at + self.spared and not self.once
        if not self.fail_at or not (self.requests == self.fail_at or late):
            answer: Iterable[bytes] = self._moto(environ, start_response)
            return answer
        fault = "cut" if self.fault == "half" and self.requests > self.fail_at else self.fault
        if fault == "error":
            start_response("500 Internal Server Error", [("Content-Length", "0")])
            return []
        if fault == "half":
            list(self._moto(environ, lambda *_: None))
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError


@contextmanager
def faulty_s3() -> Iterator[FaultyS3]:
    """Serve on loopback, with an empty bucket."""
    made = FaultyS3()
    server = make_server("127.0.0.1", made.port, made, threaded=True)
    logging.getLogger("werkzeug").setLevel(logging.CRITICAL)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
