"""Live delivery: who watches which room, and what they are sent.

`watch` is one stream, from its request to its end. `hub` reads each room that moved once and hands the same bytes to all
its streams. `hints` wakes the hubs of other processes; losing hints costs up to a second, never a change.
"""
