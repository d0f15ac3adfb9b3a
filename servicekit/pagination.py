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
SEARCH_SIZE = 20
"""The default page size of searches: users look at the first few results."""
MAX_SIZE = 100
# The end of the year 9999, the last of protobuf's timestamps.
MAX_TIMESTAMP = 253_402_300_800_000_000
MAX_BYTES = 1 << 20
"""The most serialized bytes of a page."""


def page_size(requested: int, default: int = DEFAULT_SIZE) -> int:
    """The effective page size: 50 or another default, 100 at most."""
    return min(requested, MAX_SIZE) or default


def paginate(rows: Sequence[_T], size: int, token: Callable[[_T], str]) -> tuple[list[_T], str]:
    """The first `size` rows, and the token of the next page: "" on the last one.

    `token` encodes the last returned row. The query reads one row more than the page.
    """
    page = list(rows[:size])
    return page, token(page[-1]) if len(rows) > size else ""


def take_within_budget(
    items: Sequence[_T], size_of: Callable[[_T], int], budget: int
) -> tuple[list[_T], int]:
    """Return the first items that fit the budget, at least one if there is any, and their total bytes."""
    used = 0
    for count, item in enumerate(items):
        size = size_of(item)
        if count and used + size > budget:
            return list(items[:count]), used
        used += size
    return list(items), used


def fingerprint(method: str, caller: object, *filters: object) -> int:
    """64 bits that identify a list request: its method, caller and filters."""
    # repr delimits the parts unambiguously.
    text = repr((method, str(caller), *map(str, filters)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def encode_token(fingerprint: int, numbers: Sequence[int] = (), texts: Sequence[str] = ()) -> str:
    """The page token of a cursor."""
    token = PageToken(fingerprint=fingerprint, numbers=numbers, texts=texts)
    return base64.urlsafe_b64encode(token.SerializeToString()).decode().rstrip("=")


def decode_token(token: str, fingerprint: int) -> PageToken:
    """Decode a page token; raises PageTokenMismatchError when it is malformed or of another request."""
    try:
        padded = token + "=" * (-len(token) % 4)
        decoded = PageToken.FromString(base64.b64decode(padded, altchars=b"-_", validate=True))
    except Exception:  # noqa: BLE001 - every malformed token gets the same error
        raise PageTokenMismatchError from None
    if decoded.fingerprint != fingerprint:
        raise PageTokenMismatchError
    return decoded


def decode_cursor(token: str, fingerprint: int, cursor: Callable[[Sequence[int], Sequence[str]], _T]) -> _T:
    """What `cursor` makes of a token's numbers and texts; raises PageTokenMismatchError, also for its ValueError."""
    decoded = decode_token(token, fingerprint)
    try:
        return cursor(decoded.numbers, decoded.texts)
    except ValueError:
        raise PageTokenMismatchError from None


def decode_number(token: str, fingerprint: int, first: int) -> int:
    """The cursor of a list by one number; `first` without a token. Raises PageTokenMismatchError."""
    if not token:
        return first
    numbers = decode_token(token, fingerprint).numbers
    if len(numbers) != 1:
        raise PageTokenMismatchError
    return numbers[0]


def decode_id(texts: Sequence[str]) -> UUID:
    """The only text of a cursor, an id; raises PageTokenMismatchError."""
    try:
        (text,) = texts
        return UUID(text)
    except ValueError:
        raise PageTokenMismatchError from None


def decode_instant(token: str, fingerprint: int) -> tuple[Micros, UUID] | None:
    """The cursor of a list by time and id; None without a token. Raises PageTokenMismatchError."""
    if not token:
        return None
    cursor = decode_token(token, fingerprint)
    match list(cursor.numbers):
        case [at] if 0 <= at < MAX_TIMESTAMP:
            return Micros(at), decode_id(cursor.texts)
        case _:
            raise PageTokenMismatchError
