"""The SQL of the tracks service: the only place that knows its tables."""
