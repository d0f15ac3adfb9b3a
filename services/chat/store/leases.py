"""The leases of chat, in chat.leases."""

from __future__ import annotations

from servicekit.leases import Leases

_LEASES = Leases("chat")
acquire, renew, release, delete_expired = (
    _LEASES.acquire,
    _LEASES.renew,
    _LEASES.release,
    _LEASES.delete_expired,
)
