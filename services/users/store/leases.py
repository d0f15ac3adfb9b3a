"""The leases of users, in users.leases."""

from __future__ import annotations

from servicekit.leases import Leases

_LEASES = Leases("users")
acquire, renew, release, delete_expired = (
    _LEASES.acquire,
    _LEASES.renew,
    _LEASES.release,
    _LEASES.delete_expired,
)
