"""Users: identity, platform roles, and the audit log of administrative actions.

Owns schema `users`. Invariants: one row per token subject under concurrent first sign-ins, one active row per
e-mail address, an administrator who is not suspended (once there is one), and a log entry for every administrative
action that no service can change or delete.
"""
