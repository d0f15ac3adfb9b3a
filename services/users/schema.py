"""The tables of schema `users`, as the migrations leave them.

This is the model that migrations are compared with. It is not imported at run time: the service's
statements are plain SQL. Constraint and index names follow PostgreSQL's own pattern; store code names them
when it answers a conflict.
"""

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

metadata = sa.MetaData(schema="users")

_instant = sa.DateTime(timezone=True)

users = sa.Table(
    "users",
    metadata,
    sa.Column(
        "id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service; what other slices refer to"
    ),
    sa.Column("email", sa.Text, comment="Lower-cased address from the token; empty only once erased"),
    sa.Column("supabase_id", sa.Text, comment="Subject of the tokens of this user; empty only once erased"),
    sa.Column(
        "display_name",
        sa.Text,
        nullable=False,
        comment="Name shown to others, up to 50 characters; '' until the user chooses one",
    ),
    sa.Column(
        "role",
        sa.Text,
        nullable=False,
        server_default="USER",
        comment="USER, MODERATOR or ADMIN of the platform",
    ),
    sa.Column("muted_until", _instant, comment="Until when the user may not send, edit or react in any room"),
    sa.Column("suspended_until", _instant, comment="Until when every write in every slice is refused"),
    sa.Column("created_at", _instant, nullable=False, server_default=sa.func.now(), comment="First sign-in"),
    sa.Column(
        "updated_at", _instant, nullable=False, server_default=sa.func.now(), comment="Last change of the row"
    ),
    sa.Column(
        "erased_at", _instant, comment="When the person was erased; the row stays so that ids keep a meaning"
    ),
    sa.PrimaryKeyConstraint("id", name="users_pkey"),
    sa.UniqueConstraint("email", name="users_email_key"),
    sa.UniqueConstraint("supabase_id", name="users_supabase_id_key"),
    # The "C" collation folds ASCII alone, alike on every server; the service folds the rest in Python.
    # With the database's own locale the same address could be accepted by one server and refused by another.
    sa.CheckConstraint(
        "email = lower(email COLLATE \"C\") AND char_length(email) <= 254 AND email LIKE '%_@_%'",
        name="users_email_check",
    ),
    sa.CheckConstraint("char_length(supabase_id) BETWEEN 1 AND 255", name="users_supabase_id_check"),
    sa.CheckConstraint(
        "char_length(display_name) <= 50",
        name="users_display_name_check",
    ),
    sa.CheckConstraint("role IN ('USER', 'MODERATOR', 'ADMIN')", name="users_role_check"),
    sa.CheckConstraint(
        "(erased_at IS NULL) = (email IS NOT NULL) AND (erased_at IS NULL) = (supabase_id IS NOT NULL)",
        name="users_identity_check",
    ),
    comment="People who signed in. Rows are erased in place, never deleted.",
)

admin_actions = sa.Table(
    "admin_actions",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by whoever wrote the entry"),
    sa.Column(
        "actor_kind",
        sa.Text,
        nullable=False,
        comment="USER, SYSTEM (a worker) or OPERATOR (the seda command)",
    ),
    sa.Column("actor_id", sa.Uuid, comment="The administrator; set exactly when actor_kind is USER"),
    sa.Column("action", sa.Text, nullable=False, comment="What was done, such as SET_ROLE"),
    sa.Column("target_id", sa.Uuid, nullable=False, comment="The row that was acted on"),
    sa.Column(
        "before",
        JSONB,
        nullable=False,
        comment="State before: ids, roles, states and times, no text or names",
    ),
    sa.Column("after", JSONB, nullable=False, comment="State after, in the same keys"),
    sa.Column("reason", sa.Text, nullable=False, comment="The actor's reason, 1 to 512 characters"),
    sa.Column("request_id", sa.Text, nullable=False, comment="Request id of the call or run that did it"),
    sa.Column(
        "created_at",
        _instant,
        nullable=False,
        server_default=sa.func.now(),
        comment="Transaction time of the act",
    ),
    sa.PrimaryKeyConstraint("id", name="admin_actions_pkey"),
    sa.CheckConstraint("actor_kind IN ('USER', 'SYSTEM', 'OPERATOR')", name="admin_actions_actor_kind_check"),
    sa.CheckConstraint("(actor_kind = 'USER') = (actor_id IS NOT NULL)", name="admin_actions_actor_check"),
    sa.CheckConstraint("action ~ '^[A-Z][A-Z_]{0,63}$'", name="admin_actions_action_check"),
    sa.CheckConstraint(
        "jsonb_typeof(before) = 'object' AND jsonb_typeof(after) = 'object'",
        name="admin_actions_states_check",
    ),
    sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 512", name="admin_actions_reason_check"),
    sa.CheckConstraint("char_length(request_id) BETWEEN 1 AND 128", name="admin_actions_request_id_check"),
    # target_id has no foreign key: an entry must outlive whatever happens to the row it speaks of.
    comment="What administrators did. The service may insert and read entries, never change or delete them.",
)
