"""What the studio refuses, and why."""

from __future__ import annotations

from dataclasses import dataclass


# Not frozen: a traceback is set on it.
@dataclass(eq=False)
class StudioError(Exception):
    """A request that can't be answered. `status` is HTTP's; `anyway`: it may be asked again with the cost accepted."""

    reason: str
    text: str
    status: int = 400
    anyway: bool = False
