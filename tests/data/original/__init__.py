"""A database of the original, as Prisma makes and fills it."""
