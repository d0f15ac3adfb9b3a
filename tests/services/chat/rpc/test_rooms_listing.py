"""ListPublicRooms: order, search, pages."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from search_text import normalize_text, parse_query
from search_text.tiers import MAX_SIMILARITY, prefix_upper_bound
from seda.chat.v1.room_service_pb2 import ListPublicRoomsResponse
from servicekit.errors import PageTokenMismatchError
from servicekit.pagination import encode_token, fingerprint
from services.chat.domain.room_search import FIRST_ID
from services.chat.store import room_listing as store
from services.chat.store.rooms import search_name
from tests.postgres import PARTITIONS, Database
from tests.services.chat.chat_client import DOMAIN, ChatClient, new_user
from tests.services.chat.explain import Explainer
from tests.services.running import refused

_MANY = 20_000


@pytest.fixture
async def town(client: ChatClient) -> AsyncIterator[ChatClient]:
    """The world with no room that can be listed but those of the test."""
    await client.admin.execute("UPDATE chat.rooms SET archived_at = now() WHERE archived_at IS NULL")
    yield client
    await client.admin.execute("UPDATE chat.rooms SET archived_at = now() WHERE archived_at IS NULL")


async def rooms(client: ChatClient, *names: str) -> None:
    """Make public rooms."""
    ada = new_user()
    for name in names:
        await client.create_room(ada, name=name)


async def names(client: ChatClient, query: str = "", **fields: int) -> list[str]:
    """The names that a query finds, in order, over all pages."""
    eve, found, token = new_user(), [], ""
    while True:
        page: ListPublicRoomsResponse = await client.call(
            eve, "ListPublicRooms", query=query, page_token=token, **fields
        )
        found += [each.room.name for each in page.rooms]
        token = page.next_page_token
        if not token:
            return found


async def test_list_public_rooms_by_name_with_what_the_caller_is_there(town: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    await rooms(town, "zydeco", "Ambient", "éclat")
    await town.create_room(ada, name="hidden", private=True)
    away = await town.create_room(ada, name="away")
    await town.db.set_room(away.id, archived_at=None)
    await town.admin.execute("UPDATE chat.rooms SET archived_at = now() WHERE id = $1", away.id)
    mine = await town.create_room(ada, name="Mine", description="of two")
    await town.join_room(bob, mine.id)
    page = await town.call(bob, "ListPublicRooms")
    assert [each.room.name for each in page.rooms] == ["Ambient", "éclat", "Mine", "zydeco"]
    assert [each.member for each in page.rooms] == [False, False, True, False]
    assert page.rooms[2].room == (await town.get_room(bob, mine.id)).room
    assert page.rooms[2].room.member_count == 2
    assert not page.next_page_token


async def test_list_public_rooms_puts_better_matches_first(town: ChatClient) -> None:
    await rooms(town, "Soulful", "Neo-Soul", "soul", "The soul cellar", "Sould out", "Jazz", "Sol y sombra")
    # Exact, then what begins with it, then what has it within, each by name.
    assert await names(town, "SOUL") == ["soul", "Sould out", "Soulful", "Neo-Soul", "The soul cellar"]
    # What is only similar comes last, the likest first.
    await rooms(town, "Midnight jazz", "Midnigt", "Midnight", "At midnight")
    found = await names(town, "midnight")
    assert found == ["Midnight", "Midnight jazz", "At midnight", "Midnigt"]
    assert await names(town, "midnigth") == ["Midnigt", "At midnight", "Midnight", "Midnight jazz"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("a%b", ["a%b side"]),
        ("a_b", ["a_b side"]),
        ("c\\d", ["c\\d"]),
        ("%", []),
        ("_", []),
        ("\\", []),
        ("it's", ["It's 5 o'clock"]),
    ],
)
async def test_list_public_rooms_takes_every_character_for_itself(
    town: ChatClient, query: str, found: list[str]
) -> None:
    await rooms(town, "a%b side", "a_b side", "aXb side", "c\\d", "cXd", "It's 5 o'clock")
    assert await names(town, query) == found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("u2", ["U2 only", "Best of U2"]),
        ("米津", ["米津玄師", "Best of 米津玄師"]),
        ("津玄", ["Best of 米津玄師", "米津玄師"]),
        ("師", ["Best of 米津玄師", "米津玄師"]),
        ("玄師", ["Best of 米津玄師", "米津玄師"]),
        ("玄津", []),
        ("ж", ["Жизнь"]),
        ("жизнь", ["Жизнь"]),
        ("방탄소년단", ["방탄소년단 fans"]),
        ("beyonce", ["Beyoncé", "Ｂｅｙｏｎｃé club"]),
        ("m", ["M.I.A. and more"]),
        ("!!!", ["!!! (chk chk chk)"]),
        ("🎷", ["🎷 at night"]),
    ],
)
async def test_list_public_rooms_finds_short_and_foreign_names(
    town: ChatClient, query: str, found: list[str]
) -> None:
    await rooms(town, "U2 only", "Best of U2", "米津玄師", "Best of 米津玄師", "Жизнь", "방탄소년단 fans")
    await rooms(town, "Beyoncé", "Ｂｅｙｏｎｃé club", "M.I.A. and more", "!!! (chk chk chk)", "🎷 at night")
    assert await names(town, query) == found


async def test_list_public_rooms_with_a_query_of_nothing_visible_lists_all(town: ChatClient) -> None:
    await rooms(town, "One", "Two")
    assert await names(town, "  \u200b ") == ["One", "Two"]


@pytest.mark.parametrize("query", ["", "so", "soul", "soulz"])
async def test_list_public_rooms_pages_show_each_room_once(town: ChatClient, query: str) -> None:
    # Names that are equal, begin with the query, contain it and are only similar: a page ends in each stage.
    await rooms(town, *["soul"] * 3, "souls", "soulful", "old soul", "new soul", "new soul", "so il", "soulm")
    whole = await names(town, query, page_size=100)
    assert whole
    for size in (1, 2, 3):
        assert await names(town, query, page_size=size) == whole


async def test_list_public_rooms_pages_go_through_names_as_long_as_they_can_be(town: ChatClient) -> None:
    # Korean syllables fold into three letters each.
    long = ["각" * 80, "\ufdfa" * 80, "🎵" * 80, "米" * 80]
    await rooms(town, *long)
    assert len(search_name(long[0])) == 200 < len(normalize_text(long[0]))
    assert sorted(await names(town, page_size=1)) == sorted(long)
    for name in long:
        assert await names(town, name) == [name]


async def test_list_public_rooms_goes_on_at_its_place_whatever_was_renamed(town: ChatClient) -> None:
    ada = new_user()
    first, *_ = [await town.create_room(ada, name=name) for name in ("a", "b", "c")]
    page = await town.call(ada, "ListPublicRooms", page_size=1)
    await town.call(ada, "UpdateRoom", room={"id": first.id, "name": "z"}, update_mask={"paths": ["name"]})
    rest = await town.call(ada, "ListPublicRooms", page_token=page.next_page_token)
    assert [each.room.name for each in rest.rooms] == ["b", "c", "z"]


async def test_list_public_rooms_refuses_a_token_that_is_not_of_this_list(town: ChatClient) -> None:
    ada, bob = new_user(), new_user()
    await rooms(town, "soul one", "soul two")
    page = await town.call(ada, "ListPublicRooms", query="soul", page_size=1)
    token = page.next_page_token
    assert token
    ada_id = uuid.UUID(await town.db.user_id(ada))
    mark = fingerprint("ListPublicRooms", ada_id, "soul")
    broken = [
        encode_token(mark, (0,), ("soul", str(FIRST_ID))),
        encode_token(mark, (7, 0), ("soul", str(FIRST_ID))),
        encode_token(mark, (0, MAX_SIMILARITY + 1), ("soul", str(FIRST_ID))),
        encode_token(mark, (0, 0), ("so\0ul", str(FIRST_ID))),
        encode_token(mark, (0, 0), ("x" * 201, str(FIRST_ID))),
        encode_token(mark, (0, 0), ("soul", "7")),
        encode_token(mark, (0, 0), ("soul",)),
        "?",
    ]
    for email, query, wrong in [
        (ada, "sou", token),
        (bob, "soul", token),
        *((ada, "soul", b) for b in broken),
    ]:
        call = town.call(email, "ListPublicRooms", query=query, page_token=wrong)
        await refused(call, PageTokenMismatchError, DOMAIN)
    # A page size may change on the way.
    assert (await town.call(ada, "ListPublicRooms", query="soul", page_size=9, page_token=token)).rooms


async def test_list_public_rooms_runs_a_statement_per_stage(town: ChatClient) -> None:
    ada = new_user()
    await rooms(town, "soul one", "my soul")
    await town.call(ada, "ListPublicRooms")
    ways = {
        "": ["prefix"],
        "so": ["prefix", "words"],
        "soul": ["prefix", "substring", "fuzzy"],
    }
    for size in (2, 100):
        for query, stages in ways.items():
            with town.chat.counting() as statements:
                await town.call(ada, "ListPublicRooms", query=query, page_size=size)
            assert statements == [f"chat.public_rooms_{stage}" for stage in stages]
    with town.chat.counting() as statements:
        await town.call(ada, "ListPublicRooms", query="soul", page_size=1)
    assert statements == ["chat.public_rooms_prefix", "chat.public_rooms_substring"]


@pytest.mark.skipif(PARTITIONS > 0, reason="the indexes of partitions have other names")
async def test_public_rooms_are_found_by_indexes(town: ChatClient, database: Database) -> None:
    ada = uuid.uuid4()
    await town.admin.execute(
        """
        WITH made AS (
          INSERT INTO chat.rooms (id, name, search_name, created_by, rev)
          SELECT gen_random_uuid(), name, name, $2, 1
            FROM (SELECT substr(md5(n::text), 1, 12) || ' ' || n AS name FROM generate_series(1, $1::int) n) t
          RETURNING id
        ) INSERT INTO chat.room_counters (room_id, last_rev) SELECT id, 1 FROM made
        """,
        _MANY,
        ada,
    )
    # As autovacuum does: what was inserted at once would otherwise wait outside of the trigram index.
    await town.admin.execute("VACUUM (ANALYZE) chat.rooms, chat.room_counters, chat.room_memberships")
    explainer = await Explainer.connect(database)
    try:
        for explain in (explainer.plan, explainer.generic_plan):
            # The first page, one in the middle and the last one of the whole list.
            pages = [
                await explain(store._PREFIX, prefix_upper_bound(""), start, FIRST_ID, 51, ada)
                for start in ("", "8", "fffe")
            ]
            assert all("rooms_public_idx" in page.indexes for page in pages)
            assert pages[0].buffers < 500
            assert abs(pages[0].buffers - pages[1].buffers) <= 0.1 * pages[0].buffers
            abc, no = parse_query("abcd"), parse_query("77")
            after = ("", FIRST_ID, 51, ada)
            plans = [
                await explain(store._PREFIX, prefix_upper_bound("abcd"), "abcd", FIRST_ID, 51, ada),
                await explain(store._SUBSTRING, abc.substring_pattern, abc.prefix_pattern, *after),
                await explain(store._HAVING_WORDS, no.text, no.tsquery, *after),
                await explain(store._FUZZY, abc.text, abc.substring_pattern, MAX_SIMILARITY, *after),
            ]
            trigrams, words = "rooms_search_name_idx", "rooms_search_parts_idx"
            for plan, index in zip(plans, ("rooms_public_idx", trigrams, words, trigrams), strict=True):
                assert index in plan.indexes
                assert "rooms" not in plan.scanned
    finally:
        await explainer.close()


async def test_list_public_rooms_while_rooms_come_shows_no_room_twice(town: ChatClient) -> None:
    await rooms(town, *(f"room {n:02}" for n in range(20)))
    found, _ = await asyncio.gather(
        names(town, page_size=2), rooms(town, *(f"room {n:02} b" for n in range(20)))
    )
    assert {f"room {n:02}" for n in range(20)} <= set(found)
    assert found == sorted(found)
