"""chat with the fault that a test of locked rooms has to find: batches of several rooms wait for every lock.

Run with `python -m` in place of services.chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

from servicekit.database import Database
from servicekit.process import main
from services.chat.app import build
from services.chat.config import Settings
from services.chat.domain.sending import SendDraft
from services.chat.workers import send_batcher
from services.chat.workers.send_batch import Outcome, write_batch


async def write_batch_waiting(
    database: Database, drafts: Sequence[SendDraft], **options: Any
) -> list[Outcome]:
    """Write a batch, never without the locks of all its rooms."""
    return await write_batch(database, drafts, **{**options, "wait": True})


if __name__ == "__main__":
    with patch.object(send_batcher, "write_batch", write_batch_waiting):
        main(Settings, build)
