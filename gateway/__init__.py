"""The gateway: one address for the whole suite.

It composes calls to several services, forwards all others byte for byte, and owns no table.
"""
