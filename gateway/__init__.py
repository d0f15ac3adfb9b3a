"""The gateway: one address for the whole suite.

It composes calls of several services, passes all others on byte for byte, and owns no table.
"""
