"""Find parts of words in scripts without spaces among tracks; and bring search texts into their present form.

The index of whole words stays for the builds that search by it. The enricher rewrites the texts in small steps, so nothing
is rewritten here.
"""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently
from migrations.support import create_grants

revision = "20261129_1900"
down_revision = "20261129_1055"
compatible_from = "20261122_1015"
former_checksum = "09cc92623f0229c78d7ce027f19ff04f5a528aeaf71970642063619e1d4ee166"

# Beside the words each two characters in a row: those that begin at an even place of a run, then those at an odd one.
_CLASS = r"\u0E00-\u1DFF\u2E80-\U0003FFFF"
_EVEN = rf"regexp_replace(search_text, '([{_CLASS}]{{2}})', ' \1 ', 'g')"
_FIRST = rf"regexp_replace(search_text, '(^|[^{_CLASS}])([{_CLASS}])', '\1 \2 ', 'g')"
_ODD = rf"regexp_replace({_FIRST}, '([{_CLASS}]{{2}})', ' \1 ', 'g')"


def upgrade() -> None:
    concurrently.create_index(
        "track_refs_listed_search_parts_idx",
        "track_refs",
        [sa.text(f"to_tsvector('simple'::regconfig, search_text || ' ' || {_EVEN} || ' ' || {_ODD})")],
        schema="tracks",
        postgresql_using="gin",
        postgresql_where=sa.text("listed_at IS NOT NULL"),
    )
    op.create_table(
        "backfills",
        sa.Column("name", sa.Text, nullable=False, comment="The table and column"),
        sa.Column("version", sa.Integer, nullable=False, comment="The form that the values are brought into"),
        sa.Column("number", sa.Integer, nullable=False, comment="The pass, from 1; 3 once both are done"),
        sa.Column("after_id", sa.Uuid, nullable=False, comment="The last row that this pass visited"),
        sa.Column(
            "after_seq",
            sa.BigInteger,
            nullable=False,
            comment="The rest of its key; 0 where the id is all of it",
        ),
        sa.Column(
            "started_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When the first pass to this version began",
        ),
        sa.PrimaryKeyConstraint("name", name="backfills_pkey"),
        schema="tracks",
        comment="How far values that earlier builds wrote have been brought into the present form.",
    )
    create_grants("tracks", {"backfills": "SELECT, INSERT, UPDATE"})
