"""`seda seed`: many users, rooms and messages, the same ones every time."""
