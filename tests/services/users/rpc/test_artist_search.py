"""SearchArtists over a real channel and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import asyncpg
import pytest

from seda.users.v1.artist_pb2 import ArtistProfile
from seda.users.v1.artist_service_pb2 import (
    MATCH_KIND_EXACT,
    MATCH_KIND_PREFIX,
    MATCH_KIND_SIMILAR,
    MATCH_KIND_SUBSTRING,
    CreateArtistRequest,
    DeleteArtistRequest,
    MatchKind,
    SearchArtistsRequest,
    SearchArtistsResponse,
    UpdateArtistRequest,
)
from seda.users.v1.artist_service_pb2_grpc import ArtistServiceStub
from seda.users.v1.user_service_pb2 import GetUserRequest
from seda.users.v1.user_service_pb2_grpc import UserServiceStub
from servicekit.errors import InvalidFieldsError, OverloadedError, PageTokenMismatchError, RateLimitedError
from services.users.app import build
from services.users.config import Settings
from tests.postgres import Database
from tests.services.running import Running, add_artist, add_user, call, refused, running, user

_DOMAIN = "users.seda.fm"
_ADA, _BOB = "ada@example.com", "bob@example.com"
_VERIFIED = (
    "U2",
    "U2 Tribute",
    "Best of U2",
    "The U2s",
    "Bu2",
    "Beyoncé",
    "Metallica",
    "Metallica Tribute",
    "Not Metallica",
    "Rihanna",
    "100% Pure",
    "100 Pure",
    "A_B",
    "AxB",
    "Back\\slash",
    "Back slash",
    "米津玄師",
    "歌う米津",
    "Мумий Тролль",
    "AC/DC",
)
_UNVERIFIED = ("U2 Cover", "Metallica Fan")


@pytest.fixture(scope="module")
async def uncached(database: Database) -> AsyncIterator[Running]:
    """The users service, reading at every search."""
    async with running(Settings, build, database, artist_search_cache_ms=0) as service:
        yield service


@pytest.fixture(scope="module")
async def stub(uncached: Running, admin: asyncpg.Connection) -> ArtistServiceStub:
    for name in (*_VERIFIED, *_UNVERIFIED):
        user_id = await add_user(admin, f"{uuid4()}@example.com")
        await add_artist(admin, user_id, name)
    await admin.execute(
        "UPDATE users.artist_profiles SET verified = true, verified_at = now() WHERE artist_name = ANY ($1)",
        list(_VERIFIED),
    )
    return ArtistServiceStub(uncached.channel)


async def search(
    stub: ArtistServiceStub,
    query: str,
    size: int = 0,
    token: str = "",
    *,
    caller: str = _ADA,
    include_unverified: bool = False,
) -> SearchArtistsResponse:
    request = SearchArtistsRequest(
        query=query, page_size=size, page_token=token, include_unverified=include_unverified
    )
    response: SearchArtistsResponse = await call(stub.SearchArtists, request, user(caller))
    return response


def shown(response: SearchArtistsResponse) -> list[tuple[str, MatchKind.ValueType]]:
    return [(match.artist_profile.artist_name, match.kind) for match in response.matches]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (
            "u2",
            [
                ("U2", MATCH_KIND_EXACT),
                ("U2 Tribute", MATCH_KIND_PREFIX),
                ("Best of U2", MATCH_KIND_SUBSTRING),
                ("The U2s", MATCH_KIND_SUBSTRING),
            ],
        ),
        (
            "METALLICA",
            [
                ("Metallica", MATCH_KIND_EXACT),
                ("Metallica Tribute", MATCH_KIND_PREFIX),
                ("Not Metallica", MATCH_KIND_SUBSTRING),
            ],
        ),
        (
            "tallic",
            [(name, MATCH_KIND_SUBSTRING) for name in ("Metallica", "Metallica Tribute", "Not Metallica")],
        ),
        (
            "metalica",
            [(name, MATCH_KIND_SIMILAR) for name in ("Metallica", "Metallica Tribute", "Not Metallica")],
        ),
        ("beyonce", [("Beyoncé", MATCH_KIND_EXACT)]),
        ("BEYONCE\u0301", [("Beyoncé", MATCH_KIND_EXACT)]),
        ("米津", [("米津玄師", MATCH_KIND_PREFIX), ("歌う米津", MATCH_KIND_SUBSTRING)]),
        ("玄師", [("米津玄師", MATCH_KIND_SUBSTRING)]),
        ("師", [("米津玄師", MATCH_KIND_SUBSTRING)]),
        ("тр", [("Мумий Тролль", MATCH_KIND_SUBSTRING)]),
        ("мумии", [("Мумий Тролль", MATCH_KIND_PREFIX)]),
        (
            "b",
            [
                ("Back slash", MATCH_KIND_PREFIX),
                ("Back\\slash", MATCH_KIND_PREFIX),
                ("Best of U2", MATCH_KIND_PREFIX),
            ],
        ),
        ("0%", []),
        ("100%", [("100% Pure", MATCH_KIND_PREFIX)]),
        ("%", []),
        ("_", []),
        ("a_", [("A_B", MATCH_KIND_PREFIX)]),
        ("a_b", [("A_B", MATCH_KIND_EXACT)]),
        ("a-b", []),
        ("ack\\sl", [("Back\\slash", MATCH_KIND_SUBSTRING)]),
        ("ac/dc", [("AC/DC", MATCH_KIND_EXACT)]),
        ("nobody at all", []),
    ],
)
async def test_search_ranks_names_and_tells_the_kind_of_match(
    stub: ArtistServiceStub, query: str, expected: Sequence[tuple[str, MatchKind.ValueType]]
) -> None:
    found = shown(await search(stub, query))
    assert found[: len(expected)] == expected
    assert bool(found) == bool(expected)


@pytest.mark.parametrize("position", range(7))
async def test_a_typo_in_a_name_of_seven_letters_is_found(stub: ArtistServiceStub, position: int) -> None:
    wrong, missing = list("rihanna"), list("rihanna")
    wrong[position] = "x"
    del missing[position]
    for typo in (wrong, missing):
        names = [name for name, _ in shown(await search(stub, "".join(typo)))]
        assert names[:1] == ["Rihanna"], "".join(typo)


async def test_search_finds_unverified_profiles_on_request_alone(stub: ArtistServiceStub) -> None:
    for query in ("u2 cover", "metallica fan", "metalica fann"):
        names = {name for name, _ in shown(await search(stub, query))}
        every = {name for name, _ in shown(await search(stub, query, include_unverified=True))}
        assert names.isdisjoint(_UNVERIFIED)
        assert every & set(_UNVERIFIED)
        assert names < every


async def test_search_shows_the_profile_as_get_does(stub: ArtistServiceStub) -> None:
    (match,) = (await search(stub, "beyonce")).matches
    assert match.artist_profile.verified
    assert match.artist_profile.HasField("verify_time")
    assert match.artist_profile.etag


@pytest.mark.parametrize("include_unverified", [False, True])
@pytest.mark.parametrize("query", ["u2", "metallica", "tallic", "metalica", "米津", "b", "pure"])
async def test_pages_join_to_the_whole_result(
    stub: ArtistServiceStub, query: str, include_unverified: bool
) -> None:
    whole = shown(await search(stub, query, 100, include_unverified=include_unverified))
    assert whole
    for size in (1, 2, 3):
        joined, token = [], ""
        while True:
            page = await search(stub, query, size, token, include_unverified=include_unverified)
            assert len(page.matches) <= size
            joined += shown(page)
            token = page.next_page_token
            if not token:
                break
        if whole[-1][1] == MATCH_KIND_SIMILAR and whole[0][1] != MATCH_KIND_SIMILAR:
            # Similar names follow only on a page that has room for them.
            whole = [each for each in whole if each[1] != MATCH_KIND_SIMILAR]
            joined = [each for each in joined if each[1] != MATCH_KIND_SIMILAR]
        assert joined == whole


async def test_a_page_has_twenty_profiles_by_default_and_ends_at_a_mebibyte(
    stub: ArtistServiceStub, admin: asyncpg.Connection
) -> None:
    for number in range(101):
        user_id = await add_user(admin, f"{uuid4()}@example.com")
        await add_artist(admin, user_id, f"Crowd {number:03}")
    first = await search(stub, "crowd", include_unverified=True)
    assert [name for name, _ in shown(first)] == [f"Crowd {number:03}" for number in range(20)]
    most = await search(stub, "crowd", 1000, include_unverified=True)
    assert len(most.matches) == 100
    await admin.execute(
        "UPDATE users.artist_profiles SET bio = repeat('\U0001f3b5', 2000) WHERE artist_name LIKE 'Crowd %'"
    )
    large = await search(stub, "crowd", 1000, include_unverified=True)
    assert large.ByteSize() < 1 << 20
    rest = await search(stub, "crowd", 1000, large.next_page_token, include_unverified=True)
    assert len({match.artist_profile.id for page in (large, rest) for match in page.matches}) == 101


@pytest.mark.parametrize("query", ["", "\u00b4", "\u200b", "a" * 101])
async def test_a_query_without_searchable_text_is_refused(stub: ArtistServiceStub, query: str) -> None:
    error = await refused(search(stub, query), InvalidFieldsError, _DOMAIN)
    assert [violation.field for violation in error.violations] == ["query"]


async def test_a_page_token_of_another_search_is_refused(stub: ArtistServiceStub) -> None:
    token = (await search(stub, "metallica", 1)).next_page_token
    for other in (
        search(stub, "metallic", 1, token),
        search(stub, "metallica", 1, token, include_unverified=True),
        search(stub, "metallica", 1, token, caller=_BOB),
        search(stub, "metallica", 1, token[:-2]),
    ):
        await refused(other, PageTokenMismatchError, _DOMAIN)


@pytest.mark.usefixtures("stub")
async def test_searches_of_one_user_are_limited(database: Database) -> None:
    limits = {"artist_search_rate_per_second": 0.001, "artist_search_burst": 2}
    async with running(Settings, build, database, **limits) as service:
        limited = ArtistServiceStub(service.channel)
        for _ in range(2):
            await search(limited, "u2")
        error = await refused(search(limited, "u2"), RateLimitedError, _DOMAIN)
        assert error.retry_after is not None
        assert shown(await search(limited, "u2", caller=_BOB))


async def test_searches_leave_connections_to_other_calls(
    stub: ArtistServiceStub, uncached: Running, admin: asyncpg.Connection
) -> None:
    slots = uncached.process.settings.db_pool_max - 2
    async with admin.transaction():
        # Searches wait for the lock. Other statements don't need the table.
        await admin.execute("LOCK TABLE users.artist_profiles IN ACCESS EXCLUSIVE MODE")
        searching = {asyncio.create_task(search(stub, "u2", caller=f"{n}@example.com")) for n in range(30)}
        while len(searching) > slots:
            done, searching = await asyncio.wait(searching, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                await refused(each, OverloadedError, _DOMAIN)
        await call(UserServiceStub(uncached.channel).GetUser, GetUserRequest(), user("newcomer@example.com"))
    assert all(shown(each) for each in await asyncio.gather(*searching))


async def test_one_user_has_half_of_the_slots(
    stub: ArtistServiceStub, uncached: Running, admin: asyncpg.Connection
) -> None:
    share = (uncached.process.settings.db_pool_max - 2) // 2
    async with admin.transaction():
        await admin.execute("LOCK TABLE users.artist_profiles IN ACCESS EXCLUSIVE MODE")
        searching = {asyncio.create_task(search(stub, "u2")) for _ in range(10)}
        while len(searching) > share:
            done, searching = await asyncio.wait(searching, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                await refused(each, RateLimitedError, _DOMAIN)
    assert all(shown(each) for each in await asyncio.gather(*searching))


@pytest.fixture
async def cached_users(database: Database) -> AsyncIterator[Running]:
    """The users service, reusing pages for longer than the test takes."""
    async with running(Settings, build, database, artist_search_cache_ms=60_000) as service:
        yield service


@pytest.mark.usefixtures("stub")
async def test_a_page_is_reused_by_everybody_until_the_next_change(
    cached_users: Running, admin: asyncpg.Connection
) -> None:
    cached = ArtistServiceStub(cached_users.channel)
    user_id = await add_user(admin, "reused@example.com")
    await add_artist(admin, user_id, "Reused")
    first = await search(cached, "reused", include_unverified=True)
    (match,) = first.matches
    await search(cached, "reused")
    with cached_users.counting() as statements:
        for caller in (_ADA, _BOB):
            assert shown(await search(cached, " RÉUSED", include_unverified=True, caller=caller)) == shown(
                first
            )
        assert not shown(await search(cached, "reused", caller=_BOB))
    assert "users.search_all_artists" not in statements
    changed = UpdateArtistRequest(
        artist_profile=ArtistProfile(id=match.artist_profile.id, artist_name="Reused 2")
    )
    await call(cached.UpdateArtist, changed, user("reused@example.com"))
    assert shown(await search(cached, "reused", include_unverified=True)) == [("Reused 2", MATCH_KIND_PREFIX)]
    deleted = DeleteArtistRequest(artist_profile_id=match.artist_profile.id)
    await call(cached.DeleteArtist, deleted, user("reused@example.com"))
    assert not shown(await search(cached, "reused", include_unverified=True))
    created = CreateArtistRequest(artist_profile=ArtistProfile(artist_name="Reused 3"))
    await call(cached.CreateArtist, created, user("reused@example.com"))
    assert shown(await search(cached, "reused", include_unverified=True)) == [("Reused 3", MATCH_KIND_PREFIX)]


@pytest.mark.usefixtures("stub")
async def test_a_reused_page_expires(database: Database, admin: asyncpg.Connection) -> None:
    user_id = await add_user(admin, "expiring@example.com")
    await add_artist(admin, user_id, "Expiring")
    async with running(Settings, build, database, artist_search_cache_ms=50) as service:
        cached = ArtistServiceStub(service.channel)
        assert shown(await search(cached, "expiring", include_unverified=True))
        # Another process changes it.
        await admin.execute("DELETE FROM users.artist_profiles WHERE artist_name = 'Expiring'")
        while shown(await search(cached, "expiring", include_unverified=True)):
            pass
