"""The rules of reactions: their order, and what tallies become."""

from __future__ import annotations

import uuid

import pytest

from servicekit.clock import Micros
from servicekit.errors import CallerSuspendedError, ServiceError
from services.chat.domain import errors
from services.chat.domain.model import Tally
from services.chat.domain.reactions import (
    ReactionContext,
    TallyColumns,
    add,
    check_distinct_limit,
    check_reaction,
    remove,
)
from services.chat.domain.visibility import CallerMembership

ROOM, MESSAGE = uuid.uuid4(), uuid.uuid4()
AT = Micros(1_000_000)
# Everything that can be in the way, and what takes each away, in the contract's order.
_NOBODY = CallerMembership(
    private=True, role=None, invited=False, banned=True, muted=True, muted_on_platform=True, suspended=True
)
_WORST = ReactionContext(_NOBODY, AT, AT, None, deleted=True, tallies=TallyColumns(["👍"], [2], [AT], [True]))
_STEPS: list[tuple[type[ServiceError], dict[str, object]]] = [
    (errors.RoomNotFoundError, {"private": False}),
    (CallerSuspendedError, {"suspended": False}),
    (errors.BannedError, {"banned": False}),
    (errors.NotAMemberError, {"role": "MEMBER"}),
    (errors.CallerMutedError, {"muted": False}),
    (errors.CallerMutedError, {"muted_on_platform": False}),
    (errors.RoomArchivedError, {"archived_at": None}),
    (errors.RoomLockedError, {"locked_at": None}),
    (errors.MessageNotFoundError, {"seq": 7}),
    (errors.MessageDeletedError, {"deleted": False}),
]


def test_rules_are_asked_in_the_contract_s_order() -> None:
    facts = _WORST
    for error, remedy in _STEPS:
        with pytest.raises(ServiceError) as raised:
            check_reaction(ROOM, MESSAGE, facts)
        assert type(raised.value) is error
        membership = {name: remedy[name] for name in remedy if name in CallerMembership._fields}
        facts = facts._replace(membership=facts.membership._replace(**membership))  # type: ignore[arg-type]  # one field's value each
        facts = facts._replace(**{name: remedy[name] for name in remedy if name not in membership})  # type: ignore[arg-type]  # one field's value each
    assert check_reaction(ROOM, MESSAGE, facts) == [Tally(AT, "👍", 2, me=True)]


def test_no_room_is_not_found() -> None:
    with pytest.raises(errors.RoomNotFoundError):
        check_reaction(ROOM, MESSAGE, None)


def test_an_invited_guest_is_told_to_join() -> None:
    guest = _WORST._replace(membership=_NOBODY._replace(invited=True, banned=False, suspended=False))
    with pytest.raises(errors.NotAMemberError):
        check_reaction(ROOM, MESSAGE, guest)


def test_the_limit_is_of_distinct_emojis() -> None:
    tallies = [Tally(AT, f":{n}:", 1, me=False) for n in range(20)]
    check_distinct_limit(tallies, ":3:")
    check_distinct_limit(tallies[:19], ":new:")
    with pytest.raises(errors.ReactionLimitError):
        check_distinct_limit(tallies, ":new:")


def test_tallies_after_giving_and_taking_back() -> None:
    one = add([], "👍", AT)
    assert one == [Tally(AT, "👍", 1, me=True)]
    others = [Tally(AT, "👍", 3, me=False), Tally(AT, "🎵", 1, me=True)]
    more = add(others, "👍", Micros(AT + 5))
    assert more == [Tally(AT, "👍", 4, me=True), others[1]]
    assert remove(more, "👍") == others
    assert remove(others, "🎵") == others[:1]
