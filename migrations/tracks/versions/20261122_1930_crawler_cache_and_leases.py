"""Create the crawler's cache and the leases."""

import sqlalchemy as sa
from alembic import op

from migrations.support import create_grants

revision = "20261122_1930"
down_revision = "20261122_1015"
compatible_from = "20261122_1015"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_crawler_cache()
    _create_leases()
    create_grants(
        "tracks",
        {
            "crawler_cache": "SELECT, INSERT, UPDATE, DELETE",
            "leases": "SELECT, INSERT, UPDATE, DELETE",
        },
    )


def _create_crawler_cache() -> None:
    op.create_table(
        "crawler_cache",
        sa.Column(
            "url_hash",
            sa.LargeBinary,
            nullable=False,
            comment="SHA-256 of the redirect policy and the address",
        ),
        sa.Column(
            "url", sa.Text, nullable=False, comment="The address that was asked for, in its one spelling"
        ),
        sa.Column("final_url", sa.Text, comment="The address that answered after redirects; empty: none did"),
        sa.Column("status_code", sa.Integer, comment="HTTP status of the answer; empty: there was none"),
        sa.Column("content_type", sa.Text, comment="Media type of the answer with its parameters"),
        sa.Column("content", sa.LargeBinary, comment="Decompressed body of a good answer, up to 1 MiB"),
        sa.Column("etag", sa.Text, comment="Entity tag that final_url gave the body"),
        sa.Column(
            "fetched_at",
            _INSTANT,
            nullable=False,
            comment="When the answer came, or was said to be as before",
        ),
        sa.Column("expires_at", _INSTANT, nullable=False, comment="From when on it is fetched anew"),
        sa.Column(
            "stale_until",
            _INSTANT,
            nullable=False,
            comment="Until when the expired answer may be given while it is fetched anew; then it is deleted",
        ),
        sa.Column(
            "error_kind", sa.Text, comment="Why there is no body, such as TIMEOUT; empty: an HTTP answer"
        ),
        sa.CheckConstraint("octet_length(url_hash) = 32", name="crawler_cache_url_hash_check"),
        sa.CheckConstraint(
            "url ~ '^https?://' AND octet_length(url) <= 2048", name="crawler_cache_url_check"
        ),
        sa.CheckConstraint(
            "final_url ~ '^https?://' AND octet_length(final_url) <= 2048",
            name="crawler_cache_final_url_check",
        ),
        sa.CheckConstraint("status_code BETWEEN 100 AND 599", name="crawler_cache_status_code_check"),
        sa.CheckConstraint("octet_length(content_type) <= 255", name="crawler_cache_content_type_check"),
        sa.CheckConstraint("octet_length(content) <= 1048576", name="crawler_cache_content_check"),
        sa.CheckConstraint("octet_length(etag) <= 512", name="crawler_cache_etag_check"),
        sa.CheckConstraint("error_kind ~ '^[A-Z][A-Z_]{0,31}$'", name="crawler_cache_error_kind_check"),
        sa.CheckConstraint(
            "expires_at >= fetched_at AND stale_until >= expires_at", name="crawler_cache_times_check"
        ),
        sa.CheckConstraint(
            "status_code IS NOT NULL OR error_kind IS NOT NULL", name="crawler_cache_outcome_check"
        ),
        sa.CheckConstraint(
            "content IS NULL OR status_code IS NOT NULL AND error_kind IS NULL",
            name="crawler_cache_content_belongs_check",
        ),
        sa.PrimaryKeyConstraint("url_hash", name="crawler_cache_pkey"),
        schema="tracks",
        comment="What the web answered, good or bad, so that nobody is asked twice in a short time.",
    )
    op.create_index("crawler_cache_fetched_at_idx", "crawler_cache", ["fetched_at"], schema="tracks")
    op.create_index("crawler_cache_stale_until_idx", "crawler_cache", ["stale_until"], schema="tracks")


def _create_leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, nullable=False, comment="What only one process may do at a time"),
        sa.Column("holder", sa.Uuid, nullable=False, comment="Who does it; a new id each time it is taken"),
        sa.Column(
            "until", _INSTANT, nullable=False, comment="When anybody may take it over unless it is renewed"
        ),
        sa.CheckConstraint("octet_length(name) BETWEEN 1 AND 255", name="leases_name_check"),
        sa.PrimaryKeyConstraint("name", name="leases_pkey"),
        schema="tracks",
        comment="Work that replicas share out; a row whose holder has died is taken over once it ends.",
    )
