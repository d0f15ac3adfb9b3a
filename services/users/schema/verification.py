"""Claims that an artist profile belongs to the owner of a page, their checks, and the log of their states."""

import sqlalchemy as sa

from services.users.schema.artists import artist_profiles
from services.users.schema.base import USER, instant, metadata

_STATES = (
    "'PENDING', 'CHECKING', 'VERIFIED', 'STALE', 'FAILED', 'EXPIRED', 'CANCELLED', 'REJECTED', 'REVOKED'"
)

verification_requests = sa.Table(
    "verification_requests",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="The user who claims", info=USER),
    sa.Column("artist_profile_id", sa.Uuid, nullable=False, comment="The profile that is to be verified"),
    sa.Column(
        "target_url", sa.Text, nullable=False, comment="The claimed page in its canonical spelling, https"
    ),
    sa.Column(
        "target_kind",
        sa.Text,
        nullable=False,
        comment="WEBSITE, SPOTIFY, SOUNDCLOUD, BANDCAMP or YOUTUBE: where a proof may stand",
    ),
    sa.Column(
        "target_host",
        sa.Text,
        sa.Computed("split_part(target_url, '/'::text, 3)", persisted=True),
        nullable=False,
        comment="Host of the claimed page, for limits",
    ),
    sa.Column("claim_code", sa.Text, nullable=False, comment="What has to stand on the page"),
    sa.Column(
        "state",
        sa.Text,
        nullable=False,
        server_default="PENDING",
        comment=f"One of {_STATES}".replace("'", ""),
    ),
    sa.Column(
        "attempt_count",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="Checks that the user started",
    ),
    sa.Column("expires_at", instant, nullable=False, comment="When a claim that is not verified expires"),
    sa.Column(
        "checking_until",
        instant,
        comment="Lease of the process that checks; set exactly while the state is CHECKING",
    ),
    sa.Column("checked_at", instant, comment="When the last check was started; empty: never"),
    sa.Column("verified_at", instant, comment="When it was last verified; empty: never"),
    sa.Column("recheck_at", instant, comment="When it is checked again; set exactly while VERIFIED or STALE"),
    sa.Column("stale_at", instant, comment="Since when it has been STALE; set exactly while it is"),
    sa.Column(
        "recheck_failed_at", instant, comment="First failed re-check since it became STALE; empty: none"
    ),
    sa.Column(
        "created_at", instant, nullable=False, server_default=sa.func.now(), comment="When it was started"
    ),
    sa.Column(
        "updated_at", instant, nullable=False, server_default=sa.func.now(), comment="Last change of the row"
    ),
    sa.PrimaryKeyConstraint("id", name="verification_requests_pkey"),
    sa.UniqueConstraint("claim_code", name="verification_requests_claim_code_key"),
    sa.ForeignKeyConstraint(
        ["artist_profile_id"],
        [artist_profiles.c.id],
        name="verification_requests_artist_profile_id_fkey",
        ondelete="CASCADE",
    ),
    # One owner per page.
    sa.Index(
        "verification_requests_target_url_key",
        "target_url",
        unique=True,
        postgresql_where=sa.text("state IN ('VERIFIED', 'STALE')"),
    ),
    # A repeated start returns the same claim.
    sa.Index(
        "verification_requests_open_key",
        "artist_profile_id",
        "target_url",
        unique=True,
        postgresql_where=sa.text("state IN ('PENDING', 'CHECKING', 'VERIFIED', 'STALE')"),
    ),
    sa.Index("verification_requests_user_id_id_idx", "user_id", "id"),
    sa.Index("verification_requests_state_id_idx", "state", "id"),
    sa.Index(
        "verification_requests_checking_until_idx",
        "checking_until",
        postgresql_where=sa.text("state = 'CHECKING'"),
    ),
    sa.Index(
        "verification_requests_expires_at_idx", "expires_at", postgresql_where=sa.text("state = 'PENDING'")
    ),
    sa.Index(
        "verification_requests_recheck_at_idx",
        "recheck_at",
        postgresql_where=sa.text("state IN ('VERIFIED', 'STALE')"),
    ),
    sa.CheckConstraint(f"state IN ({_STATES})", name="verification_requests_state_check"),
    sa.CheckConstraint(
        "target_kind IN ('WEBSITE', 'SPOTIFY', 'SOUNDCLOUD', 'BANDCAMP', 'YOUTUBE')",
        name="verification_requests_target_kind_check",
    ),
    sa.CheckConstraint(
        "target_url ~ '^https://' AND octet_length(target_url) <= 2048",
        name="verification_requests_target_url_check",
    ),
    sa.CheckConstraint(
        "claim_code ~ '^seda-verify-[a-z2-7]{26}$'", name="verification_requests_claim_code_check"
    ),
    sa.CheckConstraint("attempt_count BETWEEN 0 AND 1000", name="verification_requests_attempt_count_check"),
    sa.CheckConstraint(
        "(state = 'CHECKING') = (checking_until IS NOT NULL)", name="verification_requests_checking_check"
    ),
    sa.CheckConstraint(
        "(state IN ('VERIFIED', 'STALE')) = (recheck_at IS NOT NULL)",
        name="verification_requests_recheck_check",
    ),
    sa.CheckConstraint(
        "(state = 'STALE') = (stale_at IS NOT NULL)", name="verification_requests_stale_check"
    ),
    sa.CheckConstraint(
        "state = 'STALE' OR recheck_failed_at IS NULL", name="verification_requests_recheck_failed_check"
    ),
    sa.CheckConstraint(
        "octet_length(target_host) BETWEEN 1 AND 255", name="verification_requests_target_host_check"
    ),
    comment="Claims of pages, by which artist profiles become verified.",
    info={"changed_by": "seda.users.v1.VerificationService/CheckVerification"},
)

verification_attempts = sa.Table(
    "verification_attempts",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
    sa.Column("request_id", sa.Uuid, nullable=False, comment="The claim that was checked"),
    sa.Column("cause", sa.Text, nullable=False, comment="OWNER (CheckVerification) or RECHECK"),
    sa.Column(
        "stage", sa.Text, nullable=False, comment="How far it came: DNS, CONNECT, TLS, HTTP, BODY or MATCH"
    ),
    sa.Column("failure", sa.Text, comment="Why it failed, such as CODE_NOT_FOUND; empty: it succeeded"),
    sa.Column("proof", sa.Text, comment="The kind of the proof that was found; empty: none"),
    sa.Column("status_code", sa.Integer, comment="HTTP status of the page; empty: there was none"),
    sa.Column("host", sa.Text, nullable=False, comment="Host of the claimed page, for limits"),
    sa.Column("user_id", sa.Uuid, nullable=False, comment="The user who claims, for limits", info=USER),
    sa.Column(
        "created_at", instant, nullable=False, server_default=sa.func.now(), comment="When the check ended"
    ),
    sa.PrimaryKeyConstraint("id", name="verification_attempts_pkey"),
    sa.ForeignKeyConstraint(
        ["request_id"],
        [verification_requests.c.id],
        name="verification_attempts_request_id_fkey",
        ondelete="CASCADE",
    ),
    sa.Index("verification_attempts_request_id_id_idx", "request_id", "id"),
    sa.Index("verification_attempts_user_id_created_at_idx", "user_id", "created_at"),
    sa.CheckConstraint("cause IN ('OWNER', 'RECHECK')", name="verification_attempts_cause_check"),
    sa.CheckConstraint(
        "stage IN ('DNS', 'CONNECT', 'TLS', 'HTTP', 'BODY', 'MATCH')",
        name="verification_attempts_stage_check",
    ),
    sa.CheckConstraint("failure ~ '^[A-Z][A-Z_]{0,31}$'", name="verification_attempts_failure_check"),
    sa.CheckConstraint("proof ~ '^[A-Z][A-Z_]{0,31}$'", name="verification_attempts_proof_check"),
    sa.CheckConstraint("(failure IS NULL) = (proof IS NOT NULL)", name="verification_attempts_outcome_check"),
    sa.CheckConstraint("status_code BETWEEN 100 AND 599", name="verification_attempts_status_code_check"),
    sa.CheckConstraint("octet_length(host) BETWEEN 1 AND 255", name="verification_attempts_host_check"),
    comment="Outcomes of checks. Never the page's content, an address or what a resolver said.",
)

verification_transitions = sa.Table(
    "verification_transitions",
    metadata,
    sa.Column("id", sa.Uuid, nullable=False, comment="UUIDv7 made by the service"),
    sa.Column("request_id", sa.Uuid, nullable=False, comment="The claim whose state changed"),
    sa.Column("from_state", sa.Text, comment="State before; empty: it was started"),
    sa.Column("to_state", sa.Text, nullable=False, comment="State after"),
    sa.Column(
        "actor_kind",
        sa.Text,
        nullable=False,
        comment="USER, SYSTEM (a worker) or OPERATOR (the seda command)",
    ),
    sa.Column("actor_id", sa.Uuid, comment="The user; set exactly when actor_kind is USER", info=USER),
    sa.Column(
        "created_at", instant, nullable=False, server_default=sa.func.now(), comment="Transaction time"
    ),
    sa.PrimaryKeyConstraint("id", name="verification_transitions_pkey"),
    sa.ForeignKeyConstraint(
        ["request_id"],
        [verification_requests.c.id],
        name="verification_transitions_request_id_fkey",
        ondelete="CASCADE",
    ),
    sa.Index("verification_transitions_request_id_id_idx", "request_id", "id"),
    sa.CheckConstraint(
        f"from_state IN ({_STATES}) AND from_state <> to_state",
        name="verification_transitions_from_state_check",
    ),
    sa.CheckConstraint(f"to_state IN ({_STATES})", name="verification_transitions_to_state_check"),
    sa.CheckConstraint(
        "actor_kind IN ('USER', 'SYSTEM', 'OPERATOR')", name="verification_transitions_actor_kind_check"
    ),
    sa.CheckConstraint(
        "(actor_kind = 'USER') = (actor_id IS NOT NULL)", name="verification_transitions_actor_check"
    ),
    comment="Every change of a claim's state, written in its transaction.",
)
