"""Tell tracks that everybody may find from those that only their resolvers find.

Tracks that are there already were posted anywhere: they are found again once they are posted in a public room. The
indexes over all tracks stay for the builds that search all of them.
"""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently
from migrations.support import create_grants

revision = "20261129_1055"
down_revision = "20261122_1935"
compatible_from = "20261122_1015"
former_checksum = "c57bf98564aa3d62bd94a7b1fd67bfd9a8c85c583aa7da9b1408f811266befe0"

_INSTANT = sa.DateTime(timezone=True)
_LISTED = sa.text("listed_at IS NOT NULL")


def upgrade() -> None:
    if not concurrently.exists("track_resolvers", schema="tracks"):
        _create_lists()
        concurrently.commit()
    concurrently.create_index(
        "track_refs_listed_search_text_id_idx",
        "track_refs",
        ["search_text", "id"],
        schema="tracks",
        postgresql_where=_LISTED,
    )
    concurrently.create_index(
        "track_refs_listed_search_text_idx",
        "track_refs",
        ["search_text"],
        schema="tracks",
        postgresql_using="gin",
        postgresql_ops={"search_text": "extensions.gin_trgm_ops"},
        postgresql_where=_LISTED,
    )
    concurrently.create_index(
        "track_refs_listed_search_words_idx",
        "track_refs",
        [sa.text("to_tsvector('simple'::regconfig, search_text)")],
        schema="tracks",
        postgresql_using="gin",
        postgresql_where=_LISTED,
    )


def _create_lists() -> None:
    op.add_column(
        "track_refs",
        sa.Column(
            "listed_at",
            _INSTANT,
            comment="When it was first posted in a public room, which lets everybody find it; empty: never",
        ),
        schema="tracks",
    )
    op.create_table(
        "track_resolvers",
        sa.Column("user_id", sa.Uuid, nullable=False, comment="The user who resolved a link to the track"),
        sa.Column(
            "track_id", sa.Uuid, nullable=False, comment="The track, which this user finds, listed or not"
        ),
        sa.Column(
            "created_at",
            _INSTANT,
            nullable=False,
            server_default=sa.func.now(),
            comment="When they first did so",
        ),
        sa.PrimaryKeyConstraint("user_id", "track_id", name="track_resolvers_pkey"),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.track_refs.id"], name="track_resolvers_track_id_fkey"),
        schema="tracks",
        comment="Which users resolved which tracks before these were listed.",
    )
    create_grants("tracks", {"track_resolvers": "SELECT, INSERT, UPDATE, DELETE"})
