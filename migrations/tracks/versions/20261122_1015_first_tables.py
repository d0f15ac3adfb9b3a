"""Create tracks and their aliases."""

import sqlalchemy as sa
from alembic import op

from migrations.support import create_grants

revision = "20261122_1015"
down_revision = None
compatible_from = "20261122_1015"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_track_refs()
    _create_track_aliases()
    create_grants(
        "tracks",
        {
            "track_refs": "SELECT, INSERT, UPDATE, DELETE",
            "track_aliases": "SELECT, INSERT, UPDATE, DELETE",
        },
    )


def _create_track_refs() -> None:
    op.create_table(
        "track_refs",
        sa.Column(
            "id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service; what other slices refer to"
        ),
        sa.Column(
            "provider", sa.Text, nullable=False, comment="Where the music is, such as spotify or youtube"
        ),
        sa.Column(
            "provider_id", sa.Text, nullable=False, comment="The provider's id of the track, case kept"
        ),
        sa.Column("url", sa.Text, nullable=False, comment="Canonical https address of the track"),
        sa.Column("title", sa.Text, comment="Title; empty until fetched"),
        sa.Column("artist", sa.Text, comment="Artist as the provider writes it; empty until fetched"),
        sa.Column("artwork_url", sa.Text, comment="Address of the cover; empty until fetched"),
        sa.Column(
            "duration_seconds", sa.Integer, comment="Playing time in seconds, at least 1; empty until fetched"
        ),
        sa.Column("isrc", sa.Text, comment="Recording code in capitals without dashes; empty where unknown"),
        sa.Column(
            "metadata_state",
            sa.Text,
            server_default="PENDING",
            nullable=False,
            comment="PENDING, COMPLETE, PARTIAL (some fields were not to be had) or FAILED",
        ),
        sa.Column(
            "created_at", _INSTANT, server_default=sa.func.now(), nullable=False, comment="First link seen"
        ),
        sa.Column(
            "updated_at",
            _INSTANT,
            server_default=sa.func.now(),
            nullable=False,
            comment="Last change of the row",
        ),
        sa.Column("refreshed_at", _INSTANT, comment="Last attempt to fetch metadata that had an answer"),
        sa.CheckConstraint(
            "artwork_url LIKE 'https://%' AND octet_length(artwork_url) <= 2048",
            name="track_refs_artwork_url_check",
        ),
        sa.CheckConstraint("isrc ~ '^[A-Z]{2}[A-Z0-9]{3}[0-9]{7}$'", name="track_refs_isrc_check"),
        sa.CheckConstraint(
            "metadata_state IN ('PENDING', 'COMPLETE', 'PARTIAL', 'FAILED')",
            name="track_refs_metadata_state_check",
        ),
        sa.CheckConstraint("provider ~ '^[a-z][a-z0-9_]{0,31}$'", name="track_refs_provider_check"),
        sa.CheckConstraint("url LIKE 'https://%' AND octet_length(url) <= 2048", name="track_refs_url_check"),
        sa.CheckConstraint("char_length(artist) BETWEEN 1 AND 500", name="track_refs_artist_check"),
        sa.CheckConstraint("char_length(title) BETWEEN 1 AND 500", name="track_refs_title_check"),
        sa.CheckConstraint("duration_seconds BETWEEN 1 AND 604800", name="track_refs_duration_seconds_check"),
        sa.CheckConstraint(
            "octet_length(provider_id) BETWEEN 1 AND 512", name="track_refs_provider_id_check"
        ),
        sa.PrimaryKeyConstraint("id", name="track_refs_pkey"),
        sa.UniqueConstraint("provider", "provider_id", name="track_refs_provider_provider_id_key"),
        sa.UniqueConstraint("url", name="track_refs_url_key"),
        schema="tracks",
        comment="One row for each track at each provider, with what is known of it.",
    )
    op.create_index("track_refs_provider_id_idx", "track_refs", ["provider", "id"], schema="tracks")


def _create_track_aliases() -> None:
    op.create_table(
        "track_aliases",
        sa.Column(
            "alias_key",
            sa.Text,
            nullable=False,
            comment="Another name of a track, such as a short link or a number",
        ),
        sa.Column("track_id", sa.Uuid, nullable=False, comment="The track that it means"),
        sa.Column(
            "created_at", _INSTANT, server_default=sa.func.now(), nullable=False, comment="When it was learnt"
        ),
        sa.CheckConstraint(
            "octet_length(alias_key) BETWEEN 1 AND 2048", name="track_aliases_alias_key_check"
        ),
        sa.ForeignKeyConstraint(["track_id"], ["tracks.track_refs.id"], name="track_aliases_track_id_fkey"),
        sa.PrimaryKeyConstraint("alias_key", name="track_aliases_pkey"),
        schema="tracks",
        comment="Names that lead to a track beside its canonical address.",
    )
    op.create_index("track_aliases_track_id_idx", "track_aliases", ["track_id"], schema="tracks")
