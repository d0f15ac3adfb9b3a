"""Tracks: one row per piece of music, whichever of its links is pasted.

Owns schema `tracks`: track_refs, track_aliases, crawler_cache, leases. Invariants: all links of a track resolve to
one id, a link is usable before its metadata is fetched, and only public web hosts are fetched from (SSRF guard:
domain/web/url_policy.py, domain/web/addresses.py, clients/web/connector.py).
"""
