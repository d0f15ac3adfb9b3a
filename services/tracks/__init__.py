"""Tracks: one row for one piece of music, whichever link of it people paste.

Owns schema `tracks`: track_refs, track_aliases, crawler_cache, leases. Promises: all links of one track resolve to
one id, a link is usable at once, before anything about it was fetched, and nothing but public web hosts is ever
fetched from.
"""
