"""`seda import`: takes over a database of the original, which Prisma's schema describes.

`source` reads it, `rules` convert rows or refuse them, `room` numbers what is in a room, `load` writes, `report` records
every row that was left out or changed.
"""
