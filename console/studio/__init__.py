"""The studio: the tables of each slice, to look at and never to change.

Each request is one read-only transaction of the slice's reading role, ends within five seconds and returns bounded values.
Personal columns come masked; what is shown of them is asked for one by one, and logged.
"""
