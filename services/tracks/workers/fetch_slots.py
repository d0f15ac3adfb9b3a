"""Limits the concurrent fetches by what they are for, and those of one user to a quarter of a share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from servicekit.errors import OverloadedError, RateLimitedError
from services.tracks.domain.web.fetch_purpose import FetchPurpose, Share

_RETRY_SECONDS = 2.0
_USERS_PER_SHARE = 4


class FetchSlots:
    """At most `limits[share]` fetches of a share run, at most a quarter of them for one user; one more is refused."""

    def __init__(self, limits: Mapping[Share, int]) -> None:
        self._limits = limits
        self._running: Counter[Share] = Counter()
        self._of_user: Counter[tuple[Share, UUID | None]] = Counter()

    def acquire(self, purpose: FetchPurpose, host: str) -> FetchSlot:
        """Take a slot for a fetch that starts at `host`. Raises OverloadedError or RateLimitedError."""
        share = purpose.share_at(host)
        self.enter(share, purpose.user_id)
        return FetchSlot(self, purpose, share)

    def enter(self, share: Share, user_id: UUID | None) -> None:
        """Count a fetch of a share. Raises OverloadedError or RateLimitedError."""
        limit = self._limits[share]
        if user_id is not None and self._of_user[share, user_id] >= max(1, limit // _USERS_PER_SHARE):
            raise RateLimitedError(_RETRY_SECONDS)
        if self._running[share] >= limit:
            raise OverloadedError(_RETRY_SECONDS)
        self._running[share] += 1
        self._of_user[share, user_id] += 1

    def leave(self, share: Share, user_id: UUID | None) -> None:
        """Take a fetch off a share's count."""
        self._running[share] -= 1
        # Drops users whose count reaches zero.
        self._of_user -= Counter(((share, user_id),))


@dataclass(slots=True)
class FetchSlot:
    """The slot of a running fetch. A redirect to an unknown host moves it to the share of unknown hosts, and back."""

    slots: FetchSlots
    purpose: FetchPurpose
    share: Share

    def visit(self, host: str) -> None:
        """Move to the share of the next host. Raises OverloadedError or RateLimitedError."""
        share = self.purpose.share_at(host)
        if share is not self.share:
            self.slots.enter(share, self.purpose.user_id)
            self.release()
            self.share = share

    def release(self) -> None:
        """Give the slot back."""
        self.slots.leave(self.share, self.purpose.user_id)
