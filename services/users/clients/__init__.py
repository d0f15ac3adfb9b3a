"""The clients of other services."""
