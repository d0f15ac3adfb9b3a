"""The SQL of the users service: the only place that knows its tables."""
