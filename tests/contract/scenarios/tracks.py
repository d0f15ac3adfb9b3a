"""The reasons of the tracks service: links that lead nowhere it can follow."""

from __future__ import annotations

from seda.tracks.v1.track_service_pb2 import ResolveTrackRequest
from tests.contract.scenarios.stage import Scenario, Stage
from tests.contract.suite import Outcome
from tests.services.chat.world import new_user


def _resolving(link: str) -> Scenario:
    async def resolve(stage: Stage) -> Outcome:
        method = "seda.tracks.v1.TrackService.ResolveTrack"
        return await stage.refused("tracks", method, ResolveTrackRequest(input=link), new_user())

    return resolve


SCENARIOS: dict[str, Scenario] = {
    "INVALID_URL": _resolving("no link at all"),
    "UNSUPPORTED_PROVIDER": _resolving("https://example.org/track/1"),
    "UNSUPPORTED_RESOURCE": _resolving("https://open.spotify.com/user/ada"),
    "NOT_A_TRACK": _resolving("https://open.spotify.com/album/2qToAcex0ruZfbEbAy9OhW"),
    "PRIVATE_LINK": _resolving("https://soundcloud.com/forss/flickermood/s-AbCdE"),
    "NEEDS_RESOLUTION": _resolving("https://spotify.link/AbCdEfGhIjK"),
}
