"""The shares of the fetch slots: none takes the slots of another, and no user more than a quarter of one."""

from __future__ import annotations

from uuid import UUID

import pytest

from servicekit.errors import OverloadedError, RateLimitedError
from services.tracks.domain.links.registry import PROVIDERS
from services.tracks.domain.web.fetch_purpose import FetchPurpose, Share
from services.tracks.workers.fetch_slots import FetchSlots

_LIMITS = {Share.LINKS: 16, Share.UNKNOWN_HOSTS: 4, Share.VERIFICATION: 8, Share.ENRICHMENT: 12}
_KNOWN, _UNKNOWN = "spotify.link", "music.harbourchoir.com"
_ADA, _BOB = UUID(int=1), UUID(int=2)


def _host(share: Share) -> str:
    return _UNKNOWN if share is Share.UNKNOWN_HOSTS else _KNOWN


def _purpose(share: Share, user_id: UUID | None = None) -> FetchPurpose:
    return FetchPurpose(Share.LINKS if share is Share.UNKNOWN_HOSTS else share, user_id)


@pytest.mark.parametrize("full", Share)
def test_a_full_share_takes_no_slot_of_another(full: Share) -> None:
    slots = FetchSlots(_LIMITS)
    held = [slots.acquire(_purpose(full), _host(full)) for _ in range(_LIMITS[full])]
    with pytest.raises(OverloadedError) as raised:
        slots.acquire(_purpose(full), _host(full))
    assert raised.value.retry_after
    for other in Share:
        if other is not full:
            slots.acquire(_purpose(other), _host(other))
    held.pop().release()
    slots.acquire(_purpose(full), _host(full))


@pytest.mark.parametrize("share", Share)
def test_a_user_has_a_quarter_of_a_share(share: Share) -> None:
    slots = FetchSlots(_LIMITS)
    held = [slots.acquire(_purpose(share, _ADA), _host(share)) for _ in range(_LIMITS[share] // 4)]
    with pytest.raises(RateLimitedError) as raised:
        slots.acquire(_purpose(share, _ADA), _host(share))
    assert raised.value.retry_after
    slots.acquire(_purpose(share, _BOB), _host(share))
    held.pop().release()
    slots.acquire(_purpose(share, _ADA), _host(share))


def test_a_redirect_moves_a_slot_to_unknown_hosts_and_back() -> None:
    slots = FetchSlots(_LIMITS)
    for share in (Share.LINKS, Share.UNKNOWN_HOSTS):
        for _ in range(_LIMITS[share] - 1):
            slots.acquire(_purpose(share), _host(share))
    slot = slots.acquire(_purpose(Share.LINKS), _KNOWN)
    slot.visit("open.spotify.com")
    slot.visit(_UNKNOWN)
    # The slot that it left is free, the one that it took is not.
    other = slots.acquire(_purpose(Share.LINKS), _KNOWN)
    with pytest.raises(OverloadedError):
        other.visit(_UNKNOWN)
    other.release()
    slot.visit(_KNOWN)
    slot.release()
    slots.acquire(_purpose(Share.UNKNOWN_HOSTS), _UNKNOWN)
    slots.acquire(_purpose(Share.LINKS), _KNOWN)


@pytest.mark.parametrize("share", [Share.VERIFICATION, Share.ENRICHMENT])
def test_other_shares_go_to_any_host(share: Share) -> None:
    assert {FetchPurpose(share).share_at(host) for host in (_KNOWN, _UNKNOWN)} == {share}


def test_the_hosts_of_all_providers_are_known() -> None:
    hosts = [host for provider in PROVIDERS for host in (*provider.hosts, *provider.short_hosts)]
    assert {FetchPurpose(Share.LINKS).share_at(each) for each in [*hosts, "harbourchoir.bandcamp.com"]} == {
        Share.LINKS
    }
    assert FetchPurpose(Share.LINKS).share_at("evil.spotify.link") is Share.UNKNOWN_HOSTS
