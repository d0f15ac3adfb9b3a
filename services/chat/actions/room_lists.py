"""RoomService: list_public_rooms, list_my_rooms."""

from __future__ import annotations

from folding import needle
from servicekit.caller import Caller
from servicekit.errors import PageTokenMismatchError
from servicekit.pages import MAX_BYTES, decode_token, encode_token, fingerprint, only_id, page_of
from services.chat.actions.deps import Deps
from services.chat.actions.response_size import text_bytes, value_bytes
from services.chat.domain.model import MyRoom, Room
from services.chat.domain.pagination import fitting
from services.chat.domain.room_search import FIRST_ID, LIKEST, START, Place, Stage, stages
from services.chat.store import my_rooms
from services.chat.store import room_listing as store
from services.chat.store.room_listing import PublicRow
from services.chat.store.rooms import SEARCHED_LETTERS, searchable

# What a room costs on the wire beside its texts and its newest message: ids, times, counts, the place in it.
_OVERHEAD_BYTES = 500


async def list_public_rooms(
    deps: Deps, caller: Caller, query: str, page_size: int, page_token: str
) -> tuple[list[tuple[Room, bool]], str]:
    """A page of rooms, each with whether the caller is a member, and the next page's token.

    One statement per stage that the page has part in, at most three; without a query one.
    """
    wanted = needle(searchable(query))
    mark = fingerprint("ListPublicRooms", caller.user_id, query)
    rows: list[tuple[Stage, PublicRow]] = []
    for place in stages(wanted, _place(page_token, mark)):
        # One more than is shown tells whether there is a next page.
        count = page_size + 1 - len(rows)
        found = await store.public_rooms(deps.database, caller.user_id, wanted, place, count)
        rows += [(place.stage, row) for row in found]
        if len(rows) > page_size:
            break
    shown, token = page_of(rows, page_size, lambda last: _token(mark, *last))
    return [(row.room, row.member) for _, row in shown], token


async def list_my_rooms(
    deps: Deps, caller: Caller, page_size: int, page_token: str
) -> tuple[list[MyRoom], str, str]:
    """A page of the caller's rooms, the next page's token, and the epoch; one statement."""
    mark = fingerprint("ListMyRooms", caller.user_id)
    after = only_id(decode_token(page_token, mark).texts) if page_token else FIRST_ID
    found = await my_rooms.mine(deps.database, caller.user_id, after, page_size + 1)
    fit, _ = fitting(found[:page_size], _bytes, MAX_BYTES)
    shown, token = page_of(found, len(fit), lambda last: encode_token(mark, texts=[str(last.room.id)]))
    return shown, token, deps.epoch.value


def _token(mark: int, stage: Stage, row: PublicRow) -> str:
    return encode_token(mark, (stage, row.likeness), (row.search_name, str(row.id)))


def _place(page_token: str, mark: int) -> Place:
    if not page_token:
        return START
    token = decode_token(page_token, mark)
    match list(token.numbers), list(token.texts):
        case [stage, likeness], [name, room_id] if (
            stage in set(Stage) and 0 <= likeness <= LIKEST and _is_storable(name)
        ):
            return Place(Stage(stage), name, likeness, only_id([room_id]))
        case _:
            raise PageTokenMismatchError


def _is_storable(name: str) -> bool:
    return "\0" not in name and len(name) <= SEARCHED_LETTERS


def _bytes(my: MyRoom) -> int:
    message = 0 if my.last_message is None else value_bytes(my.last_message)
    return _OVERHEAD_BYTES + text_bytes((my.room.name, my.room.description)) + message
