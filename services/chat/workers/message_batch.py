"""One batch of sends: one transaction that locks the rooms, reads, decides and writes."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.errors import ServiceError
from services.chat.actions.deps import SendResult
from services.chat.domain.errors import RequestIdReusedError, RoomNotFoundError, SlowModeError
from services.chat.domain.message_search import search_text
from services.chat.domain.message_send import (
    SendContext,
    SendDraft,
    check_send,
    find_duplicate,
    slow_mode_applies,
)
from services.chat.domain.model import Message
from services.chat.domain.visibility import check_room_visible
from services.chat.store import message_send, room_transaction
from services.chat.store.message_send import Accepted
from services.chat.store.room_transaction import CountersRow

MAX_NORMALIZED_CHARACTERS = 2_000
"""How much text beyond ASCII a batch normalizes for search while it holds the room locks: about 3 ms."""


class NotWritten(enum.Enum):
    """Why an acceptable draft was not written by a batch.

    LOCK_BUSY: the room lock was taken; the draft has to wait for it in a batch of its room.
    NO_SEARCH_TEXT: the draft is charged; its text has to be normalized before its next batch.
    """

    LOCK_BUSY = enum.auto()
    NO_SEARCH_TEXT = enum.auto()


Outcome = SendResult | ServiceError | NotWritten


async def write_batch(
    database: Database,
    drafts: Sequence[SendDraft],
    *,
    wait: bool,
    outcome_unknown: bool,
    charge: Callable[[SendDraft], None],
) -> list[Outcome]:
    """Write drafts of any rooms; returns the outcome of each, in their order.

    Without `wait`, drafts for rooms whose lock is taken are LOCK_BUSY. An error of the
    transaction is raised; nothing is written then, except after OutcomeUnknownError, after which the drafts must be
    retried with `outcome_unknown`. `charge` applies the rate limit to each draft that passes all other rules.
    """
    async with database.transaction() as session:
        locked = await _lock(session, drafts, wait=wait, outcome_unknown=outcome_unknown)
        contexts = await message_send.send_context(session, drafts, outcome_unknown=outcome_unknown)
        plan = _BatchPlan(locked, charge, outcome_unknown=outcome_unknown)
        for draft, context in zip(drafts, contexts, strict=True):
            plan.decide(draft, context)
        if plan.accepted:
            plan.written_at = await message_send.write(session, plan.accepted)
    return plan.outcomes()


async def _lock(
    session: Session, drafts: Sequence[SendDraft], *, wait: bool, outcome_unknown: bool
) -> dict[UUID, CountersRow]:
    """Lock the drafts' rooms. A batch that waits is of one room, and waits only if the room is visible to an author."""
    room_ids = list({draft.room_id for draft in drafts})
    if not wait or outcome_unknown:
        # The outcome of an earlier try is known only once the lock that it may still hold is free.
        return await room_transaction.lock_rooms(session, room_ids, wait=wait)
    (room_id,) = room_ids
    row = await room_transaction.lock_visible_room(
        session, room_id, list({draft.user_id for draft in drafts})
    )
    return {} if row is None else {room_id: row}


class _BatchPlan:
    """Applies the rules to the drafts in order, and numbers the accepted ones."""

    def __init__(
        self,
        locked: dict[UUID, CountersRow],
        charge: Callable[[SendDraft], None],
        *,
        outcome_unknown: bool = False,
    ) -> None:
        self._locked = locked
        self._charge = charge
        self._outcome_unknown = outcome_unknown
        self._numbers = {room_id: (row.last_seq, row.last_rev) for room_id, row in locked.items()}
        self._decided: list[Accepted | Outcome] = []
        self._by_request: dict[tuple[UUID, UUID, UUID], Accepted] = {}
        self._normalizable = MAX_NORMALIZED_CHARACTERS
        self._slow_mode_waits: dict[tuple[UUID, UUID], float] = {}
        self.accepted: list[Accepted] = []
        self.written_at = Micros(0)

    def decide(self, draft: SendDraft, context: SendContext) -> None:
        """Accept or reject one draft."""
        try:
            self._decided.append(self._decide(draft, context))
        except ServiceError as error:
            self._decided.append(error)

    def outcomes(self) -> list[Outcome]:
        """Return each draft's outcome, after the accepted ones are written."""
        return [self._outcome(decided) for decided in self._decided]

    def _decide(self, draft: SendDraft, context: SendContext) -> Accepted | Outcome:
        if context.membership is None:
            raise RoomNotFoundError(draft.room_id)
        if draft.room_id not in self._locked:
            if not self._outcome_unknown:
                # A hidden room is rejected without waiting for its lock.
                check_room_visible(draft.room_id, context.membership)
            return NotWritten.LOCK_BUSY
        if context.written_seq is not None:
            # An earlier try wrote this draft, but its response was lost.
            return SendResult(context.written_seq, deduplicated=False)
        duplicate_seq = find_duplicate(draft, context)
        if duplicate_seq is not None:
            return SendResult(duplicate_seq, deduplicated=True)
        duplicate = self._duplicate_in_batch(draft)
        if duplicate is not None:
            return SendResult(duplicate.seq, deduplicated=True)
        position = check_send(draft, context)
        self._check_slow_mode_in_batch(draft)
        self._charge(draft)
        ready = self._with_search_text(draft)
        if ready is None:
            return NotWritten.NO_SEARCH_TEXT
        if slow_mode_applies(context):
            self._slow_mode_waits[draft.room_id, draft.user_id] = context.slow_mode_seconds or 0
        seq, rev = self._numbers[draft.room_id]
        accepted = Accepted(
            ready,
            position,
            seq + 1,
            rev + 1,
            slow=bool(context.slow_mode_seconds),
            private=context.membership.private,
        )
        self._numbers[draft.room_id] = (seq + 1, rev + 1)
        self.accepted.append(accepted)
        if draft.request_id is not None:
            self._by_request[draft.room_id, draft.user_id, draft.request_id] = accepted
        return accepted

    def _with_search_text(self, draft: SendDraft) -> SendDraft | None:
        """Return the charged draft with its search text; None when normalizing takes too long under the locks."""
        text = draft.text
        if text is None or draft.search_text is not None:
            return draft
        if not text.isascii():
            if len(text) > self._normalizable:
                return None
            self._normalizable -= len(text)
        return draft._replace(search_text=search_text(text))

    def _duplicate_in_batch(self, draft: SendDraft) -> Accepted | None:
        """Return the accepted draft of this batch with the same request id."""
        if draft.request_id is None:
            return None
        duplicate = self._by_request.get((draft.room_id, draft.user_id, draft.request_id))
        if duplicate is not None and duplicate.draft.payload_hash != draft.payload_hash:
            raise RequestIdReusedError(draft.request_id)
        return duplicate

    def _check_slow_mode_in_batch(self, draft: SendDraft) -> None:
        """Apply slow mode between drafts of this batch, which are not in the table yet."""
        wait = self._slow_mode_waits.get((draft.room_id, draft.user_id))
        if wait is not None:
            raise SlowModeError(wait)

    def _outcome(self, decided: Accepted | Outcome) -> Outcome:
        if isinstance(decided, Accepted):
            message = _message(decided, self.written_at)
            return SendResult(decided.seq, deduplicated=False, message=message)
        return decided


def _message(item: Accepted, created_at: Micros) -> Message:
    draft, position = item.draft, item.position
    return Message(
        id=draft.message_id,
        room_id=draft.room_id,
        seq=item.seq,
        rev=item.rev,
        user_id=draft.user_id,
        type=item.type,
        text=draft.text,
        track=draft.track,
        system_event=None,
        mention_user_ids=list(draft.mention_user_ids) or None,
        created_at=created_at,
        root_id=position.root_id,
        reply_to_id=position.reply_to_id or position.root_id,
    )
