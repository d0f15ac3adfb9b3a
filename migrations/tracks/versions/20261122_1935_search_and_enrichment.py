"""Add what searching tracks and fetching their metadata in the background need."""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently

revision = "20261122_1935"
down_revision = "20261122_1930"
compatible_from = "20261122_1015"
former_checksum = "6532fe23f4dc6c852d05403035f1dc84911050a789101ee7f520239c45040a6d"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    if not concurrently.exists("track_refs", "search_text", schema="tracks"):
        # Every track that is there is due at once: nobody has asked for its metadata yet.
        op.add_column(
            "track_refs",
            sa.Column(
                "next_attempt_at",
                _INSTANT,
                server_default=sa.func.now(),
                comment="When metadata is to be fetched; while a worker does it, when others may; empty: never",
            ),
            schema="tracks",
        )
        op.add_column(
            "track_refs",
            sa.Column(
                "attempts",
                sa.Integer,
                server_default="0",
                nullable=False,
                comment="How often metadata was asked for since it was last due for the first time",
            ),
            schema="tracks",
        )
        op.add_column(
            "track_refs",
            sa.Column(
                "search_text",
                sa.Text(collation="C"),
                comment="Title and artist folded for search; empty without both and until a worker has folded them",
            ),
            schema="tracks",
        )
        concurrently.commit()
    concurrently.add_check("track_refs_attempts_check", "track_refs", "attempts >= 0", schema="tracks")
    concurrently.add_check(
        "track_refs_search_text_check",
        "track_refs",
        "octet_length(search_text) BETWEEN 1 AND 2600",
        schema="tracks",
    )
    _create_queue_indexes()
    _create_list_indexes()
    _create_search_indexes()


def _create_queue_indexes() -> None:
    concurrently.create_index(
        "track_refs_next_attempt_at_idx",
        "track_refs",
        ["provider", "next_attempt_at"],
        schema="tracks",
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    concurrently.create_index(
        "track_refs_unfolded_idx",
        "track_refs",
        ["id"],
        schema="tracks",
        postgresql_where=sa.text("search_text IS NULL AND (title IS NOT NULL OR artist IS NOT NULL)"),
    )


def _create_list_indexes() -> None:
    concurrently.create_index(
        "track_refs_metadata_state_id_idx", "track_refs", ["metadata_state", "id"], schema="tracks"
    )
    concurrently.create_index(
        "track_refs_provider_metadata_state_id_idx",
        "track_refs",
        ["provider", "metadata_state", "id"],
        schema="tracks",
    )


def _create_search_indexes() -> None:
    concurrently.create_index(
        "track_refs_search_text_id_idx", "track_refs", ["search_text", "id"], schema="tracks"
    )
    concurrently.create_index(
        "track_refs_search_text_idx",
        "track_refs",
        ["search_text"],
        schema="tracks",
        postgresql_using="gin",
        postgresql_ops={"search_text": "extensions.gin_trgm_ops"},
    )
    concurrently.create_index(
        "track_refs_search_words_idx",
        "track_refs",
        [sa.text("to_tsvector('simple'::regconfig, search_text)")],
        schema="tracks",
        postgresql_using="gin",
    )
