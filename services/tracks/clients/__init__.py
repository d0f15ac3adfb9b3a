"""Outgoing calls, one module per service called."""
