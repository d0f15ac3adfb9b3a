"""EraseMe: the erasure of the caller, confirmed by their e-mail address."""

from __future__ import annotations

import unicodedata

from gateway.actions.deps import Deps
from gateway.domain.errors import ConfirmationMismatchError
from seda.users.v1.erasure_service_pb2 import EraseUserRequest, Erasure, ErasureMode


async def erase_me(deps: Deps, email: str, mode: ErasureMode.ValueType, confirm_email: str) -> Erasure:
    """Start the erasure of the caller, whose address is `email`, and return it; one call to users.

    Raises ConfirmationMismatchError for another address, and the errors of EraseUser.
    """
    if _normalized(confirm_email) != _normalized(email):
        raise ConfirmationMismatchError
    return await deps.users.erase_caller(EraseUserRequest(mode=mode))


def _normalized(email: str) -> str:
    # As users stores addresses.
    return unicodedata.normalize("NFC", email.strip().lower())
