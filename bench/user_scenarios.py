"""The measured scenarios of the users service."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.baseline_contract import GET_USER, SEARCH_ARTISTS
from bench.contenders import REFERENCES, TOKENS, baseline_contenders, prepared_call
from bench.dataset import email, uid
from bench.http2 import PreparedCall
from bench.runner import Contender, Scenario
from bench.testbed import SEDA, Testbed, contract
from seda.users.v1 import artist_service_pb2, user_service_pb2

_UNCACHED = f"{SEDA}, no search cache"
_IN_FLIGHT = 32
_PAGE = 20
_MIN_PART = 4


def search_artists(testbed: Testbed) -> Scenario:
    """Searches by the beginning of a name, by its second word, and by the whole name, in turn."""
    names = testbed.oracle.artist_names()
    ours, theirs = [], []
    for number in range(TOKENS):
        name = names[number * 7 % len(names)]
        first, second, _ = name.split()
        query = (first[: max(_MIN_PART, len(first) - number % 3)], second, name)[number % 3]
        expected = testbed.oracle.artists(query, _PAGE)
        request = artist_service_pb2.SearchArtistsRequest(query=query)
        ours.append(prepared_call(request, email(number), expected))
        theirs.append(prepared_call(contract().SearchArtistsRequest(query=query), None, expected))
    path = "/seda.users.v1.ArtistService/SearchArtists"
    return Scenario(
        name="search-artists",
        title=f"SearchArtists({_PAGE}), by the beginning of a name, a word and a whole name",
        in_flight=_IN_FLIGHT,
        contenders=[
            *_users_contenders(testbed, path, ours, _read_matches),
            Contender(
                _UNCACHED,
                [testbed.users(SEDA, cache=False)],
                [],
                path,
                ours,
                _read_matches,
            ),
            *baseline_contenders(testbed, SEARCH_ARTISTS, theirs, read_baseline_artists),
        ],
        references=REFERENCES,
        notes=[
            (
                f"{len(names)} verified artists. seda: ranked, also similar names where a page has room for them (they are"
                " not compared), token, rate limit and page token. Baselines: names that contain the text, with the user's"
                " e-mail address."
            ),
            (
                f"The searches are as many as there are tokens: {SEDA} reuses a page for a second, {_UNCACHED}"
                " (SEDA_ARTIST_SEARCH_CACHE_MS=0) reads at every call."
            ),
        ],
    )


def get_user(testbed: Testbed) -> Scenario:
    """Users get themselves."""
    ours, theirs = [], []
    for number in range(TOKENS):
        user_id, address = str(uid("u", number)), email(number)
        request = user_service_pb2.GetUserRequest(user_id=user_id)
        ours.append(prepared_call(request, address, (user_id, address)))
        theirs.append(prepared_call(contract().GetUserRequest(id=user_id), None, (user_id, address)))
    path = "/seda.users.v1.UserService/GetUser"
    return Scenario(
        name="get-user",
        title="GetUser, the caller",
        in_flight=_IN_FLIGHT,
        contenders=[
            *_users_contenders(testbed, path, ours, _read_user),
            *baseline_contenders(testbed, GET_USER, theirs, read_baseline_user),
        ],
        references=REFERENCES,
        notes=["Baselines: with the user's artist profile."],
    )


def _users_contenders(
    testbed: Testbed, path: str, samples: Sequence[PreparedCall], read: Callable[[bytes], object]
) -> list[Contender]:
    return [Contender(name, [testbed.users(name)], [], path, samples, read) for name in testbed.sides]


def _read_matches(data: bytes) -> object:
    found = artist_service_pb2.SearchArtistsResponse.FromString(data)
    similar = artist_service_pb2.MATCH_KIND_SIMILAR
    assert all(match.artist_profile.verified for match in found.matches)
    return tuple(match.artist_profile.id for match in found.matches if match.kind != similar)


def read_baseline_artists(data: bytes) -> object:
    """The ids of SearchArtistsResponse."""
    found = contract().SearchArtistsResponse.FromString(data)
    assert all(artist.verified and artist.user.email for artist in found.artists)
    return tuple(artist.id for artist in found.artists)


def _read_user(data: bytes) -> object:
    user = user_service_pb2.GetUserResponse.FromString(data).user
    return (user.id, user.email)


def read_baseline_user(data: bytes) -> object:
    """Id and address of a User."""
    user = contract().User.FromString(data)
    return (user.id, user.email)
