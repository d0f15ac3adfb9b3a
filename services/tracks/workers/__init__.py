"""Background work of the tracks service."""
