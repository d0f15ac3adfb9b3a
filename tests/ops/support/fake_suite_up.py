"""`seda up` of fake services: the real command, supervisor and PostgreSQL, without schemas and demo data.

FAKE_SERVE_SECONDS shortens the time that a service has until it must serve. FAKE_MODULES names other modules for some of
them, such as "chat=fake_chat users=fake_users".
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import Any

from ops import cli
from ops.topology import SUITE
from ops.up import command, services

_MODULES = dict(each.split("=") for each in os.environ.get("FAKE_MODULES", "").split())
FAKE_SUITE = tuple(
    replace(each, module=_MODULES.get(each.name, "tests.ops.support.fake_suite_service")) for each in SUITE
)


async def prepare(_dsn: str, _progress: object, _logins: object) -> None:
    """Do nothing: fake services store no data."""


def main() -> None:
    run = command.run

    def run_fake_suite(*given: Any, **named: Any) -> None:
        run(*given, **named, processes=FAKE_SUITE, prepare=prepare, demo=False)

    command.run = run_fake_suite
    services._SERVE_SECONDS = float(os.environ.get("FAKE_SERVE_SECONDS", services._SERVE_SECONDS))
    sys.argv[0] = "seda"
    cli.main()


main()
