"""The history of schema `chat`."""
