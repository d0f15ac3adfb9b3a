"""The one error type of the command line, importable without any heavy library."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of `seda`. Callers must treat a code that is not listed here as failure."""

    OK = 0
    ACTION_NEEDED = 1
    USAGE = 2
    LOCK_BUSY = 3
    UNSAFE = 4
    MIGRATION_FAILED = 5
    DRIFT = 6
    CALL_BASE = 64
    INTERRUPTED = 130


class CliError(Exception):
    """A failure that a person can act on.

    `code` is stable and machine-readable (PORT_TAKEN), `message` describes the failure, `why` gives the
    cause and `fix` the remedy. `retry` is true when the same command may simply be run again. `details` are facts for
    machines that --json adds.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        why: str = "",
        fix: str = "",
        retry: bool = False,
        exit_code: int = Exit.ACTION_NEEDED,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        if why:
            # For tracebacks.
            self.add_note(why)
        self.code = code
        self.message = message
        self.why = why
        self.fix = fix
        self.retry = retry
        self.exit_code = int(exit_code)
        self.details = dict(details or {})

    def as_json(self) -> dict[str, object]:
        """Return the failure as --json writes it; absent parts are null."""
        shown: dict[str, object] = {
            "code": self.code,
            "message": self.message,
            "why": self.why or None,
            "fix": self.fix or None,
            "retry": self.retry,
        }
        return {**shown, **({"details": self.details} if self.details else {})}
