"""The history of schema `users`."""
