"""Users: identity, platform roles, the audit log of administrative actions, and the erasure of users.

Owns schema `users`. Invariants: one row per token subject under concurrent first sign-ins, one active row per
e-mail address, an administrator who is not suspended (once there is one), a log entry for every administrative
action that no service can change or delete, and an erasure that was started ends, whatever dies or is away meanwhile.
"""
