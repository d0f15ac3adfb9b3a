"""chat with the fault that a test of outages has to find: it knows nobody any more once users is away.

Run with `python -m` in place of services.chat.
"""

from __future__ import annotations

from unittest.mock import patch

from servicekit import identity
from servicekit.process import main
from services.chat.app import build
from services.chat.config import Settings

if __name__ == "__main__":
    with patch.object(identity, "STALE_SECONDS", 0.0):
        main(Settings, build)
