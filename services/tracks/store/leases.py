"""The leases of tracks, in tracks.leases."""

from __future__ import annotations

from servicekit.leases import Leases

_LEASES = Leases("tracks")
acquire, renew, release, delete_expired = (
    _LEASES.acquire,
    _LEASES.renew,
    _LEASES.release,
    _LEASES.delete_expired,
)
