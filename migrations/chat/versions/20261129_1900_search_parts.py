"""Find parts of words in scripts without spaces among rooms; and bring search texts into their present form.

The index of whole words stays for the builds that search by it. The janitor rewrites the texts in small steps, so nothing
is rewritten here.
"""

import sqlalchemy as sa
from alembic import op

from migrations import concurrently
from migrations.support import create_grants

revision = "20261129_1900"
down_revision = "20261129_1115"
compatible_from = "20261122_2010"
former_checksum = "a1a1757d25f50e8db5ad663bef37c4f11b4e88e90df8d8b77dc16d7db430d1f1"

# Beside the words each two characters in a row: those that begin at an even place of a run, then those at an odd one.
_CLASS = r"\u0E00-\u1DFF\u2E80-\U0003FFFF"
_EVEN = rf"regexp_replace(search_name, '([{_CLASS}]{{2}})', ' \1 ', 'g')"
_FIRST = rf"regexp_replace(search_name, '(^|[^{_CLASS}])([{_CLASS}])', '\1 \2 ', 'g')"
_ODD = rf"regexp_replace({_FIRST}, '([{_CLASS}]{{2}})', ' \1 ', 'g')"


def upgrade() -> None:
    concurrently.create_index(
        "rooms_search_parts_idx",
        "rooms",
        [sa.text(f"to_tsvector('simple'::regconfig, search_name || ' ' || {_EVEN} || ' ' || {_ODD})")],
        schema="chat",
        postgresql_using="gin",
        postgresql_where=sa.text("NOT private AND archived_at IS NULL"),
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
        schema="chat",
        comment="How far values that earlier builds wrote have been brought into the present form.",
    )
    create_grants("chat", {"backfills": "SELECT, INSERT, UPDATE"})
