"""Chat: rooms, memberships, messages and moderation.

Owns the tables of schema `chat`. Guarantees: an acknowledged message is committed, and neither lost nor duplicated; the
messages of a room are numbered 1, 2, 3... without a gap, in the order of commits; a hidden room or message gets the
same response as a missing one.
"""
