"""Upper bounds of the encoded size of messages, for pages with a byte limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.chat.domain.model import Tally
from services.chat.store.message_query import MessageBatch, MessageRow

# The encoded size of a message without texts, mentions and tallies; of a mention; of a tally.
OVERHEAD_BYTES, _MENTION_BYTES, _TALLY_BYTES = 500, 40, 100
# The maximum of a character in UTF-8.
_CHARACTER_BYTES = 4


def upper_bound_bytes(batch: MessageBatch) -> int:
    """Return an upper bound for all messages of a batch, without encoding texts."""
    rows = batch.messages
    letters = sum([len(row.text or "") for row in rows])
    letters += sum([len(row.track_json) for row in rows if row.track_json is not None])
    mentions = sum([len(row.mention_user_ids) for row in rows if row.mention_user_ids is not None])
    tallies = 0 if batch.room is None else len(batch.room.emojis or ())
    return (
        len(rows) * OVERHEAD_BYTES
        + letters * _CHARACTER_BYTES
        + mentions * _MENTION_BYTES
        + tallies * _TALLY_BYTES
    )


def message_bytes(row: MessageRow, tallies: Sequence[Tally]) -> int:
    """Return an upper bound for one message."""
    mentions = len(row.mention_user_ids or ()) * _MENTION_BYTES
    return tallied_bytes(OVERHEAD_BYTES + text_bytes((row.text, row.track_json)) + mentions, tallies)


def tallied_bytes(size: int, tallies: Sequence[object]) -> int:
    """Return the upper bound for messages of that size with their tallies."""
    return size + len(tallies) * _TALLY_BYTES


def text_bytes(texts: Iterable[str | None]) -> int:
    """Return the size of texts in UTF-8."""
    return sum(len(text.encode()) for text in texts if text is not None)
