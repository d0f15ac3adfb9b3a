"""The histories of the three schemas, one Alembic environment each, and their shared code.

An applied revision is never edited: its checksum is stored in `<schema>_migrations.applied`. One that comes to the same
result in another way names the checksum of the text before, `former_checksum`. Its
id is the minute it was made (`20261122_1015`), so that ids order as the history does, and the file's name adds
what it does. `seda migrate` runs them; Alembic's own command line has no lock and is refused.
"""
