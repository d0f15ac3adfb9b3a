"""The suite on several hosts, which are network namespaces of this machine."""

from __future__ import annotations

import pytest

from tests import pooler
from tests.system.support.network import run_inside, why_not

pytestmark = [pytest.mark.slow, pytest.mark.serial, pytest.mark.timeout(320)]


def test_failures_of_hosts() -> None:
    """One is cut off; the primary dies, with a synchronous and with an asynchronous standby."""
    reason = why_not() or (None if pooler.PROGRAM else "needs pgbouncer")
    if reason:
        pytest.skip(reason)
    run_inside("tests/system/host_failures.py", seconds=300)
