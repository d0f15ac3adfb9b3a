"""Chat: rooms, who belongs to them, and what is said there.

Owns the tables of schema `chat`. Its promises: an acknowledged message is committed; it is neither lost
nor written twice; a room's messages are numbered 1, 2, 3... without a gap in the order they were
committed; and what a caller may not see looks exactly like what does not exist.
"""
