"""Page sizes and page tokens (AIP-158)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from seda.rpc.internal.v1.page_token_pb2 import PageToken
from servicekit.clock import Micros
from servicekit.errors import PageTokenMismatchError

_T = TypeVar("_T")

DEFAULT_SIZE = 50
MAX_SIZE = 100
# The end of the year 9999: PostgreSQL knows later instants, the wire does not.
MAX_TIMESTAMP = 253_402_300_800_000_000
MAX_BYTES = 1 << 20
"""A page also ends here, counted in serialized bytes."""


def page_size(asked: int) -> int:
    """The size to use: 50 when none was asked for, 100 at most."""
    return min(asked, MAX_SIZE) or DEFAULT_SIZE


def paginate(found: Sequence[_T], size: int, token: Callable[[_T], str]) -> tuple[list[_T], str]:
    """The first `size` of what was found, and the token of the next page: "" where no more was found.

    `token` makes it from the last row that is shown. A listing therefore looks for one row more than it shows.
    """
    shown = list(found[:size])
    return shown, token(shown[-1]) if len(found) > size else ""


def fingerprint(method: str, caller: object, *filters: object) -> int:
    """64 bits that tell one listing from another."""
    # repr keeps the parts apart whatever characters they hold.
    text = repr((method, str(caller), *map(str, filters)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def encode_token(listing: int, numbers: Sequence[int] = (), texts: Sequence[str] = ()) -> str:
    """The token of a place in the listing with that fingerprint."""
    token = PageToken(fingerprint=listing, numbers=numbers, texts=texts)
    return base64.urlsafe_b64encode(token.SerializeToString()).decode().rstrip("=")


def decode_token(token: str, listing: int) -> PageToken:
    """The place a token names; raises PageTokenMismatchError when it is broken or of another listing."""
    try:
        padded = token + "=" * (-len(token) % 4)
        decoded = PageToken.FromString(base64.b64decode(padded, altchars=b"-_", validate=True))
    except Exception:  # noqa: BLE001 - whatever the damage, the answer is the same
        raise PageTokenMismatchError from None
    if decoded.fingerprint != listing:
        raise PageTokenMismatchError
    return decoded


def decode_number(token: str, listing: int, first: int) -> int:
    """Where a listing that goes by one number goes on; `first` without a token. Raises PageTokenMismatchError."""
    if not token:
        return first
    numbers = decode_token(token, listing).numbers
    if len(numbers) != 1:
        raise PageTokenMismatchError
    return numbers[0]


def decode_id(texts: Sequence[str]) -> UUID:
    """The id that is all the text of a place; raises PageTokenMismatchError."""
    try:
        (text,) = texts
        return UUID(text)
    except ValueError:
        raise PageTokenMismatchError from None


def decode_instant(token: str, listing: int) -> tuple[Micros, UUID] | None:
    """Where a listing by an instant and an id goes on; None without a token. Raises PageTokenMismatchError."""
    if not token:
        return None
    place = decode_token(token, listing)
    match list(place.numbers):
        case [at] if 0 <= at < MAX_TIMESTAMP:
            return Micros(at), decode_id(place.texts)
        case _:
            raise PageTokenMismatchError
