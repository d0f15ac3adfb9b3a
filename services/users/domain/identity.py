"""What of a verified token is good enough to be a user."""

from __future__ import annotations

import re
import unicodedata

from servicekit.errors import TokenInvalidError
from services.users.domain.errors import EmailRequiredError

_SUBJECT = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}")
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f-\x9f\ud800-\udfff]+@[^\s@\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_EMAIL_LENGTH = 254


def validate_subject(subject: str) -> str:
    """The subject as it is; raises TokenInvalidError when it can't be stored."""
    if not _SUBJECT.fullmatch(subject):
        raise TokenInvalidError("the token's subject is too long or contains control characters")
    return subject


def normalize_email(email: str) -> str:
    """The address in the one form in which addresses are compared: NFC, lower case.

    Raises EmailRequiredError when the text is no address. Whether anybody reads mail there is the token
    issuer's business.
    """
    folded = unicodedata.normalize("NFC", email.strip().lower())
    if len(folded) > _EMAIL_LENGTH or not _EMAIL.fullmatch(folded):
        raise EmailRequiredError
    return folded
