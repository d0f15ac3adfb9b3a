"""Rules about the subject and the e-mail address of a verified token."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from servicekit.errors import TokenInvalidError
from services.users.domain.errors import EmailRequiredError

_SUBJECT = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{1,255}")
_EMAIL = re.compile(r"[^\s@\x00-\x1f\x7f-\x9f\ud800-\udfff]+@[^\s@\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_EMAIL_LENGTH = 254


@dataclass(frozen=True, slots=True)
class TokenIdentity:
    """The valid subject and the normalized e-mail address of a token, or those that a user has stored."""

    subject: str
    email: str

    @property
    def hashes(self) -> list[bytes]:
        """The hashes by which an erased user's subject and address are refused; equal texts have different ones."""
        return [_hash("subject", self.subject), _hash("email", self.email)]


def _hash(kind: str, text: str) -> bytes:
    return hashlib.sha256(f"seda.users.refused_identities.{kind}\0{text}".encode()).digest()


def validate_subject(subject: str) -> str:
    """Return the subject. Raises TokenInvalidError if it can't be stored."""
    if not _SUBJECT.fullmatch(subject):
        raise TokenInvalidError("the token's subject is too long or contains control characters")
    return subject


def normalize_email(email: str) -> str:
    """Return the address in NFC and lower case. Raises EmailRequiredError if the text is not an address."""
    normalized = unicodedata.normalize("NFC", email.strip().lower())
    if len(normalized) > _EMAIL_LENGTH or not _EMAIL.fullmatch(normalized):
        raise EmailRequiredError
    return normalized
