"""`seda import`: takes over a database of the original, which Prisma's schema describes.

`source` reads it. `rules` convert values or refuse rows; `users`, `claims`, `tracks` and `room` convert rows, a room whole.
`load` runs through all of it, `write` writes, `report` records every row that was left out or changed.
"""
