"""Upper bounds of the encoded size of messages, for pages with a byte limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.chat.domain.model import Tally
from services.chat.store.message_query import MessageRow

# The encoded size of a message without texts, mentions and tallies; of a mention; of a tally.
OVERHEAD_BYTES, _MENTION_BYTES, _TALLY_BYTES = 500, 40, 100
# The sums of a thread, and the tags and lengths around a message.
_THREAD_BYTES = 50


def encoded_bytes(contents: int, tallies: int, messages: int = 1) -> int:
    """Return an upper bound for messages whose contents have that many bytes, with their threads and so many tallies."""
    return contents + tallies * _TALLY_BYTES + messages * _THREAD_BYTES


def message_bytes(row: MessageRow, tallies: Sequence[Tally]) -> int:
    """Return an upper bound for one message."""
    return (
        OVERHEAD_BYTES
        + text_bytes((row.text, row.track_json))
        + len(row.mention_user_ids or ()) * _MENTION_BYTES
        + len(tallies) * _TALLY_BYTES
    )


def text_bytes(texts: Iterable[str | None]) -> int:
    """Return the size of texts in UTF-8."""
    return sum(len(text.encode()) for text in texts if text is not None)
