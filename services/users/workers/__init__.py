"""The background work of the users service."""
