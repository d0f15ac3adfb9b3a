"""Users: identity, platform roles, and the audit log of administrative actions.

Owns schema `users`: users, admin_actions. Invariants: one row per token subject under concurrent first
sign-ins, one active row per e-mail address, and a log entry for every administrative action that no service
can change or delete.
"""
