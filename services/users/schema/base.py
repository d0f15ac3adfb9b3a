"""What the modules of the schema share."""

import sqlalchemy as sa

metadata = sa.MetaData(schema="users")
instant = sa.DateTime(timezone=True)
# Where the values of a column come from, for those who look at rows; not all are foreign keys.
USER = {"refers": "users.users.id"}
# What says who somebody is, and what people wrote, is not for everybody who operates the service.
IDENTITY = {"personal": "identity"}
WRITTEN = {"personal": "text"}
