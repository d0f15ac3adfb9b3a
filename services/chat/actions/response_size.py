"""What messages cost on the wire, for pages that end at so many bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from services.chat.domain.model import Message, Tally
from services.chat.store.message_query import MessageBatch, MessageRow

# A message beside its texts: ids, times, marks; then each mention and each reaction.
OVERHEAD_BYTES, _MENTION_BYTES, _TALLY_BYTES = 500, 40, 100
# The most that a character takes.
_CHARACTER_BYTES = 4


def upper_bound_bytes(found: MessageBatch) -> int:
    """No less than all that was found takes, told without a look at any character."""
    rows = found.messages
    letters = sum([len(row.text or "") for row in rows])
    letters += sum([len(row.track_json) for row in rows if row.track_json is not None])
    mentions = sum([len(row.mention_user_ids) for row in rows if row.mention_user_ids is not None])
    tallies = 0 if found.room is None else len(found.room.emojis or ())
    return (
        len(rows) * OVERHEAD_BYTES
        + letters * _CHARACTER_BYTES
        + mentions * _MENTION_BYTES
        + tallies * _TALLY_BYTES
    )


def row_bytes(row: MessageRow, tallies: Sequence[Tally]) -> int:
    """No less than a message takes."""
    return (
        OVERHEAD_BYTES
        + text_bytes((row.text, row.track_json))
        + len(row.mention_user_ids or ()) * _MENTION_BYTES
        + len(tallies) * _TALLY_BYTES
    )


def message_bytes(message: Message) -> int:
    """No less than a message takes that is shown without its reactions."""
    texts = [message.text]
    if message.track is not None:
        track = message.track
        texts += [track.provider, track.provider_id, track.url, track.title, track.artist, track.artwork_url]
    return OVERHEAD_BYTES + text_bytes(texts) + len(message.mention_user_ids or ()) * _MENTION_BYTES


def text_bytes(texts: Iterable[str | None]) -> int:
    """What texts take."""
    return sum(len(text.encode()) for text in texts if text is not None)
