"""Users: who is calling, what they may do everywhere, and what administrators did to them.

Owns schema `users`: users, admin_actions. Promises: one row per token subject however many first sign-ins
race, an e-mail address belongs to one living row, and every administrative act leaves an entry that no
service can change or remove.
"""
