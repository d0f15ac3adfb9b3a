"""chat with the fault that a test of locked rooms has to find: batches of several rooms wait for every lock.

Run with `python -m` in place of services.chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch
from uuid import UUID

from servicekit.database import Session
from servicekit.process import main
from services.chat.app import build
from services.chat.config import Settings
from services.chat.domain.message_send import SendDraft
from services.chat.store import room_transaction
from services.chat.store.room_transaction import CountersRow
from services.chat.workers import message_batch


async def lock_waiting(session: Session, drafts: Sequence[SendDraft], **_: bool) -> dict[UUID, CountersRow]:
    """Lock the rooms of a batch, never without the locks of all of them."""
    return await room_transaction.lock_rooms(session, list({draft.room_id for draft in drafts}), wait=True)


if __name__ == "__main__":
    with patch.object(message_batch, "_lock", lock_waiting):
        main(Settings, build)
