"""The revisions of schema `tracks`, oldest first by name."""
