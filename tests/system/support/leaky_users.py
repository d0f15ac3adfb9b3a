"""users with the fault that a test of secrets has to find: it logs its DSN.

Run with `python -m` in place of services.users.
"""

from __future__ import annotations

from typing import Any

import structlog

from servicekit.process import App, AppContext, main
from services.users.app import build
from services.users.config import Settings


def build_leaking(context: AppContext[Any]) -> App:
    """Put users together, and tell too much of it."""
    structlog.get_logger("leak").info("database", dsn=context.settings.dsn)
    return build(context)


if __name__ == "__main__":
    main(Settings, build_leaking)
