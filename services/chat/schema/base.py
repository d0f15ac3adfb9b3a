"""What all tables of schema `chat` share."""

import sqlalchemy as sa

metadata = sa.MetaData(schema="chat")
INSTANT = sa.DateTime(timezone=True)
REV_COMMENT = "The room's change that this row last took part in"
