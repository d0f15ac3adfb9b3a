"""Chat: rooms, who is in them, and what was said.

Owns schema `chat`: rooms, room_counters, room_memberships, room_invitations, messages, threads, mentions,
sanctions, user_counters, instance. Promises: an acknowledged message is committed, a room's messages are
numbered 1, 2, 3... without a gap, all changes of one room are serial, and a request id is one message.
"""
