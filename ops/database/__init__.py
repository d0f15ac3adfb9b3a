"""The database from an administrator's side: roles and schemas, migrations, and first administrators.

Everything here connects with the administrator's DSN. Services never do any of it.
"""

SERVICES = ("users", "chat", "tracks")
