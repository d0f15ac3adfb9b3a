"""Cost of the gateway's composed pages: CPU of all processes, against the calls that they are made of.

    python -m bench.composed [--rounds 9] [--calls 100] [--in-flight 8] [--scale 0.02]

Users, chat, tracks and the gateway run on the dataset of `python -m bench`. Each round gets the same pages twice: by the
composed method at the gateway, and by its calls at the services themselves, with the same token. A figure is the CPU that
the client, the four processes and PostgreSQL used, divided by the pages; the ratio is taken within a round. Prints one line
per method: median milliseconds of both, the median ratio and its middle half, the same without the client, which makes
one call instead of up to six; and how busy the machine was besides.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import grpc
import psutil

from bench import cpu, dataset
from bench.cluster import cluster
from bench.processes import SECRET, Server, service
from bench.testbed import RAISED_LIMITS
from gateway.actions.parts import ids_on_page
from ops.data_dir import DataDir, find_data_dir
from ops.dev_tokens import development_token
from seda.chat.v1 import (
    message_service_pb2,
    message_service_pb2_grpc,
    room_service_pb2,
    room_service_pb2_grpc,
)
from seda.gateway.v1 import gateway_service_pb2 as pb
from seda.gateway.v1.gateway_service_pb2_grpc import GatewayServiceStub
from seda.tracks.v1 import track_service_pb2, track_service_pb2_grpc
from seda.users.v1 import artist_service_pb2, artist_service_pb2_grpc, user_service_pb2, user_service_pb2_grpc

GOAL = 1.6
_PAGE = 50
_ROOMS = 20
_SETTINGS = RAISED_LIMITS | {f"SEDA_SEARCH_{limit}": "1000000" for limit in ("RATE_PER_SECOND", "BURST")}


class Stubs:
    """Stubs of the gateway and of the services behind it, for one user."""

    def __init__(self, servers: Sequence[Server], email: str) -> None:
        users, chat, tracks, gateway = (grpc.aio.insecure_channel(each.address) for each in servers)
        self._options: dict[str, Any] = {
            "metadata": (("authorization", f"Bearer {development_token(SECRET.encode(), email)}"),),
            "timeout": 30,
        }
        self.channels = (users, chat, tracks, gateway)
        self._gateway: Any = GatewayServiceStub(gateway)
        self._users = user_service_pb2_grpc.UserServiceStub(users)
        self._artists = artist_service_pb2_grpc.ArtistServiceStub(users)
        self._rooms = room_service_pb2_grpc.RoomServiceStub(chat)
        self._messages = message_service_pb2_grpc.MessageServiceStub(chat)
        self._tracks = track_service_pb2_grpc.TrackServiceStub(tracks)

    async def composed(self, request: Any) -> Any:
        """The page, by its method at the gateway."""
        method = getattr(self._gateway, type(request).__name__.removesuffix("Request"))
        page = await method(request, **self._options)
        assert not page.unreachable, page.unreachable
        return page

    async def direct(self, request: Any) -> None:
        """What the method calls, at the services themselves."""
        await _DIRECT[type(request)](self, request)

    async def _look_up(self, messages: Any, user_ids: Sequence[str] = ()) -> None:
        ids = ids_on_page(messages, user_ids)
        calls: list[Awaitable[Any]] = []
        if ids.user_ids:
            people = user_service_pb2.LookupUsersRequest(user_ids=ids.user_ids)
            marks = artist_service_pb2.LookupArtistsRequest(user_ids=ids.user_ids)
            calls += [self._users.LookupUsers(people, **self._options)]
            calls += [self._artists.LookupArtists(marks, **self._options)]
        if ids.tracks:
            tracks = track_service_pb2.LookupTracksRequest(track_ids=ids.tracks)
            calls += [self._tracks.LookupTracks(tracks, **self._options)]
        await asyncio.gather(*calls)

    async def get_me(self, _: pb.GetMeRequest) -> None:
        """The calls of GetMe; that there is no profile is an answer too."""
        me = await self._users.GetUser(user_service_pb2.GetUserRequest(), **self._options)
        artist = artist_service_pb2.GetArtistRequest(user_id=me.user.id)
        await asyncio.gather(
            self._artists.GetArtist(artist, **self._options),
            self._rooms.GetMyRoomsRev(room_service_pb2.GetMyRoomsRevRequest(), **self._options),
            return_exceptions=True,
        )

    async def get_home(self, request: pb.GetHomeRequest) -> None:
        """The calls of GetHome."""
        listing = room_service_pb2.ListMyRoomsRequest(page_size=request.page_size)
        listed = await self._rooms.ListMyRooms(listing, **self._options)
        await self._look_up([each.last_message for each in listed.rooms])

    async def get_room_page(self, request: pb.GetRoomPageRequest) -> None:
        """The calls of GetRoomPage."""
        listing = message_service_pb2.ListMessagesRequest(
            room_id=request.room_id, page_size=request.page_size
        )
        room = room_service_pb2.GetRoomRequest(room_id=request.room_id)
        listed, _ = await asyncio.gather(
            self._messages.ListMessages(listing, **self._options), self._rooms.GetRoom(room, **self._options)
        )
        await self._look_up(listed.messages)

    async def get_thread(self, request: pb.GetThreadRequest) -> None:
        """The calls of GetThread."""
        listing = message_service_pb2.ListRepliesRequest(room_id=request.room_id, root_id=request.root_id)
        listed = await self._messages.ListReplies(listing, **self._options)
        await self._look_up([listed.root, *listed.messages])

    async def search_everything(self, request: pb.SearchEverythingRequest) -> None:
        """The calls of SearchEverything."""
        query: dict[str, Any] = {"query": request.query, "page_size": request.limit}
        artists, _, messages = await asyncio.gather(
            self._artists.SearchArtists(artist_service_pb2.SearchArtistsRequest(**query), **self._options),
            self._tracks.SearchTracks(track_service_pb2.SearchTracksRequest(**query), **self._options),
            self._messages.SearchMessages(
                message_service_pb2.SearchMessagesRequest(**query), **self._options
            ),
        )
        await self._look_up(messages.messages, [each.artist_profile.user_id for each in artists.matches])

    async def get_artist_page(self, request: pb.GetArtistPageRequest) -> None:
        """The calls of GetArtistPage."""
        wanted = artist_service_pb2.GetArtistRequest(artist_profile_id=request.artist_profile_id)
        artist = await self._artists.GetArtist(wanted, **self._options)
        search = message_service_pb2.SearchMessagesRequest(
            author_id=artist.user.id, has_track=True, public_only=True, page_size=20
        )
        await self._look_up((await self._messages.SearchMessages(search, **self._options)).messages)

    async def close(self) -> None:
        """Close the channels."""
        for channel in self.channels:
            await channel.close()


_DIRECT: dict[type[Any], Callable[[Stubs, Any], Awaitable[None]]] = {
    pb.GetMeRequest: Stubs.get_me,
    pb.GetHomeRequest: Stubs.get_home,
    pb.GetRoomPageRequest: Stubs.get_room_page,
    pb.GetThreadRequest: Stubs.get_thread,
    pb.GetArtistPageRequest: Stubs.get_artist_page,
    pb.SearchEverythingRequest: Stubs.search_everything,
}


class Figures(NamedTuple):
    """CPU milliseconds of a page, of all processes and without the client; and the share of the machine that others used."""

    composed: float
    direct: float
    composed_behind: float
    direct_behind: float
    others: float


@contextmanager
def suite(scale: float) -> Iterator[tuple[list[Server], int]]:
    """The running services on a copy of the dataset, users, chat, tracks and gateway; and the postmaster's pid."""
    data_dir = DataDir(find_data_dir().path / "bench")
    with data_dir.lock() as ours_alone, ExitStack() as stack:
        if not ours_alone:
            raise SystemExit(f"bench: another measurement runs in {data_dir}.")
        server = stack.enter_context(cluster(data_dir.path))
        url = dataset.copies(server, dataset.ensure(server, scale, print)).ours
        logs = data_dir.path / "log"
        logs.mkdir(parents=True, exist_ok=True)
        targets = dict(_SETTINGS)
        servers = []
        for name in ("users", "tracks", "chat", "gateway"):
            servers.append(stack.enter_context(service(name, url, logs, targets)))
            targets[f"SEDA_{name.upper()}_TARGET"] = servers[-1].address
        users, tracks, chat, gateway = servers
        assert server.pid is not None
        yield [users, chat, tracks, gateway], server.pid


async def requests(stubs: Stubs) -> dict[str, list[Any]]:
    """The requests of each method, about twenty rooms of the user."""
    home = await stubs.composed(pb.GetHomeRequest(page_size=_ROOMS))
    pages = [pb.GetRoomPageRequest(room_id=each.room.id, page_size=_PAGE) for each in home.rooms]
    threads = []
    for page in [await stubs.composed(each) for each in pages]:
        threads += [
            pb.GetThreadRequest(room_id=each.room_id, root_id=each.id)
            for each in page.messages
            if each.reply_count
        ][:1]
    searches = [pb.SearchEverythingRequest(query=each, limit=10) for each in ("the", "night", "mara")]
    artists = [
        pb.GetArtistPageRequest(artist_profile_id=match.artist_profile.id)
        for each in searches
        for match in (await stubs.composed(each)).artist_results.matches
    ]
    return {
        "GetMe": [pb.GetMeRequest()],
        "GetHome": [pb.GetHomeRequest(page_size=_PAGE)],
        "GetRoomPage": pages,
        "GetThread": threads,
        "GetArtistPage": artists,
        "SearchEverything": searches,
    }


async def load(
    get: Callable[[Any], Awaitable[Any]], wanted: Sequence[Any], calls: int, in_flight: int
) -> None:
    """Get so many pages, the requests in turn."""
    left = itertools.islice(itertools.cycle(wanted), calls)

    async def caller() -> None:
        for request in left:
            await get(request)

    await asyncio.gather(*(caller() for _ in range(in_flight)))


def _cpu_ms(pids: Sequence[int]) -> tuple[float, float]:
    """CPU of this process, which is the client, and of the others, in milliseconds."""
    own = psutil.Process(os.getpid()).cpu_times()
    return (own.user + own.system) * 1e3, cpu.seconds(pids) * 1e3


async def _round(
    stubs: Stubs, wanted: Sequence[Any], pids: Sequence[int], calls: int, in_flight: int, number: int
) -> Figures:
    """Get the same pages both ways, the other way first in each second round."""
    busy, offered = cpu.machine()
    begun = sum(_cpu_ms(pids))
    used: dict[str, tuple[float, float]] = {}
    ways = [("composed", stubs.composed), ("direct", stubs.direct)]
    for way, get in ways[:: 1 if number % 2 else -1]:
        before = _cpu_ms(pids)
        await load(get, wanted, calls, in_flight)
        client, behind = (after - each for after, each in zip(_cpu_ms(pids), before, strict=True))
        used[way] = (client + behind) / calls, behind / calls
    busy_after, offered_after = cpu.machine()
    others = (busy_after - busy) - (sum(_cpu_ms(pids)) - begun) / 1e3
    return Figures(
        composed=used["composed"][0],
        direct=used["direct"][0],
        composed_behind=used["composed"][1],
        direct_behind=used["direct"][1],
        others=max(0.0, others) / (offered_after - offered),
    )


async def measure(
    servers: Sequence[Server], postmaster: int, arguments: argparse.Namespace
) -> dict[str, list[Figures]]:
    """All rounds of all methods."""
    stubs = Stubs(servers, dataset.email(0))
    pids = [*(each.pid for each in servers), postmaster]
    found: dict[str, list[Figures]] = {}
    try:
        for name, wanted in (await requests(stubs)).items():
            # A user has few searches at a time.
            in_flight = 1 if name in {"GetArtistPage", "SearchEverything"} else arguments.in_flight
            for get in (stubs.composed, stubs.direct):
                await load(get, wanted, len(wanted) * 3, in_flight)
            found[name] = [
                await _round(stubs, wanted, pids, arguments.calls, in_flight, number)
                for number in range(arguments.rounds)
            ]
    finally:
        await stubs.close()
    return found


def _ratio(pairs: Sequence[tuple[float, float]]) -> tuple[float, str]:
    """The median ratio, and the text with its middle half."""
    ratios = [composed / direct for composed, direct in pairs]
    low, middle, high = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return middle, f"{middle:.2f}x ({low:.2f} to {high:.2f})"


def main() -> int:
    """Measure and print; returns 1 if a median ratio of all processes is above the goal."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--in-flight", type=int, default=8)
    parser.add_argument("--scale", type=float, default=0.02)
    arguments = parser.parse_args()
    with suite(arguments.scale) as (servers, postmaster):
        found = asyncio.run(measure(servers, postmaster, arguments))
    worst = 0.0
    for name, rounds in found.items():
        middle, ratio = _ratio([(each.composed, each.direct) for each in rounds])
        _, behind = _ratio([(each.composed_behind, each.direct_behind) for each in rounds])
        worst = max(worst, middle)
        composed, direct, *_, others = (statistics.median(each) for each in zip(*rounds, strict=True))
        print(
            f"{name:16} composed {composed:5.2f} ms  direct {direct:5.2f} ms  {ratio}"
            f"  without the client {behind}  others {others:.0%}"
        )
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
