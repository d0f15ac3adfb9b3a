"""What all tables of schema `chat` share."""

import sqlalchemy as sa

metadata = sa.MetaData(schema="chat")
INSTANT = sa.DateTime(timezone=True)
# Where the values of a column come from, for those who look at rows; few are foreign keys, and none between slices.
ROOM = {"refers": "chat.rooms.id"}
MESSAGE = {"refers": "chat.messages.id"}
USER = {"refers": "users.users.id"}
TRACK = {"refers": "tracks.track_refs.id"}
# What people wrote is not for everybody who operates the service.
WRITTEN = {"personal": "text"}
REV_COMMENT = "The room's change that this row last took part in"
