"""Errors of the gateway's own methods: one class per ErrorReason."""

from __future__ import annotations

from servicekit.errors import Code, ServiceError


class ConfirmationMismatchError(ServiceError, code=Code.FAILED_PRECONDITION, reason="CONFIRMATION_MISMATCH"):
    """The confirmation is not the caller's e-mail address."""

    default_message = "the confirmation is not the caller's e-mail address"
