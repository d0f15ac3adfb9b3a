"""The revisions of schema `chat`, oldest first by name."""
