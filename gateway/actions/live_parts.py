"""The parts of live streams: looked up for all streams of the process at once, and kept for a few seconds.

Many streams get the same change at the same moment. Ids are gathered for 25 ms and looked up in one call, with the token of
the stream that asked first; what is found serves all of them. A service that does not respond is not asked for the next
two seconds, so that it delays the streams once and not at each change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, NamedTuple, TypeVar

import structlog

from gateway.actions.deps import Tracks, Users
from gateway.actions.lookups import MAX_IDS
from gateway.actions.parts import PageIds, Parts
from seda.tracks.v1.track_pb2 import Track
from seda.users.v1.artist_pb2 import ArtistMark
from seda.users.v1.user_pb2 import UserSummary
from servicekit.cache import Cache
from servicekit.clock import Clock

_log = structlog.get_logger("gateway")
_T = TypeVar("_T")
GATHER_SECONDS = 0.025
KEEP_SECONDS = 5.0
AWAY_SECONDS = 2.0
MAX_ENTRIES = 10_000


class Person(NamedTuple):
    """A user with their mark; None where there is none."""

    user: UserSummary | None
    mark: ArtistMark | None


class CachedParts:
    """Implements gateway.actions.deps.LiveParts. A lookup takes `lookup_seconds` at most."""

    def __init__(self, users: Users, tracks: Tracks, clock: Clock, lookup_seconds: float) -> None:
        async def people(ids: list[str]) -> dict[str, Person]:
            found, marks = await asyncio.gather(
                users.lookup_users(ids, lookup_seconds), users.lookup_artists(ids, lookup_seconds)
            )
            user_by_id, mark_by_user = (
                {each.id: each for each in found},
                {each.user_id: each for each in marks},
            )
            return {each: Person(user_by_id.get(each), mark_by_user.get(each)) for each in ids}

        async def tracks_by_id(ids: list[str]) -> dict[str, Track | None]:
            found = {each.id: each for each in await tracks.lookup_tracks(ids, lookup_seconds)}
            return {each: found.get(each) for each in ids}

        self._people = _Lookup("users", people, clock)
        self._tracks = _Lookup("tracks", tracks_by_id, clock)

    async def find(self, ids: PageIds, seconds: float) -> Parts:
        """Return what is found within `seconds`, without stubs; `unreachable` are the services that lack something."""
        people, tracks = await asyncio.gather(
            self._people.find(ids.user_ids, seconds), self._tracks.find(ids.tracks, seconds)
        )
        return Parts(
            [person.user or UserSummary(id=user_id) for user_id, person in people.items()],
            [person.mark for person in people.values() if person.mark is not None],
            [track for track in tracks.values() if track is not None],
            [
                name
                for name, lacks in (
                    ("users", len(people) < len(ids.user_ids)),
                    ("tracks", len(tracks) < len(ids.tracks)),
                )
                if lacks
            ],
        )


class _Lookup(Generic[_T]):
    """Gathers ids of one service, looks them up, and keeps what it finds; `look_up` returns a value for each id."""

    def __init__(
        self, service: str, look_up: Callable[[list[str]], Awaitable[dict[str, _T]]], clock: Clock
    ) -> None:
        self._service = service
        self._look_up = look_up
        self._clock = clock
        self._found: Cache[str, tuple[_T]] = Cache(MAX_ENTRIES)
        self._waiting: dict[str, asyncio.Future[_T]] = {}
        self._away_until = 0.0
        self._task: asyncio.Task[None] | None = None

    async def find(self, ids: Iterable[str], seconds: float) -> dict[str, _T]:
        """Return the values that are known within `seconds`."""
        now = self._clock.monotonic()
        values: dict[str, _T] = {}
        running: dict[str, asyncio.Future[_T]] = {}
        for each in ids:
            known = self._found.get(each, now)
            if known is not None:
                values[each] = known[0]
            elif each in self._waiting:
                running[each] = self._waiting[each]
            elif now >= self._away_until:
                running[each] = self._waiting[each] = asyncio.get_running_loop().create_future()
        if running and self._task is None:
            # Cancelling the stream that asked first does not take it from the others.
            self._task = asyncio.create_task(self._gather())
        if running:
            await asyncio.wait(running.values(), timeout=seconds)
        return values | {each: future.result() for each, future in running.items() if _is_found(future)}

    async def _gather(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            batch = dict(list(self._waiting.items())[:MAX_IDS])
            try:
                values = await self._look_up(list(batch))
            except Exception as error:  # noqa: BLE001 - the streams go on with stubs, whatever it was
                _log.warning("lookup_failed", service=self._service, error=type(error).__name__)
                self._away_until = self._clock.monotonic() + AWAY_SECONDS
                # Nobody waits for an answer that does not come.
                batch = dict(self._waiting)
                values = {}
            expires = self._clock.monotonic() + KEEP_SECONDS
            for each, future in batch.items():
                del self._waiting[each]
                if each in values:
                    self._found.put(each, (values[each],), expires)
                    future.set_result(values[each])
                else:
                    future.cancel()
        self._task = None


def _is_found(future: asyncio.Future[_T]) -> bool:
    return future.done() and not future.cancelled()
