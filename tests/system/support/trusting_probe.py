"""The probe with the fault that a test of outages has to find: it goes by a role that nobody has confirmed.

Run with `python -m` in place of tests.system.support.roles_probe.
"""

from __future__ import annotations

import dataclasses
from unittest.mock import patch

from servicekit import process
from servicekit.caller import Caller
from servicekit.identity import Authenticator
from servicekit.methods import Access, Method
from tests.system.support.roles_probe import Settings, build


class TrustingAuthenticator(Authenticator):
    """Takes a known caller for what they were, whatever the method asks for."""

    async def _caller(self, key: tuple[str, str], method: Method) -> Caller:
        caller = await super()._caller(key, dataclasses.replace(method, access=Access.USER))
        known = self._cache.get(key)
        return known[0] if known else caller


if __name__ == "__main__":
    with patch.object(process, "Authenticator", TrustingAuthenticator):
        process.main(Settings, build)
