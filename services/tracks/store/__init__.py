"""The SQL of the tracks service: no other module accesses its tables."""
