"""The revisions of schema `users`, oldest first by name."""
