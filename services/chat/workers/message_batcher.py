"""Group commit: concurrent sends are written together, many in one transaction.

While one batch is written, the next one gathers, so an idle process adds no delay and a busy one writes many messages
per commit. After a batch of several the next one gathers until as many drafts have come as were answered together, and
for some milliseconds at most, like PostgreSQL's commit_delay and commit_siblings: a batch costs about as much as ten
messages, and many callers with responses at the same time send again at the same time.

A room has one batch in flight at a time. When nothing else is in flight, a batch of one room waits for the room lock.
Every other batch skips locked rooms, and there is one of these at a time; a skipped room waits for its lock in a batch of
its own, on one of a few connections reserved for that, and blocks no other room.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from servicekit.call import Call, current_call
from servicekit.database import Database
from servicekit.errors import (
    Code,
    ConflictError,
    DatabaseUnavailableError,
    DeadlineExceededError,
    OutcomeUnknownError,
    ServiceError,
    ServiceUnavailableError,
)
from servicekit.rate_limit import RateLimiter
from servicekit.sql_errors import LockTimeoutError, UnexpectedDatabaseError
from servicekit.tracing import Tracing
from services.chat.actions.deps import SendResult
from services.chat.domain.message_search import search_text
from services.chat.domain.message_send import SendDraft
from services.chat.workers.message_batch import NotWritten, Outcome, write_batch

_log = structlog.get_logger("batcher")
MAX_BATCH = 200
MAX_WAITING_ROOMS = 3
"""The maximum number of rooms that wait for a lock at once, each on its own connection."""
SIBLINGS, DELAY_SECONDS, RECENT_SECONDS = 5, 0.003, 0.05
"""If a batch of at least SIBLINGS messages ended within RECENT_SECONDS, the next one gathers until as many drafts have
come again, for DELAY_SECONDS at most."""
_CONFLICT_TRIES = 3
_LOST_TRIES = 4
_FIRST_PAUSE = 0.05
# SQLSTATE classes of errors that one draft can cause for its whole batch: data exceptions, constraint violations.
_ITEM_ERROR_CLASSES = ("22", "23")
# Codes on which clients retry a call.
_RETRYABLE_CODES = frozenset({Code.UNAVAILABLE, Code.ABORTED, Code.RESOURCE_EXHAUSTED})


@dataclass(slots=True)
class _Item:
    draft: SendDraft
    deadline: float
    result: asyncio.Future[SendResult | NotWritten]
    call: Call | None = None
    outcome_unknown: bool = False
    """A try ended with an unknown outcome. Stays set until the draft's result is known."""

    @property
    def is_waiting(self) -> bool:
        """Return whether a caller still waits for the result."""
        return not self.result.done()


class MessageBatcher:
    """Gathers drafts and writes them in batches. Implements services.chat.actions.deps.Batcher.

    `observe` receives the number of messages of each transaction, `written` each room that has new ones.
    """

    def __init__(
        self,
        database: Database,
        limit: RateLimiter,
        observe: Callable[[int], object] = lambda _: None,
        written: Callable[[UUID], object] = lambda _: None,
        tracing: Tracing | None = None,
    ) -> None:
        self._database = database
        self._limit = limit
        self._observe = observe
        self._written = written
        self._tracing = tracing
        # Drafts in flight that were charged to the rate limit: a retried batch is charged once.
        self._charged: set[UUID] = set()
        self._normalizing = asyncio.Lock()
        self._pending: dict[UUID, deque[_Item]] = {}
        # Pending rooms that are neither busy nor contended, in the order of arrival.
        self._ready: dict[UUID, None] = {}
        self._busy: set[UUID] = set()
        # Rooms whose lock was taken, in the order in which they will wait for it.
        self._contended: dict[UUID, None] = {}
        self._waiting = 0
        self._multi_room_in_flight = False
        # The next batch starts in the next iteration of the loop, or at the latest with the timer.
        self._due = False
        self._timer: asyncio.TimerHandle | None = None
        # How many callers were answered together and have not sent again, and until when they may delay a batch.
        self._absent = 0
        self._absent_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def start(self) -> None:
        """Do nothing: the first send starts a batch."""

    async def stop(self) -> None:
        """Write all accepted drafts, then stop."""
        self._stopped = True
        self._start_batches()
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def send(self, draft: SendDraft, deadline: float) -> SendResult:
        """Write one draft; returns after its commit. Cancelling the call does not cancel the batch."""
        try:
            result = await self._enqueue(draft, deadline)
            while not isinstance(result, SendResult):
                # One text at a time: the loop serves other calls in between.
                async with self._normalizing:
                    draft = draft._replace(search_text=search_text(draft.text))
                result = await self._enqueue(draft, deadline)
            return result
        finally:
            self._charged.discard(draft.message_id)

    async def _enqueue(self, draft: SendDraft, deadline: float) -> SendResult | NotWritten:
        if self._stopped:
            raise ServiceUnavailableError("chat")
        item = _Item(draft, deadline, asyncio.get_running_loop().create_future(), current_call.get())
        self._pending.setdefault(draft.room_id, deque()).append(item)
        self._mark_ready(draft.room_id)
        self._absent -= 1
        self._schedule()
        return await item.result

    def _charge(self, draft: SendDraft) -> None:
        if not draft.charged and draft.message_id not in self._charged:
            self._limit.hit(draft.user_id)
            self._charged.add(draft.message_id)

    def _mark_ready(self, room_id: UUID) -> None:
        if room_id in self._pending and room_id not in self._busy and room_id not in self._contended:
            self._ready[room_id] = None

    def _schedule(self) -> None:
        """Start due batches in the next iteration of the loop or, while callers are absent, a little later."""
        if self._stopped:
            self._start_batches()
        elif not self._due and self._can_start():
            loop = asyncio.get_running_loop()
            if self._absent <= 0 or time.monotonic() >= self._absent_until:
                self._due = True
                loop.call_soon(self._gathered)
            elif self._timer is None:
                self._timer = loop.call_later(DELAY_SECONDS, self._gathered)

    def _can_start(self) -> bool:
        if self._contended and self._waiting < MAX_WAITING_ROOMS:
            return True
        return bool(self._ready) and not self._multi_room_in_flight

    def _gathered(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        # Nobody is waited for twice.
        self._due, self._timer, self._absent = False, None, 0
        self._start_batches()

    def _start_batches(self) -> None:
        for room_id in list(self._contended):
            if self._waiting < MAX_WAITING_ROOMS:
                del self._contended[room_id]
                self._start([room_id], wait=True)
        if len(self._ready) == 1 and not self._busy:
            self._start(list(self._ready), wait=True)
        elif self._ready and not self._multi_room_in_flight:
            self._start(list(self._ready), wait=False)

    def _start(self, room_ids: Sequence[UUID], *, wait: bool) -> None:
        items = self._dequeue(room_ids)
        if not items:
            return
        taken_ids = {item.draft.room_id for item in items}
        self._busy |= taken_ids
        for room_id in taken_ids:
            self._ready.pop(room_id, None)
        if wait:
            self._waiting += 1
        else:
            self._multi_room_in_flight = True
        # In an empty context: a batch belongs to no single call and has no deadline of one.
        task = asyncio.create_task(self._run(items, taken_ids, wait=wait), context=contextvars.Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _dequeue(self, room_ids: Sequence[UUID]) -> list[_Item]:
        """Dequeue up to a batch of items that a caller still waits for, in each room's order; fails late ones."""
        items: list[_Item] = []
        now = time.monotonic()
        for room_id in room_ids:
            queue = self._pending.get(room_id)
            while queue and len(items) < MAX_BATCH:
                item = queue.popleft()
                if item.is_waiting and item.deadline <= now:
                    item.result.set_exception(DeadlineExceededError())
                elif item.is_waiting:
                    items.append(item)
            if not queue:
                self._pending.pop(room_id, None)
                self._ready.pop(room_id, None)
        return items

    async def _run(self, items: list[_Item], room_ids: set[UUID], *, wait: bool) -> None:
        try:
            with self._span(items):
                outcomes = await self._write(items, wait=wait)
        except Exception as error:  # noqa: BLE001 - every caller must get a result
            outcomes = [error] * len(items)
        self._busy -= room_ids
        if wait:
            self._waiting -= 1
        else:
            self._multi_room_in_flight = False
        if len(items) >= SIBLINGS:
            self._absent = max(self._absent, 0) + len(items)
            self._absent_until = time.monotonic() + RECENT_SECONDS
        self._resolve(items, outcomes)
        for room_id in room_ids:
            self._mark_ready(room_id)
        self._schedule()

    def _span(self, items: Sequence[_Item]) -> contextlib.AbstractContextManager[None]:
        if self._tracing is None:
            return contextlib.nullcontext()
        return self._tracing.batch("send_batch", [item.call for item in items])

    def _resolve(self, items: list[_Item], outcomes: Sequence[Outcome | Exception]) -> None:
        # In reverse, so that skipped items return to the front of their rooms in their order.
        for item, outcome in zip(reversed(items), reversed(outcomes), strict=True):
            if outcome is NotWritten.LOCK_BUSY:
                self._pending.setdefault(item.draft.room_id, deque()).appendleft(item)
                self._contended[item.draft.room_id] = None
            elif not item.is_waiting:
                continue
            elif isinstance(outcome, Exception):
                item.result.set_exception(_client_error(item, outcome))
            else:
                item.result.set_result(outcome)

    async def _write(self, items: list[_Item], *, wait: bool) -> Sequence[Outcome | Exception]:
        conflicts = losses = 0
        while True:
            try:
                return await self._write_once(items, wait=wait)
            except LockTimeoutError:
                return [NotWritten.LOCK_BUSY] * len(items)
            except ConflictError:
                conflicts += 1
                if conflicts == _CONFLICT_TRIES:
                    raise
            except DatabaseUnavailableError as error:
                losses += 1
                await self._pause_or_give_up(items, error, losses)
            except UnexpectedDatabaseError as error:
                if len(items) == 1 or not error.state.startswith(_ITEM_ERROR_CLASSES):
                    raise
                return await self._one_by_one(items)

    async def _write_once(self, items: list[_Item], *, wait: bool) -> Sequence[Outcome]:
        """Run one transaction, and track for each draft whether its outcome is known."""
        drafts = [item.draft for item in items]
        unknown = any(item.outcome_unknown for item in items)
        try:
            outcomes = await write_batch(
                self._database, drafts, wait=wait, outcome_unknown=unknown, charge=self._charge
            )
        except OutcomeUnknownError:
            for item in items:
                item.outcome_unknown = True
            raise
        self._observe(sum(isinstance(each, SendResult) and each.message is not None for each in outcomes))
        for room_id in {
            item.draft.room_id
            for item, outcome in zip(items, outcomes, strict=True)
            if isinstance(outcome, SendResult)
        }:
            self._written(room_id)
        for item, outcome in zip(items, outcomes, strict=True):
            # The table has the outcome of all except the skipped ones.
            item.outcome_unknown = item.outcome_unknown and outcome is NotWritten.LOCK_BUSY
        return outcomes

    async def _one_by_one(self, items: list[_Item]) -> list[Outcome | Exception]:
        outcomes: list[Outcome | Exception] = []
        for item in items:
            try:
                outcomes += await self._write([item], wait=True)
            except Exception as error:  # noqa: BLE001 - the result of this item alone
                outcomes.append(error)
        return outcomes

    async def _pause_or_give_up(self, items: list[_Item], error: ServiceError, losses: int) -> None:
        """Wait before the next try after a lost connection.

        A batch that was certainly not written fails after a few tries; its callers may retry. One with an unknown
        outcome is retried until no caller waits for it any more.
        """
        unknown = any(item.outcome_unknown for item in items)
        _log.warning("batch_connection_lost", items=len(items), tries=losses, unknown=unknown)
        if unknown:
            latest = max((item.deadline for item in items if item.is_waiting), default=0.0)
            if time.monotonic() >= latest:
                raise DeadlineExceededError
        elif losses == _LOST_TRIES:
            raise error
        await asyncio.sleep(min(_FIRST_PAUSE * 2**losses, 1.0))


def _client_error(item: _Item, error: Exception) -> Exception:
    """Return the caller's error; never a retryable code for a draft of unknown outcome."""
    if item.outcome_unknown and isinstance(error, ServiceError) and error.code in _RETRYABLE_CODES:
        return DeadlineExceededError("outcome unknown: the message may have been written")
    return error
