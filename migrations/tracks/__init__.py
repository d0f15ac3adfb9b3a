"""The history of schema `tracks`."""
