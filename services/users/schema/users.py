"""Users."""

import sqlalchemy as sa

from services.users.schema.base import IDENTITY, instant, metadata

users = sa.Table(
    "users",
    metadata,
    sa.Column(
        "id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service; what other slices refer to"
    ),
    sa.Column(
        "email", sa.Text, comment="Lower-cased address from the token; empty only once erased", info=IDENTITY
    ),
    sa.Column(
        "supabase_id",
        sa.Text,
        comment="Subject of the tokens of this user; empty only once erased",
        info=IDENTITY,
    ),
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
    sa.Column("muted_until", instant, comment="Until when the user may not send, edit or react in any room"),
    sa.Column("suspended_until", instant, comment="Until when every write in every slice is refused"),
    sa.Column("created_at", instant, nullable=False, server_default=sa.func.now(), comment="First sign-in"),
    sa.Column(
        "updated_at", instant, nullable=False, server_default=sa.func.now(), comment="Last change of the row"
    ),
    sa.Column(
        "erased_at", instant, comment="When the person was erased; the row stays so that ids keep a meaning"
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
    sa.Index("users_created_at_id_idx", "created_at", "id", postgresql_where=sa.text("erased_at IS NULL")),
    sa.Index(
        "users_role_created_at_id_idx",
        "role",
        "created_at",
        "id",
        postgresql_where=sa.text("erased_at IS NULL"),
    ),
    sa.Index(
        "users_muted_created_at_id_idx",
        "created_at",
        "id",
        postgresql_where=sa.text("muted_until IS NOT NULL"),
    ),
    sa.Index(
        "users_suspended_created_at_id_idx",
        "created_at",
        "id",
        postgresql_where=sa.text("suspended_until IS NOT NULL"),
    ),
    comment="People who signed in. Rows are erased in place, never deleted.",
    info={"changed_by": "seda.users.v1.UserService/UpdateUser"},
)
