"""What the two clients share: where they call, as whom, and how a method of theirs begins a call."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Generic, Self, TypeVar
from uuid import UUID

from sedaclient import deadlines
from sedaclient.auth import Auth
from sedaclient.calls import LogicalCall, RetryPacer
from sedaclient.channels import Option, Tls, is_local_target
from sedaclient.errors import ErrorDetails, Unavailable
from sedaclient.methods import ClientMethod

VERSION = "0.1.0"
_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class Connection:
    """Two channels, opened at the first call: with all streams of one taken, a unary call on it would wait."""

    def __init__(self, target: str, tls: Tls | None, auth: Auth | None, user_agent: str) -> None:
        self.target, self.auth = target, auth
        self.pacer = RetryPacer()
        self._tls = tls
        agent = f"{user_agent} seda-client/{VERSION}".strip()
        self._options: list[Option] = [("grpc.primary_user_agent", agent), ("grpc.enable_http_proxy", 0)]
        self._lock = threading.Lock()
        self.channels: list[Any] = []
        self._callables: dict[str, Any] = {}

    @property
    def is_secure(self) -> bool:
        """Whether the channels have TLS."""
        return self._tls is not None

    def open(self, open_channel: Callable[..., Any]) -> list[Any]:
        """The channels for unary calls and for streams."""
        with self._lock:
            if not self.channels:
                tls = self._tls.credentials() if self._tls else None
                self.channels = [open_channel(self.target, tls=tls, more=self._options) for _ in range(2)]
            return self.channels

    def callable(self, method: ClientMethod, open_channel: Callable[..., Any]) -> Any:  # noqa: ANN401 - of grpc
        """A method on its channel."""
        if method.path not in self._callables:
            channel = self.open(open_channel)[method.server_streaming]
            kind = channel.unary_stream if method.server_streaming else channel.unary_unary
            request, response = method.request_type.SerializeToString, method.response_type.FromString
            self._callables[method.path] = kind(method.path, request, response)
        return self._callables[method.path]


class BoundMethod(Generic[_Request, _Response]):
    """A method of a client."""

    def __init__(self, client: Client, method: ClientMethod) -> None:
        self.method = method
        self._connection, self._user_id = client.connection, client.user_id
        self._invoke = client.connection.callable(method, client.open_channel)

    def _begin(self, request: Any, timeout: float | None, *, retry: bool) -> LogicalCall:  # noqa: ANN401 - a message
        return LogicalCall(self.method, request, timeout, self._connection.pacer, retry=retry)

    def _bearer(self, call: LogicalCall) -> str | Awaitable[str]:
        auth = self._connection.auth
        return "" if auth is None else auth.bearer(self.method.audience, self._user_id, fresh=call.refused)


class Client:
    """A client of Seda.

    `target` is `host:port`, a list of `address:port`, or `dns:///host:port`, whose addresses share the calls. This
    machine is called in plaintext unless `tls` is given, others with TLS; `plaintext` lets tokens travel unprotected.
    `user_agent` names the program to the servers. Raises ValueError for both `tls` and `plaintext`.
    """

    open_channel: ClassVar[Callable[..., Any]]
    method_types: ClassVar[tuple[Callable[..., Any], Callable[..., Any]]]
    """Of unary methods, and of those with a stream of responses."""
    watch_type: ClassVar[Callable[..., Any]]
    user_id: str | None = None
    connection: Connection

    def __init__(
        self,
        target: str,
        *,
        auth: Auth | None = None,
        tls: Tls | None = None,
        plaintext: bool = False,
        user_agent: str = "",
    ) -> None:
        if plaintext and tls is not None:
            raise ValueError("plaintext and tls exclude each other")
        if tls is None and not (plaintext or is_local_target(target)):
            tls = Tls()
        self.connection = Connection(target, tls, auth, user_agent)

    def acting_for(self, user_id: str | UUID) -> Self:
        """A client on the same channels whose calls a service makes as a user. It needs no closing."""
        acting = object.__new__(type(self))
        acting.connection, acting.user_id = self.connection, str(user_id)
        return acting

    @staticmethod
    def budget(seconds: float) -> AbstractContextManager[None]:
        """Bound the time of all calls in a `with` block together, in seconds; of nested budgets the shorter counts."""
        return deadlines.budget(seconds)

    def _unready(self, timeout: float) -> Unavailable:
        text = f"{self.connection.target} has no healthy server after {timeout:g} s"
        return Unavailable("ready", text, ErrorDetails())

    def __repr__(self) -> str:
        acting = f" acting for {self.user_id}" if self.user_id else ""
        return f"<{type(self).__name__} {self.connection.target}{acting}>"
