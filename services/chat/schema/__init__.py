"""The tables of schema `chat`, as the migrations leave them.

This is the model that migrations are compared with. It is not imported at run time: the service's
statements are plain SQL. Every key of a table of rooms contains the room's id, so that they can be
hash-partitioned or distributed by it without a change of any statement.

`rev` is the number of a room's change that a row last took part in; (room_id, rev) is the change feed.
"""

from services.chat.schema.base import metadata
from services.chat.schema.messages import mentions, message_revisions, messages, threads
from services.chat.schema.moderation import moderation_logs, reports, sanctions
from services.chat.schema.reactions import pins, reaction_tallies, reactions
from services.chat.schema.rooms import (
    backfills,
    instance,
    leases,
    room_counters,
    room_invitations,
    room_memberships,
    rooms,
    user_counters,
)

__all__ = [
    "backfills",
    "instance",
    "leases",
    "mentions",
    "message_revisions",
    "messages",
    "metadata",
    "moderation_logs",
    "pins",
    "reaction_tallies",
    "reactions",
    "reports",
    "room_counters",
    "room_invitations",
    "room_memberships",
    "rooms",
    "sanctions",
    "threads",
    "user_counters",
]
