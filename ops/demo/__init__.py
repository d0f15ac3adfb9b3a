"""`seda demo`: life in a development suite."""
