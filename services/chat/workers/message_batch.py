"""One batch of sends: one transaction that locks the rooms, reads, decides and writes."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from uuid import UUID

from servicekit.clock import Micros
from servicekit.database import Database, Session
from servicekit.errors import ServiceError
from services.chat.actions.deps import Sent
from services.chat.domain.errors import RequestIdReusedError, RoomNotFoundError, SlowModeError
from services.chat.domain.message_send import SendDraft, SendFacts, check_send, earlier_send, is_slowed
from services.chat.domain.model import Message
from services.chat.domain.visibility import check_known
from services.chat.store import message_send, room_transaction
from services.chat.store.message_send import Accepted
from services.chat.store.room_transaction import LockRow


class Skipped(enum.Enum):
    """The room's lock was somebody else's; the draft waits for it on its own."""

    SKIPPED = enum.auto()


Outcome = Sent | ServiceError | Skipped


async def write_batch(
    database: Database,
    drafts: Sequence[SendDraft],
    *,
    wait: bool,
    perhaps_written: bool,
    charge: Callable[[SendDraft], None],
) -> list[Outcome]:
    """Write drafts of any rooms; gives each its own outcome, in their order.

    Without `wait`, drafts for rooms whose lock is taken are Skipped. Raises what befalls the whole
    transaction; then nothing is written, but for OutcomeUnknownError, after which drafts must be tried
    with `perhaps_written`. `charge` is called for each draft that passes all other rules, and refuses
    those of authors who send too often.
    """
    async with database.transaction() as session:
        locked = await _lock(session, drafts, wait=wait, perhaps_written=perhaps_written)
        facts = await message_send.facts(session, drafts, perhaps_written=perhaps_written)
        plan = _Plan(locked, charge, perhaps_written=perhaps_written)
        for draft, fact in zip(drafts, facts, strict=True):
            plan.decide(draft, fact)
        if plan.accepted:
            plan.written = await message_send.write(session, plan.accepted)
    return plan.outcomes()


async def _lock(
    session: Session, drafts: Sequence[SendDraft], *, wait: bool, perhaps_written: bool
) -> dict[UUID, LockRow]:
    """Lock the drafts' rooms. A batch that waits is of one room, and waits only if one of the authors may know of it."""
    room_ids = list({draft.room_id for draft in drafts})
    if not wait or perhaps_written:
        # What became of an earlier try is certain only when the lock that it may still hold is free.
        return await room_transaction.lock(session, room_ids, wait=wait)
    (room_id,) = room_ids
    row = await room_transaction.lock_known(session, room_id, list({draft.user_id for draft in drafts}))
    return {} if row is None else {room_id: row}


class _Plan:
    """Numbers the drafts that pass the rules, one after the other, as if each were alone."""

    def __init__(
        self,
        locked: dict[UUID, LockRow],
        charge: Callable[[SendDraft], None],
        *,
        perhaps_written: bool = False,
    ) -> None:
        self._locked = locked
        self._charge = charge
        self._perhaps_written = perhaps_written
        self._numbers = {room_id: (row.last_seq, row.last_rev) for room_id, row in locked.items()}
        self._decided: list[Accepted | Outcome] = []
        self._by_request: dict[tuple[UUID, UUID, UUID], Accepted] = {}
        self._slowed: dict[tuple[UUID, UUID], float] = {}
        self.accepted: list[Accepted] = []
        self.written: dict[UUID, Micros] = {}

    def decide(self, draft: SendDraft, facts: SendFacts) -> None:
        """Accept or refuse one draft."""
        try:
            self._decided.append(self._decide(draft, facts))
        except ServiceError as error:
            self._decided.append(error)

    def outcomes(self) -> list[Outcome]:
        """Each draft's outcome, once the accepted ones are written."""
        return [self._outcome(decided) for decided in self._decided]

    def _decide(self, draft: SendDraft, facts: SendFacts) -> Accepted | Outcome:
        if not facts.room_exists:
            raise RoomNotFoundError(draft.room_id)
        if draft.room_id not in self._locked:
            if not self._perhaps_written:
                # Nobody waits for the lock of a room that they may not know of.
                check_known(draft.room_id, facts)
            return Skipped.SKIPPED
        if facts.written_seq is not None:
            # An earlier try of this very draft wrote it, and its answer got lost.
            return Sent(facts.written_seq, deduplicated=False)
        prior_seq = earlier_send(draft, facts)
        if prior_seq is not None:
            return Sent(prior_seq, deduplicated=True)
        twin = self._twin(draft)
        if twin is not None:
            return Sent(twin.seq, deduplicated=True)
        place = check_send(draft, facts)
        self._check_pace(draft)
        self._charge(draft)
        if is_slowed(facts):
            self._slowed[draft.room_id, draft.user_id] = facts.slow_mode_seconds
        seq, rev = self._numbers[draft.room_id]
        accepted = Accepted(draft, place, seq + 1, rev + 1, slow=facts.slow_mode_seconds > 0)
        self._numbers[draft.room_id] = (seq + 1, rev + 1)
        self.accepted.append(accepted)
        if draft.request_id is not None:
            self._by_request[draft.room_id, draft.user_id, draft.request_id] = accepted
        return accepted

    def _twin(self, draft: SendDraft) -> Accepted | None:
        """The draft of this batch with the same request id, which is the one that is written."""
        if draft.request_id is None:
            return None
        twin = self._by_request.get((draft.room_id, draft.user_id, draft.request_id))
        if twin is not None and twin.draft.payload_hash != draft.payload_hash:
            raise RequestIdReusedError(draft.request_id)
        return twin

    def _check_pace(self, draft: SendDraft) -> None:
        """Slow mode between the drafts of this batch: the table knows nothing of them yet."""
        wait = self._slowed.get((draft.room_id, draft.user_id))
        if wait is not None:
            raise SlowModeError(wait)

    def _outcome(self, decided: Accepted | Outcome) -> Outcome:
        if isinstance(decided, Accepted):
            message = _message(decided, self.written[decided.draft.message_id])
            return Sent(decided.seq, deduplicated=False, message=message)
        return decided


def _message(item: Accepted, created_at: Micros) -> Message:
    draft, place = item.draft, item.place
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
        root_id=place.root_id,
        reply_to_id=place.reply_to_id or place.root_id,
    )
