"""What the modules of the schema share."""

import sqlalchemy as sa

metadata = sa.MetaData(schema="users")
instant = sa.DateTime(timezone=True)
