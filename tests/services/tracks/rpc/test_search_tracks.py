"""SearchTracks over a real channel: order, pages, tokens."""

import base64
import unicodedata
from collections.abc import AsyncIterator

import asyncpg
import pytest

from seda.rpc.internal.v1.page_token_pb2 import PageToken
from seda.tracks.internal.v1.catalog_service_pb2 import MarkTracksListedRequest, UpsertTrackRequest
from seda.tracks.internal.v1.catalog_service_pb2_grpc import CatalogServiceStub
from seda.tracks.v1.track_pb2 import Track
from seda.tracks.v1.track_service_pb2 import SearchTracksRequest, SearchTracksResponse
from seda.tracks.v1.track_service_pb2_grpc import TrackServiceStub
from servicekit.errors import InvalidFieldsError, PageTokenMismatchError, RateLimitedError
from services.tracks.app import build
from services.tracks.config import Settings
from tests.postgres import Database
from tests.services.running import Running, call, refused, running, service, user

_DOMAIN = "tracks.seda.fm"
_ADA = "ada@example.com"
_STORED = [
    ("Lemon", "米津玄師"),
    ("Lemon Tree", "Fool's Garden"),
    ("Lemonade", "Beyoncé"),
    ("Kémon", "Somebody"),
    ("A lemon a day", "Somebody"),
    ("Sour", "Blind Melon"),
    ("Best of U2", "Various"),
    ("One", "U2"),
    ("100% Pure Love", "Crystal"),
    ("1000 Miles", "Vanessa"),
    ("Under_score", "Back\\slash"),
    ("Underscore", "Backslash"),
]


async def store(catalog: CatalogServiceStub, request: UpsertTrackRequest) -> Track:
    """Store a track as one that was posted in a public room."""
    track = (await call(catalog.UpsertTrack, request, service("chat", "tracks"))).track
    listing = MarkTracksListedRequest(track_ids=[track.id])
    await call(catalog.MarkTracksListed, listing, service("chat", "tracks"))
    return track


@pytest.fixture(scope="module")
async def stub(tracks: Running) -> TrackServiceStub:
    catalog = CatalogServiceStub(tracks.channel)
    for number, (title, artist) in enumerate(_STORED):
        link = f"https://youtu.be/search-{number:04}"
        request = UpsertTrackRequest(input=link, title=title, artist=artist)
        await store(catalog, request)
    return TrackServiceStub(tracks.channel)


async def find(
    stub: TrackServiceStub, query: str, size: int = 0, token: str = "", caller: str = _ADA
) -> SearchTracksResponse:
    request = SearchTracksRequest(query=query, page_size=size, page_token=token)
    return await call(stub.SearchTracks, request, user(caller))


async def titles(stub: TrackServiceStub, query: str) -> list[str]:
    return [track.title for track in (await find(stub, query)).tracks]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("lemon", ["Lemon Tree", "Lemon", "Lemonade", "A lemon a day"]),
        ("  LÉMON  tree ", ["Lemon Tree"]),
        ("ｌｅｍｏｎａｄｅ", ["Lemonade"]),  # noqa: RUF001 - as Japanese keyboards write it
        ("beyonce", ["Lemonade"]),
        ("U2", ["Best of U2", "One"]),
        ("米津", ["Lemon"]),
        ("津玄", ["Lemon"]),
        ("津", ["Lemon"]),
        ("津師", []),
        ("one u2", ["One"]),
        ("lemonate", ["Lemonade"]),
        ("nothing like it", []),
        # An exact match with the sign sorts before a fuzzy one without.
        ("100%", ["100% Pure Love", "1000 Miles"]),
        ("under_s", ["Under_score", "Underscore"]),
        ("back\\sl", ["Under_score"]),
        ("%", []),
        ("u_", []),
        ("k\\s", []),
        ("!?", []),
    ],
)
async def test_search_tracks_gives_the_best_first(
    stub: TrackServiceStub, query: str, expected: list[str]
) -> None:
    assert await titles(stub, query) == expected


@pytest.mark.parametrize(
    "query", ["a" + "\u2057" * 199, "\ufdfa" * 200, "각" * 200, "\U0001d400" * 200, "½" * 200]
)
async def test_search_tracks_for_a_long_word_finds_nothing(stub: TrackServiceStub, query: str) -> None:
    assert not (await find(stub, query)).tracks


@pytest.mark.parametrize("title", ["½ Mensch", "\ufdfa", "㌀\u2057", "방탄소년단", "हिन्दी", "ﬁn \u0149"])
async def test_search_tracks_normalizes_queries_as_titles(
    stub: TrackServiceStub, tracks: Running, title: str
) -> None:
    link = f"https://youtu.be/fold-{title.encode().hex()[:6]:0>6}"
    request = UpsertTrackRequest(input=link, title=title, artist="Zzz")
    stored = await store(CatalogServiceStub(tracks.channel), request)
    for query in (title, unicodedata.normalize("NFD", title), f"{title} zzz", title.upper()):
        assert stored.title in await titles(stub, query), query


async def test_search_tracks_gives_whole_tracks(stub: TrackServiceStub) -> None:
    (track,) = (await find(stub, "1000 mil")).tracks
    assert (track.title, track.artist, track.provider) == ("1000 Miles", "Vanessa", "youtube")


async def test_search_tracks_by_pages_gives_each_once_in_the_same_order(stub: TrackServiceStub) -> None:
    # "lemon" spans several tiers per page; "lemonate" matches only fuzzily.
    for query in ("lemon", "u2", "lemonate", "e"):
        whole = [track.id for track in (await find(stub, query)).tracks]
        for size in (1, 2, 3):
            paged: list[str] = []
            token = ""
            while True:
                page = await find(stub, query, size, token)
                paged += [track.id for track in page.tracks]
                token = page.next_page_token
                if not token:
                    break
                assert len(page.tracks) == size
            # Fuzzy matches only fill up a first page.
            assert paged == whole or (paged == whole[: len(paged)] and len(paged) >= size)


async def test_search_tracks_has_20_on_a_page_and_100_at_most(
    stub: TrackServiceStub, admin: asyncpg.Connection
) -> None:
    await admin.execute(
        "INSERT INTO tracks.track_refs (id, provider, provider_id, url, title, search_text, listed_at)"
        " SELECT gen_random_uuid(), 'youtube', 'page' || n, 'https://page.example/' || n, 'Page', 'page ' || n, now()"
        " FROM generate_series(1, 130) AS n"
    )
    for size, shown in ((0, 20), (7, 7), (100, 100), (101, 100)):
        page = await find(stub, "page", size)
        assert (len(page.tracks), bool(page.next_page_token)) == (shown, True)


async def test_search_tracks_finds_only_the_new_title(stub: TrackServiceStub, tracks: Running) -> None:
    catalog = CatalogServiceStub(tracks.channel)
    link = "https://youtu.be/changing-01"
    await store(catalog, UpsertTrackRequest(input=link, title="Quixotic"))
    assert await titles(stub, "quixotic") == ["Quixotic"]
    assert await titles(stub, "windmill") == []
    await store(catalog, UpsertTrackRequest(input=link, artist="Windmill"))
    assert await titles(stub, "windmill") == await titles(stub, "quixotic windmill") == ["Quixotic"]


async def test_search_tracks_refuses_other_queries_and_tokens(stub: TrackServiceStub) -> None:
    token = (await find(stub, "lemon", 1)).next_page_token
    await refused(find(stub, "lemonade", 1, token), PageTokenMismatchError, _DOMAIN)
    await refused(find(stub, "lemon", 1, token, "bob@example.com"), PageTokenMismatchError, _DOMAIN)
    await refused(find(stub, "lemon", 1, "broken"), PageTokenMismatchError, _DOMAIN)
    for query in ("", "x" * 201):
        await refused(find(stub, query), InvalidFieldsError, _DOMAIN)
    # Only combining marks: the normalized query is empty.
    error = await refused(find(stub, "\u0301\u200b"), InvalidFieldsError, _DOMAIN)
    assert [violation.field for violation in error.violations] == ["query"]


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ([], []),
        ([0], ["01a204cc-5da6-77ca-be04-fb6c8b4af052", "x"]),
        ([3, 0], ["01a204cc-5da6-77ca-be04-fb6c8b4af052", "x"]),
        ([-1, 0], ["01a204cc-5da6-77ca-be04-fb6c8b4af052", "x"]),
        ([2, 1 << 40], ["01a204cc-5da6-77ca-be04-fb6c8b4af052", "x"]),
        ([1, 0], ["no id", "x"]),
        ([1, 0], ["01a204cc-5da6-77ca-be04-fb6c8b4af052", "\0"]),
        ([1, 0], ["01a204cc-5da6-77ca-be04-fb6c8b4af052"]),
    ],
)
async def test_search_tracks_refuses_forged_tokens(
    stub: TrackServiceStub, numbers: list[int], texts: list[str]
) -> None:
    genuine = (await find(stub, "lemon", 1)).next_page_token
    token = PageToken.FromString(base64.urlsafe_b64decode(genuine + "=" * (-len(genuine) % 4)))
    forged = PageToken(fingerprint=token.fingerprint, numbers=numbers, texts=texts)
    text = base64.urlsafe_b64encode(forged.SerializeToString()).decode().rstrip("=")
    await refused(find(stub, "lemon", 1, text), PageTokenMismatchError, _DOMAIN)


async def test_search_tracks_pages_through_the_longest_texts(stub: TrackServiceStub, tracks: Running) -> None:
    catalog = CatalogServiceStub(tracks.channel)
    long = "\U0001f3b5" * 500
    for n in range(3):
        request = UpsertTrackRequest(input=f"https://youtu.be/longest---{n}", title=long, artist=long)
        await store(catalog, request)
    seen, token = set[str](), ""
    for _ in range(3):
        page = await find(stub, "\U0001f3b5\U0001f3b5", 1, token)
        seen |= {track.id for track in page.tracks}
        token = page.next_page_token
    assert (len(seen), token) == (3, "")


async def test_search_tracks_costs_one_statement_for_a_full_page_and_three_at_most(
    stub: TrackServiceStub, tracks: Running
) -> None:
    await find(stub, "lemon")
    for query, size, expected in (
        ("page", 20, ["tracks.search_prefix"]),
        ("lemon", 4, ["tracks.search_prefix", "tracks.search_substring", "tracks.search_fuzzy"]),
        ("u2", 20, ["tracks.search_prefix", "tracks.search_words"]),
        ("!!!", 20, ["tracks.search_prefix"]),
    ):
        with tracks.counting() as statements:
            await find(stub, query, size)
        assert statements == expected


@pytest.fixture
async def patient(database: Database, users: Running) -> AsyncIterator[TrackServiceStub]:
    """A tracks process with a low search rate limit."""
    limits = {"search_rate_per_second": 0.001, "search_burst": 2}
    async with running(Settings, build, database, users_target=users.address, **limits) as made:
        yield TrackServiceStub(made.channel)


async def test_search_tracks_is_rate_limited(patient: TrackServiceStub) -> None:
    # Invalid requests do not count towards the limit.
    await refused(find(patient, " "), InvalidFieldsError, _DOMAIN)
    await refused(find(patient, "sour", token="x"), PageTokenMismatchError, _DOMAIN)
    for _ in range(2):
        await find(patient, "sour")
    error = await refused(find(patient, "sour"), RateLimitedError, _DOMAIN)
    assert 900 < (error.retry_after or 0) <= 1000
    # The limit is per user.
    await find(patient, "sour", caller="bob@example.com")
