"""The context of one call."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, cast

from sedaclient.deadlines import running_call
from servicekit.caller import Caller
from servicekit.methods import Method


@dataclass(slots=True)
class Call:
    """A running call.

    `deadline` is on the process's monotonic clock, in seconds; infinite for a stream without one. `service` names the calling service
    when the token is a service token, and `on_behalf_of` the user it acts for. `caller_key` is what the calling user is resolved by. `share_key` is the user whose share
    of the concurrent calls it uses, as the token names them. `traceparent` and `tracestate` are the W3C context to pass on: this
    call's span when it is traced, else the caller's.
    """

    method: Method
    request_id: str
    deadline: float
    traceparent: str | None = None
    tracestate: str | None = None
    span: Any = None
    token: str | None = None
    identity: Caller | None = None
    service: str | None = None
    on_behalf_of: str | None = None
    caller_key: tuple[str, str] | None = None
    share_key: str | None = None

    @property
    def caller(self) -> Caller:
        """The calling user; raises RuntimeError on methods without one."""
        if self.identity is None:
            raise RuntimeError(f"{self.method.full_name} has no calling user")
        return self.identity

    @property
    def email(self) -> str:
        """The calling user's e-mail address as their own token has it, else empty."""
        subject, email = self.caller_key or ("", "")
        return email if subject else ""

    @property
    def delegate(self) -> str | None:
        """The service that acts for the calling user, if one does."""
        return None if self.identity is None else self.service

    @property
    def trace_id(self) -> str | None:
        """The id of the trace that the call is part of, if any."""
        return None if self.traceparent is None else self.traceparent[3:35]

    @property
    def trace_context(self) -> list[tuple[str, str]]:
        """The metadata that makes a further call part of the same trace."""
        headers = (("traceparent", self.traceparent), ("tracestate", self.tracestate))
        return [(name, value) for name, value in headers if value is not None]


current_call = cast("ContextVar[Call | None]", running_call)
"""The call that the running task serves; logs, clients and statement timing read it."""
