"""Tracks: one row for one piece of music, whichever link of it people paste.

Owns schema `tracks`: track_refs, track_aliases. Promises: all links of one track resolve to one id, and
a link is usable at once, before anything about it was fetched.
"""
