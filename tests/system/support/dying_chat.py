"""chat that dies in the worst moment: its first message is committed, and nobody is told.

Run with `python -m` in place of services.chat.
"""

from __future__ import annotations

import os
import signal
from unittest.mock import patch

from servicekit.process import main
from services.chat import app
from services.chat.actions.deps import SendResult
from services.chat.config import Settings
from services.chat.domain.message_send import SendDraft
from services.chat.workers.message_batcher import MessageBatcher


class DyingBatcher(MessageBatcher):
    """Commits, and is killed before it answers."""

    async def send(self, draft: SendDraft, deadline: float) -> SendResult:
        """Write one draft; never returns."""
        sent = await super().send(draft, deadline)
        os.kill(os.getpid(), signal.SIGKILL)
        return sent


if __name__ == "__main__":
    with patch.object(app, "MessageBatcher", DyingBatcher):
        main(Settings, app.build)
